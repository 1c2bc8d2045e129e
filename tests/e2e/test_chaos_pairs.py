"""Two gateways and two workers share one school, on PostgreSQL, a bucket and Redis: whichever is asked, it is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.databases import Server
from tests.e2e import clients
from tests.e2e.clients import noise, sha256
from tests.e2e.invariants import objects
from tests.e2e.processes import Browser, eventually, playground, tour
from tests.e2e.stores import open_stores
from tests.e2e.storms import Storm, insisted, open_storm

pytestmark = pytest.mark.slow


@dataclass
class Pair:
    """The house, and the address of its second gateway."""

    storm: Storm
    second: str

    def beside(self, who: Browser, stack: AsyncExitStack) -> Browser:
        """The same person with the same cookies, whose requests a balancer sends to the second gateway."""
        other = Browser(self.second)
        stack.push_async_callback(other.http.close)
        headers = {"Origin": who.gateway}  # people see one address
        session = aiohttp.ClientSession(headers=headers, cookie_jar=who.http.cookie_jar)
        stack.push_async_callback(session.close)
        other.http = session
        return other


@pytest.fixture
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    server = await Server.get(request.config)
    name = await server.make([])
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(tmp_path / "stores"))
        storm = await stack.enter_async_context(
            open_storm(tmp_path / "house", 1, (), server.url(name), workers=2, stores=stores)
        )
        port = str(playground.free_port(0))
        settings = {**storm.house.settings, "FILE_ACCESS_PORT": port, "FILE_ACCESS_PUBLIC_URL": storm.house.url}
        serve = ["gateway", "serve", "--no-worker"]
        process = await insisted(lambda: playground.spawn(serve, settings, tmp_path / "second.log"))
        stack.push_async_callback(playground.stop, process)
        yield Pair(storm, f"http://127.0.0.1:{port}")
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


async def test_one_service(pair: Pair) -> None:
    """Cached through one and opened on the other, ordered on one and followed on the other, cancelled, forgotten."""
    storm = pair.storm
    async with AsyncExitStack() as stack:
        first, second = storm.teacher, pair.beside(storm.teacher, stack)
        parcel = await storm.parcel(2)
        folder = await tour.find(first, storm.drives["google"], "root", parcel.name)
        song = await tour.find(first, storm.drives["google"], folder["id"], "Song.bin")

        async def kept() -> bool:
            return bool((await second.api("GET", "/v1/cache"))["items"])

        opened = await first.open(storm.drives["google"], song["id"])
        await eventually(kept)
        again = await second.open(storm.drives["google"], song["id"])
        assert opened[:2] == again[:2]
        assert ("miss" in opened[2], "hit" in again[2]) == (True, True), (opened[2], again[2])

        job = await parcel.order("move", "google", "onedrive")
        followed = await tour.follow_job(second, job)
        assert (followed["state"], followed["counts"]["waiting"]) == ("done", 0), followed
        await storm.arrived(parcel, "move", job, "google", "onedrive", [])

        job = await parcel.order("copy", "onedrive", "native")
        await storm.arrived(parcel, "copy", job, "onedrive", "native", parcel.expected)

        await storm.house.microsoft.control("POST", "faults", [{"match": {"method": "PUT"}, "do": {"bandwidth": 1000}}])
        other = await storm.parcel(3)
        job = await other.order("copy", "google", "onedrive")
        await eventually(lambda: _some(second, job))
        await second.api("POST", f"/v1/jobs/{job}/cancel", 202)
        cancelled = await tour.follow_job(first, job)
        assert cancelled["state"] == "cancelled", cancelled
        counts = cancelled["counts"]
        assert counts["found"] == counts["copied"] + counts["skipped"] + counts["unsupported"] > counts["copied"]
        await storm.house.microsoft.control("DELETE", "faults")
        assert "spool" not in (await objects(storm.house, storm.database)).values()


async def test_forgotten_on_one_is_refused_by_the_other(pair: Pair) -> None:
    async with Browser(pair.storm.house.url) as student, AsyncExitStack() as stack:
        me = await student.sign_in("riverside", "leo.park", fresh=True)
        beside = pair.beside(student, stack)
        content = noise("diary", 300_000)
        upload = await clients.begin_upload(beside, "native", "root", "Diary.bin", len(content))
        assert await clients.send(beside, upload, 0, content) == len(content)
        item = (await clients.upload_done(beside, upload, 90))["item"]
        assert (await student.open("native", item))[0] == (await beside.open("native", item))[0] == sha256(content)
        keys = await student.api("GET", "/v1/receipt-keys")
        address = await clients.forget(student)
        await asyncio.sleep(1)  # what one has acknowledged, the other knows within a second
        await beside.api("GET", "/v1/me", 401)
        async with beside.http.get(f"{beside.gateway}/v1/drives/native/items/{item}/content") as answer:
            assert answer.status == 401
        statement = await clients.receipt(student, address, keys)
        assert statement["keys_destroyed"] is True
        assert (await student.sign_in("riverside", "leo.park"))["id"] != me["id"]
        assert [one async for one in beside.children("native", "root")] == []


async def _some(who: Browser, job: str) -> bool:
    return bool((await who.api("GET", f"/v1/jobs/{job}"))["counts"]["found"] > 3)
