"""A long answer of JSON Lines, written as it is made; broken off where its reader leaves, so it never looks whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from gateway.api.headers import for_file
from gateway.api.presence import Presence
from gateway.api.routing import Call

MEDIA: Final = "application/jsonl"
_WRITE_TIMEOUT: Final = 60.0


async def send_lines(call: Call, name: str, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    """The lines as a download, for as long as its reader is signed in and reads."""
    request, present = call.request, Presence(call.services, call.me, using=True)
    response = web.StreamResponse(headers={**for_file(name, MEDIA, download=True), "Content-Type": MEDIA})
    await response.prepare(request)
    try:
        async for line in lines:
            if not await present.still():
                _break_off(request)
                return response
            async with asyncio.timeout(_WRITE_TIMEOUT):
                await response.write(line)
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        _break_off(request)
    return response


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
