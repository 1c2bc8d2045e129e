"""Server-Sent Events: one frame an event, ids for Last-Event-ID, a comment now and then to keep proxies awake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from gateway.api import presence
from gateway.api.presence import Presence

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


async def stream(request: web.Request, events: AsyncIterator[Event], reader: Presence) -> web.StreamResponse:
    """Send events until they end, the reader leaves, or the reader's sign-in has ended."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    upcoming: asyncio.Task[Event | None] | None = None
    sent = time.monotonic()
    try:
        while await reader.still():
            upcoming = upcoming or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({upcoming}, timeout=min(HEARTBEAT, presence.EVERY))
            if not done:
                if time.monotonic() - sent >= HEARTBEAT:
                    sent = time.monotonic()
                    await _write(response, b": still here\n\n")
                continue
            event = upcoming.result()
            if event is None:
                break
            upcoming = None
            sent = time.monotonic()
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
