"""Server-Sent Events: a reader that takes nothing any more does not hold its stream for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.api import events


async def test_a_reader_that_stands_still_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is open, nothing is read, and the buffers are full."""
    monkeypatch.setattr(events, "WRITE_TIMEOUT", 0.2)
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[events.Event]:
        while True:
            yield events.Event("progress", "x" * 1_000_000)

    async def follow(request: web.Request) -> web.StreamResponse:
        try:
            return await events.stream(request, endless())
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
