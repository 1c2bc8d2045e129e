"""kill -9 in the middle: started again on the same data, the gateway goes on by itself and nothing is lost or doubled.

The middle is made by faults of the stand-ins: a request is held, or done and its answer held back, and while it hangs
the gateway dies. What has arrived is read from the stand-ins' disks, not asked from the gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e import clients
from tests.e2e.clients import noise, plant, sha256
from tests.e2e.processes import Browser, House, arrived, blob, eventually, house, now

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEACHER = "amira.haddad@riverside.example"
TREE: clients.Tree = {
    "One.txt": b"the first of some files\n",
    "Two.bin": noise("two", 400_000),
    "Empty.txt": b"",
    "Plan": None,
    "Deeper": {"Three.bin": noise("three", 300_000), "Deepest": {"Four.txt": b"the last of them\n"}, "Nothing": {}},
}
BIG: clients.Tree = {"Film.bin": noise("film", 61 * 1024 * 1024)}
HOLD = {"latency_ms": 2500}
"""The request waits before anything is done; it may still be done after the gateway died."""
KEEP_ANSWER = {"truncate": 0, "stall_ms": 5000}
"""The request is done, and its answer hangs."""


@dataclass
class Moved:
    """One folder on its way. ``expected`` is what must be in OneDrive in the end."""

    house: House
    folder: str
    source: str
    expected: list[tuple[str, str]]

    def arrived(self) -> list[tuple[str, str]]:
        return arrived(self.house.microsoft, TEACHER, self.folder)

    def sources(self) -> dict[str, dict[str, Any]]:
        """The planted rows at Google by path."""
        files = now(self.house.google, "files")

        def path(row: dict[str, Any]) -> list[str]:
            above = [] if row["id"] == self.source else path(files[row["parent"]]) if row["parent"] in files else [""]
            return [*above, row["name"]]

        return {"/".join(names): row for row in files.values() if (names := path(row))[0] == self.folder}

    def trashed(self) -> list[str]:
        return [path for path, row in self.sources().items() if row["trashed"]]

    def nothing_is_lost(self) -> None:
        """What is in Google's trash is in OneDrive, whole; a folder only when everything below it is."""
        there = set(self.arrived())
        for path in self.trashed():
            below = {one for one in self.expected if one[0] == path or one[0].removesuffix(".docx") == path}
            below |= {one for one in self.expected if one[0].startswith(path + "/")}
            assert below
            assert below <= there, f"{path} was trashed before it had arrived"


@dataclass(frozen=True)
class Point:
    """Where the gateway dies: the stand-in and its rule, and what must be seen on a disk before (None: the hit)."""

    vendor: str
    match: dict[str, Any]
    do: dict[str, Any]
    seen: Callable[[Moved], object] | None = None
    tree: clients.Tree = field(default_factory=lambda: TREE)


UPLOAD = {"method": "PUT", "path": "/up/*"}
POINTS = {
    "while the folder is listed": Point("google", {"method": "GET", "path": "/drive/v3/files", "after": 1}, HOLD),
    "folder made, answer lost": Point(
        "microsoft", {"method": "POST", "path": "*/children", "after": 1}, KEEP_ANSWER, lambda it: len(it.arrived()) > 1
    ),
    "session opened, answer lost": Point("microsoft", {"method": "POST", "path": "*/createUploadSession"}, KEEP_ANSWER),
    "bytes in the air": Point("microsoft", {**UPLOAD, "after": 2}, HOLD),
    "file arrived, answer lost": Point(
        "microsoft", UPLOAD, KEEP_ANSWER, lambda it: [path for path, digest in it.arrived() if digest]
    ),
    "while a document is exported": Point("google", {"method": "GET", "path": "*/export"}, HOLD),
    "export kept, not yet sent": Point("microsoft", UPLOAD, HOLD, tree={"Plan": None}),
    "source trashed, answer lost": Point(
        "google", {"method": "PATCH", "path": "/drive/v3/files/*"}, KEEP_ANSWER, lambda it: it.trashed()
    ),
}


