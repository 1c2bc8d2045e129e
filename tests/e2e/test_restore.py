"""An older copy of the database is put back while the gateway is stopped: who was forgotten since stays forgotten.

Requests race the start, with the sign-in and the link that were good when the copy was made. None of them is answered
with anything of the person's, from the first that is answered at all.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.databases import Server
from tests.e2e import clients
from tests.e2e.processes import Browser, House, command, eventually, house, tour

pytestmark = pytest.mark.slow


@dataclass
class Stage:
    """A house whose database can be copied and put back while it is stopped."""

    house: House
    copy: Callable[[], Awaitable[None]]
    put_back: Callable[[], Awaitable[None]]


def _folders(running: House) -> tuple[Path, Path]:
    return running.ours / "gateway", running.folder / "copy"


@pytest.fixture(params=["sqlite", "postgresql"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """On SQLite the data folder is copied; on PostgreSQL the database besides."""
    server = await Server.get(request.config) if request.param == "postgresql" else None
    name = await server.make([]) if server else ""
    async with house(tmp_path / "house", database_url=server.url(name) if server else "") as running:

        async def copy() -> None:
            shutil.copytree(*_folders(running))
            if server:
                await server.run(f"CREATE DATABASE {name}_copy TEMPLATE {name}")

        async def put_back() -> None:
            data, kept = _folders(running)
            shutil.rmtree(data)
            shutil.copytree(kept, data)
            if server:
                await server.run(f"DROP DATABASE {name} WITH (FORCE)")
                await server.run(f"CREATE DATABASE {name} TEMPLATE {name}_copy")

        yield Stage(running, copy, put_back)
    if server:
        for one in (name, f"{name}_copy"):
            await server.run(f"DROP DATABASE IF EXISTS {one} WITH (FORCE)")


async def racing(url: str, cookie: dict[str, str], paths: list[str], over: asyncio.Event) -> list[int]:
    """The statuses of requests that are sent all the time, from before the gateway listens until after it is ready."""
    seen: list[int] = []
    async with aiohttp.ClientSession(headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookie.items())}) as http:
        while not over.is_set() or len(seen) < len(paths):
            for path in paths:
                try:
                    async with http.get(url + path) as response:
                        seen.append(response.status)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.005)
    return seen


def cookies(who: Browser) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in who.http.cookie_jar}


async def anew(who: Browser) -> dict[str, Any] | None:
    """Who they are once they can sign in again: while the rest of them is destroyed, they cannot."""
    try:
        return dict(await who.sign_in("riverside", "leo.park"))
    except tour.TourFailed:
        return None


async def test_the_forgotten_stay_forgotten(stage: Stage) -> None:
    running = stage.house
    async with Browser(running.url) as leo, Browser(running.url) as amira:
        me = await leo.sign_in("riverside", "leo.park", fresh=True)
        await amira.sign_in("riverside", "amira.haddad")
        diary = await clients.upload(leo, "native", "root", "Diary.txt", clients.noise("diary", 300_000))
        await clients.upload(amira, "native", "root", "Plan.txt", b"a plan")
        await running.stop()
        await stage.copy()
        before = cookies(leo)
        await running.start()
        keys = await leo.api("GET", "/v1/receipt-keys")
        address = await clients.forget(leo)
        assert (await clients.receipt(leo, address, keys))["keys_destroyed"] is True
        await running.stop()
        await stage.put_back()

        over = asyncio.Event()
        content = f"/v1/drives/native/items/{diary['item']}/content"
        race = asyncio.create_task(racing(running.url, before, ["/v1/me", content], over))
        await running.start()
        over.set()
        statuses = await race
        assert statuses
        assert set(statuses) == {401}

        await amira.api("GET", "/v1/me", 401)
        again = await eventually(lambda: anew(leo), pause=0.2)
        assert again["id"] != me["id"]
        assert [one async for one in leo.children("native", "root")] == []
        await amira.sign_in("riverside", "amira.haddad")
        assert [one["name"] async for one in amira.children("native", "root")] == ["Plan.txt"]
        assert "database_restored" in running.log.read_text()


async def test_a_missing_or_older_journal_refuses_the_start(stage: Stage) -> None:
    """With code 2 and a sentence; the newest one put back, it serves again."""
    running = stage.house
    journal, kept = running.ours / "gateway-journal", running.folder / "journal"
    await running.stop()
    shutil.copytree(journal, kept)
    await running.start()
    await running.stop()
    newest = running.folder / "newest"
    shutil.move(journal, newest)
    for older in (None, kept):
        if older is not None:
            shutil.rmtree(journal, ignore_errors=True)
            shutil.copytree(older, journal)
        ended = await command("serve", environment=running.settings)
        assert ended.code == 2
        assert "journal" in ended.err
    shutil.rmtree(journal)
    shutil.copytree(newest, journal)
    await running.start()
