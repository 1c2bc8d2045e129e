"""One pass over an origin: opened where it is needed, cut into pieces, hashed once, and blamed for what is its fault.

The hash covers the stream from its beginning. After a crash the destination may already hold the first bytes while
nobody has their hash: then they are read again from the source, hashed and not sent, and the same download goes on
into what is sent. No part of a file is read twice otherwise, and none of it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from gateway.transfers.access import at_source
from gateway.transfers.origin import Origin
from providers import hashes
from providers.errors import Untrusted


class Tap:
    """Use it within ``async with``. ``algorithm`` None: nobody needs a hash. ``passed`` is told each position."""

    def __init__(self, origin: Origin, algorithm: str | None, passed: Callable[[int], None]) -> None:
        self.trouble: Exception | None = None
        """What the origin raised last: it may reach a caller wrapped by the destination's transport."""
        self._origin = origin
        self._hash = hashes.new(algorithm) if algorithm else None
        self._hashed = 0
        self._passed = passed
        self._position = 0
        self._left = b""
        self._stack = AsyncExitStack()
        self._pieces: AsyncIterator[bytes] | None = None
        self._turn = 0
        self._reading = asyncio.Lock()
        self._broken = False

    async def __aenter__(self) -> Tap:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turn += 1
        async with self._reading:
            await self._close()

    async def prepare(self, offset: int) -> None:
        """Stand at ``offset`` with everything before it hashed. Raises what the origin raises; Parked."""
        self._turn += 1  # a transport that still pulls from an earlier piece gets nothing more
        async with self._reading:
            self.trouble = None
            begin = min(self._hashed, offset) if self._hash else offset
            if self._pieces is None or self._broken or self._position != begin:
                await self._open(begin)
            while self._position < offset:
                await self._next(offset - self._position)

    async def take(self, length: int) -> AsyncIterator[bytes]:
        """The next ``length`` bytes in pieces of at most 256 KiB. Untrusted where the origin ends before."""
        turn = self._turn
        while length > 0:
            async with self._reading:
                if turn != self._turn:
                    raise Untrusted("another piece has begun")
                piece = await self._next(length)
            length -= len(piece)
            yield piece
            await asyncio.sleep(0)  # a paused transport yields by itself, a fast one would starve small requests

    def digest(self) -> bytes | None:
        """The hash of everything from the beginning to the furthest byte taken."""
        return self._hash.digest() if self._hash else None

    async def _open(self, start: int) -> None:
        await self._close()
        with self._blamed(), at_source(self._origin.lane):
            self._pieces = await self._stack.enter_async_context(self._origin.read(start))
        self._position, self._broken = start, False

    async def _close(self) -> None:
        self._pieces, self._left = None, b""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def _next(self, most: int) -> bytes:
        """The next piece, hashed and told."""
        with self._blamed():
            if not self._left:
                assert self._pieces is not None
                self._broken = True  # until it has answered: a cancelled read leaves nobody knows where
                with at_source(self._origin.lane):
                    self._left = await anext(self._pieces, b"")
                if not self._left:
                    raise Untrusted("the source ended before its stated size")
                self._broken = False
            piece, self._left = self._left[:most], self._left[most:]
            end = self._position + len(piece)
            if self._hash and end > self._hashed:
                self._hash.update(piece[self._hashed - self._position :])
                self._hashed = end
            self._position = end
            self._passed(end)
            return piece

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.trouble = error
            raise
