"""Server-Sent Events: one frame an event, ids for Last-Event-ID, a comment now and then to keep proxies awake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

HEARTBEAT = 15.0
WRITE_TIMEOUT = 60.0
"""Seconds in which a reader must take an event; aiohttp has no write timeout of its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its ``name``, its JSON ``data`` (one line) and an ``id`` that a reader can come back with."""

    name: str
    data: str
    id: str | None = None

    def frame(self) -> bytes:
        """The bytes on the wire."""
        lines = [f"event: {self.name}"]
        if self.id is not None:
            lines.append(f"id: {self.id}")
        lines += [f"data: {line}" for line in self.data.splitlines() or [""]]
        return ("\n".join(lines) + "\n\n").encode()


async def stream(request: web.Request, events: AsyncIterator[Event]) -> web.StreamResponse:
    """Send events until they end or the reader leaves."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    upcoming: asyncio.Task[Event | None] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT)
            if not done:
                await _write(response, b": still here\n\n")
                continue
            event = upcoming.result()
            if event is None:
                break
            upcoming = None
            await _write(response, event.frame())
    except (ConnectionError, TimeoutError):  # the reader left, or takes nothing any more
        if request.transport is not None:
            request.transport.abort()
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
    return response


async def _write(response: web.StreamResponse, frame: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT):
        await response.write(frame)


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)
