"""kill -9 after a promise was made: bytes that were acknowledged to a browser, and people who were told that they are
being forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e import clients
from tests.e2e.clients import noise, sha256
from tests.e2e.deaths import HOLD, Desk, kept, nothing_is_left, open_desk, struck
from tests.e2e.processes import Browser, blob, eventually, now

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("kill") / "house") as made:
        yield made


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
            await eventually(lambda: struck(running.google))
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
