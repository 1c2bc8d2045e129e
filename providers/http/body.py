"""Bodies, counted: what was promised is what passes, in pieces of at most 256 KiB, each under a time limit.

aiohttp cuts a body that is longer than its Content-Length without a word, and waits for ever on a shorter one or on a
peer that stops reading; so the bytes are counted and timed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from providers.errors import DriveError, Offline, Untrusted
from providers.http.turns import Turns

PIECE = 256 * 1024
"""The largest piece in the data path, bytes."""

ERROR_BODY = 64 * 1024
"""How much of an error's body is looked at, bytes."""

SLOW_SECONDS, SLOW_BYTES = 60.0, 64 * 1024
"""Who sends fewer bytes in that much waiting is given up."""

ANSWER_SECONDS = 120.0
"""How long the head of an answer may take once the whole request was sent: a silent server is noticed much earlier."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole small answer: status, headers (names case-insensitive), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server says it did what was asked."""
        return 200 <= self.status < 300


class Upload:
    """A request body that counts what it yields and notices a peer that no longer takes it.

    The clock runs while a yielded piece is being written, not while the source produces the next one. What went wrong
    stays in ``error``, because aiohttp hides it behind a connection error.
    """

    def __init__(self, data: AsyncIterator[bytes], length: int, seconds: float, turns: Turns) -> None:
        self._data = data
        self._length = length
        self._seconds = seconds
        self._turns = turns
        self.error: BaseException | None = None

    async def under(self, clock: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The pieces, with ``clock`` (entered by the requesting task) set while one is on its way."""
        loop = asyncio.get_running_loop()
        try:
            async for piece in self._counted():
                _set(clock, loop.time() + self._seconds)
                yield piece
                _set(clock, None)
                await self._turns.next()  # a write that is not paused does not yield, and small requests would starve
            _set(clock, loop.time() + ANSWER_SECONDS)
        except BaseException as error:
            self.error = error
            raise

    async def _counted(self) -> AsyncIterator[bytes]:
        """One chunk behind the source, so that the last one leaves only when the source has kept its promise."""
        seen, held = 0, b""
        async for chunk in self._data:
            seen += len(chunk)
            if seen > self._length:
                raise Untrusted("the source gave more bytes than it promised", reason="length")
            for piece in _cut(held):
                yield piece
            held = chunk
        if seen < self._length:
            raise Untrusted("the source gave fewer bytes than it promised", reason="length")
        for piece in _cut(held):
            yield piece


def _cut(chunk: bytes) -> Iterator[bytes]:
    if len(chunk) <= PIECE:
        if chunk:
            yield chunk
        return
    for start in range(0, len(chunk), PIECE):
        yield chunk[start : start + PIECE]


def _set(clock: asyncio.Timeout, when: float | None) -> None:
    with contextlib.suppress(RuntimeError):  # the answer came before the body was through: nobody waits any more
        clock.reschedule(when)


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Bytes in hand as an iterator."""
    yield data


async def exactly(data: AsyncIterator[bytes], length: int) -> bytes:
    """A small body in hand, which can be sent again. Untrusted where the source gives more or fewer bytes."""
    parts, room = [], length
    async for chunk in data:
        room -= len(chunk)
        if room < 0:
            break
        parts.append(chunk)
    if room:
        raise Untrusted("the source gave more or fewer bytes than it promised", reason="length")
    return b"".join(parts)


def broken(error: BaseException) -> DriveError:
    """What a failed exchange means. The address stays out of it."""
    if isinstance(error, aiohttp.ClientSSLError):
        return Untrusted("the server cannot prove who it is", reason="tls")
    if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ClientResponseError)):
        return Untrusted("the answer ended early or was malformed", reason="body")
    return Offline("the provider does not answer", reason="connection")


class Floor:
    """Notices a peer that drips: fewer than 64 KiB in a minute of waiting for it, however often a byte comes.

    The clock runs only while the peer is waited for, not while whoever reads the pieces is busy with them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waited = 0.0
        self._seen = 0
        self._since = clock()

    def waits(self) -> None:
        """From now on the peer is waited for."""
        self._since = self._clock()

    def came(self, size: int) -> None:
        """So many bytes came. Offline where that is too slow."""
        self._waited += self._clock() - self._since
        self._seen += size
        if self._waited >= SLOW_SECONDS:
            if self._seen < SLOW_BYTES:
                raise Offline("the provider sends too slowly", reason="slow")
            self._waited, self._seen = 0.0, 0


async def pieces(
    response: aiohttp.ClientResponse, expected: int | None = None, *, floor: Floor | None = None
) -> AsyncIterator[bytes]:
    """The body as it comes, in pieces of at most 256 KiB. ``expected`` bytes where known.

    Untrusted where fewer or more bytes come than were promised, Offline where the provider falls silent or drips.
    """
    seen, unbroken, floor = 0, 0, floor or Floor()
    try:
        floor.waits()
        async for piece in response.content.iter_chunked(PIECE):
            seen += len(piece)
            if expected is not None and seen > expected:
                raise Untrusted("more bytes came than were promised", reason="length")
            floor.came(len(piece))
            yield piece
            unbroken += len(piece)
            if unbroken >= PIECE:  # a read that finds bytes does not yield, and small requests would starve
                unbroken = 0
                await asyncio.sleep(0)
            floor.waits()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise broken(error) from None
    if expected is not None and seen < expected:
        raise Untrusted("fewer bytes came than were promised", reason="length")


async def bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body of a small answer. Untrusted above ``limit`` bytes; an error's body is cut at 64 KiB instead."""
    failed = response.status >= 400
    limit = min(limit, ERROR_BODY) if failed else limit
    parts: list[bytes] = []
    room = limit
    async for piece in pieces(response):
        if len(piece) > room and not failed:
            raise Untrusted("the answer is larger than it may be", reason="length")
        parts.append(piece[:room])
        room -= len(piece)
        if room < 0:
            break
    return b"".join(parts)


async def drained(response: aiohttp.ClientResponse) -> None:
    """Read what nobody wants of a short answer, so that its connection can be used again; a long one is cut off."""
    room = ERROR_BODY
    with contextlib.suppress(DriveError):
        async for piece in pieces(response):
            room -= len(piece)
            if room < 0:
                return


def parsed(body: bytes) -> Any:
    """The JSON of a body. ValueError where it is none, or is nested deeper than any answer."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def identity(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers with compression declined, so that lengths and ranges speak of the file's own bytes."""
    kept = {name: value for name, value in (headers or {}).items() if name.lower() != "accept-encoding"}
    return {**kept, "Accept-Encoding": "identity"}