@dataclass
class Desk:
    """A teacher who has connected both accounts."""

    house: House
    teacher: Browser
    google: str
    onedrive: str

    async def move(self, folder: str, tree: clients.Tree) -> tuple[Moved, str]:
        """Plant a folder and order its move; what must come of it, and the job."""
        source, expected = await plant(self.house.google, TEACHER, folder, tree)
        found = [one async for one in self.teacher.children(self.google, "root") if one["name"] == folder]
        order = {
            "mode": "move",
            "sources": [{"drive": self.google, "item": found[0]["id"]}],
            "destination": {"drive": self.onedrive, "item": "root"},
        }
        key = {"Idempotency-Key": secrets.token_hex(16)}
        job = await self.teacher.api("POST", "/v1/transfers", 202, json=order, headers=key)
        return Moved(self.house, folder, source, expected), str(job["id"])

    async def job(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.teacher.api("GET", f"/v1/jobs/{job}")
        return found

    async def ended(self, job: str) -> dict[str, Any]:
        async def over() -> dict[str, Any] | None:
            found = await self.job(job)
            return found if found.get("ended") else None

        found: dict[str, Any] = await eventually(over, 40)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with house(tmp_path_factory.mktemp("kill") / "house") as running, Browser(running.url) as teacher:
        await teacher.sign_in("riverside", "amira.haddad")
        google, onedrive = [await teacher.connect(provider, TEACHER) for provider in ("google", "microsoft")]
        yield Desk(running, teacher, google, onedrive)


def kept(running: House) -> dict[str, str]:
    """What the vault keeps: the life of each object by its id, as its database says."""
    path = running.ours / "gateway" / "gateway.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT id, life FROM vault_objects"))


