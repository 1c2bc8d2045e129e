"""What the tests that kill the gateway share: a desk with both accounts, a move to be watched, and what must be left.

What has arrived is read from the stand-ins' disks, not asked from the gateway.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e import clients
from tests.e2e.clients import noise, plant
from tests.e2e.processes import Browser, House, Running, arrived, eventually, house, now

TEACHER = "amira.haddad@riverside.example"
TREE: clients.Tree = {
    "One.txt": b"the first of some files\n",
    "Two.bin": noise("two", 400_000),
    "Empty.txt": b"",
    "Plan": None,
    "Deeper": {"Three.bin": noise("three", 300_000), "Deepest": {"Four.txt": b"the last of them\n"}, "Nothing": {}},
}
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


@asynccontextmanager
async def open_desk(folder: Path, database_url: str = "", *serve: str) -> AsyncGenerator[Desk]:
    """A house below ``folder`` and a teacher in it. ``serve``: more arguments of the gateway."""
    async with house(folder, database_url=database_url, serve=serve) as running, Browser(running.url) as teacher:
        await teacher.sign_in("riverside", "amira.haddad")
        google, onedrive = [await teacher.connect(provider, TEACHER) for provider in ("google", "microsoft")]
        yield Desk(running, teacher, google, onedrive)


async def struck(vendor: Running) -> bool:
    """Whether the only rule of a stand-in has met its request."""
    [rule] = await vendor.control("GET", "faults")
    return bool(rule["hits"])


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
