"""Server-Sent Events: a reader that takes nothing any more does not hold its stream for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from gateway.api import events, presence
from gateway.api.presence import Presence


class Somebody(Presence):
    """A reader who stays signed in as long as the test likes."""

    def __init__(self) -> None:
        self.signed_in = True

    async def still(self) -> bool:
        return self.signed_in


async def test_a_reader_that_stands_still_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is open, nothing is read, and the buffers are full."""
    monkeypatch.setattr(events, "WRITE_TIMEOUT", 0.2)
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[events.Event]:
        while True:
            yield events.Event("progress", "x" * 1_000_000)

    async def follow(request: web.Request) -> web.StreamResponse:
        try:
            return await events.stream(request, endless(), Somebody())
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", follow)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1], limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        await asyncio.wait_for(ended.wait(), 10)
        writer.close()
    finally:
        await runner.cleanup()


async def test_a_stream_without_events_ends_with_the_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever signs out while nothing happens is not sent what happens later."""
    monkeypatch.setattr(presence, "EVERY", 0.05)
    somebody, asked = Somebody(), asyncio.Event()

    async def quiet() -> AsyncIterator[events.Event]:
        yield events.Event("progress", "{}")
        asked.set()
        await asyncio.Event().wait()

    async def follow(request: web.Request) -> web.StreamResponse:
        return await events.stream(request, quiet(), somebody)

    app = web.Application()
    app.router.add_get("/", follow)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with asyncio.timeout(10), aiohttp.ClientSession() as http, http.get(url) as response:
            await asked.wait()
            somebody.signed_in = False
            assert await response.read() == b"event: progress\ndata: {}\n\n"
    finally:
        await runner.cleanup()