def stored(running: House) -> set[str]:
    """Names of the sealed files on disk, those that are still being written too."""
    folders = [running.ours / "gateway" / name for name in ("blobs", "staging")]
    return {path.name for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


async def nothing_is_left(running: House) -> None:
    """No spool, and no sealed bytes that nobody knows of.

    A process that dies between a blob and its row leaves bytes whose key was never stored. They end after an hour,
    which we make of them.
    """
    assert "spool" not in kept(running).values()
    blobs = running.ours / "gateway" / "blobs"
    for name in stored(running) - set(kept(running)):
        for path in blobs.rglob(name):
            os.utime(path, (0, 0))

    async def swept() -> bool:
        return stored(running) == set(kept(running))

    await eventually(swept, 15, 0.2)


async def all_is_well(desk: Desk, moved: Moved, job: str) -> None:
    """The job went on by itself and did what was ordered, once."""
    ended = await desk.ended(job)
    assert ended["state"] == "done", ended
    assert (ended["counts"]["failed"], ended["counts"]["waiting"]) == (0, 0), ended
    assert moved.arrived() == moved.expected, "every file, once, with its hash"
    assert sorted(moved.trashed()) == sorted(moved.sources()), "and only now nothing is left of the source"


@pytest.mark.parametrize("name", POINTS)
async def test_a_move_that_is_killed(desk: Desk, name: str) -> None:
    point = POINTS[name]
    vendor = getattr(desk.house, point.vendor)
    folder = f"Killed {name}"
    await vendor.requests()
    await vendor.control("POST", "faults", [{"match": {**point.match, "times": 1}, "do": point.do}])
    try:
        moved, job = await desk.move(folder, point.tree)

        async def hit() -> bool:
            [rule] = await vendor.control("GET", "faults")
            return bool(rule["hits"]) and (point.seen is None or bool(point.seen(moved)))

        await eventually(hit)
        assert not (await desk.job(job)).get("ended")
        await desk.house.kill()
    finally:
        await vendor.control("DELETE", "faults")
    moved.nothing_is_lost()
    if name == "export kept, not yet sent":
        assert "spool" in kept(desk.house).values(), "this point is where a spool exists"
    await desk.house.start()
    await all_is_well(desk, moved, job)
    assert "spool" not in kept(desk.house).values()


async def test_what_was_acknowledged_is_not_sent_again(desk: Desk) -> None:
    """A large file: killed in its second piece, it goes on in the same session at the second piece."""
    microsoft = desk.house.microsoft
    await microsoft.requests()
    await microsoft.control("POST", "faults", [{"match": {**UPLOAD, "after": 1, "times": 1}, "do": HOLD}])
    try:
        moved, job = await desk.move("Killed in the film", BIG)

        async def hit() -> bool:
            [rule] = await microsoft.control("GET", "faults")
            return bool(rule["hits"])

        await eventually(hit)
        await desk.house.kill()
    finally:
        await microsoft.control("DELETE", "faults")
    assert moved.trashed() == []
    await desk.house.start()
    await all_is_well(desk, moved, job)
    seen = await microsoft.requests()
    assert len([one for one in seen if one["path"].endswith("createUploadSession")]) == 1, "no second session"
    assert len([one for one in seen if one["method"] == "PUT" and not one["fault"]]) == 2, "each piece once"
    await nothing_is_left(desk.house)


async def test_a_move_that_is_killed_again_and_again(desk: Desk) -> None:
    """After so many items as the dice say: whatever else was under way then."""
    dice = random.Random(20260901)
    tree = {f"File {number:02}.bin": noise(f"many {number}", 50_000 + number) for number in range(24)}
    await desk.house.microsoft.control("POST", "faults", [{"match": UPLOAD, "do": {"latency_ms": 200}}])
    try:
        moved, job = await desk.move("Killed again and again", {**tree, **TREE})
        for copied in sorted(dice.sample(range(2, len(tree)), 3)):

            async def so_many(least: int = copied) -> bool:
                return bool((await desk.job(job))["counts"]["copied"] >= least)

            await eventually(so_many)
            await desk.house.kill()
            moved.nothing_is_lost()
            await desk.house.start()
    finally:
        await desk.house.microsoft.control("DELETE", "faults")
    await all_is_well(desk, moved, job)
    await nothing_is_left(desk.house)


async def test_an_upload_that_is_killed(desk: Desk) -> None:
    """What was acknowledged to the browser is there after the crash, also within one long request."""
    content = noise("upload", 20_000_000)
    upload = await clients.begin_upload(desk.teacher, desk.onedrive, "root", "Recording.bin", len(content))
    first = await clients.send(desk.teacher, upload, 0, content[:3_000_000])
    assert first == 3_000_000
    sending = asyncio.create_task(
        clients.send(desk.teacher, upload, first, clients.stalling(content[first:18_000_000]))
    )

    async def acknowledged() -> int:
        found = await clients.offset(desk.teacher, upload)
        return found if found > first else 0

    second = int(await eventually(acknowledged))
    await desk.house.kill()
    with contextlib.suppress(aiohttp.ClientError):
        await sending
    await desk.house.start()
    again = await clients.offset(desk.teacher, upload)
    assert again >= second > first
    assert await clients.send(desk.teacher, upload, again, content[again:]) == len(content)
    item = await clients.upload_done(desk.teacher, upload)
    [row] = [row for row in now(desk.house.microsoft, "items").values() if row["name"] == "Recording.bin"]
    assert sha256(blob(desk.house.microsoft, row).read_bytes()) == sha256(content)
    found = await desk.teacher.api("GET", f"/v1/drives/{desk.onedrive}/items/{item['item']}")
    assert (found["name"], found["size"]) == ("Recording.bin", len(content))


@pytest.mark.parametrize("person", ["leo.park", "mia.chen"])
async def test_an_erasure_that_is_killed(desk: Desk, person: str) -> None:
    """Once where Google is asked to revoke, after the keys are gone, and once the moment it was promised."""
    running, school = desk.house, {"leo.park": "riverside", "mia.chen": "hillcrest"}[person]
    hold = person == "leo.park"
    async with Browser(running.url) as student:
        me = await student.sign_in(school, person, fresh=True)
        drive = await student.connect("google", f"{person}@{school}.example")
        await clients.upload(student, "native", "root", "Diary.txt", noise(person, 300_000))
        [todo] = [one async for one in student.children(drive, "root") if one["name"] == "To do.txt"]
        await student.open(drive, todo["id"])
        keys = await student.api("GET", "/v1/receipt-keys")

        async def both_are_kept() -> bool:
            return {"kept", "cache"} <= set(kept(running).values())

        await eventually(both_are_kept)
        rule = {"match": {"method": "POST", "path": "/revoke", "times": 1}, "do": HOLD}
        await running.google.control("POST", "faults", [rule] if hold else [])
        address = await clients.forget(student)
        if hold:

            async def hit() -> bool:
                return bool((await running.google.control("GET", "faults"))[0]["hits"])

            await eventually(hit)
        await running.kill()
        await running.google.control("DELETE", "faults")
        await running.start()
        statement = await clients.receipt(student, address, keys)
        assert statement["keys_destroyed"] is True
        assert [one["erased"] for one in statement["erased"] if one["store"] == "native"] == [1]
        await student.api("GET", "/v1/me", 401)
        again = await student.sign_in(school, person)
        assert again["id"] != me["id"]
        assert len((await student.api("GET", "/v1/drives"))["items"]) == 1
        assert [one async for one in student.children("native", "root")] == []
    grants = [row for row in now(running.google, "grants").values() if row["person"].startswith(person)]
    assert [row for row in grants if row["client"] == "gateway"] == [], "Google has no grant of ours any more"
    if hold:
        await nothing_is_left(running)
