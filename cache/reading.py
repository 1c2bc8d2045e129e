"""Opening a range of a stored stream.

The last segment is authenticated first, once per open: without that, a blob cut at a segment's boundary would look
whole to a reader in the middle. Each plaintext piece comes out only after its tag was checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

from cache.blobs.base import BlobRead, BlobStore, fetch
from cache.errors import Corrupt, Unavailable
from cache.guard import Guard
from cache.sealing import HEADER, Layout, Opener

_WHOLE = 4
"""Streams of up to so many segments are fetched in one read."""


class SealedRead:
    """One open of one stored stream. ``begin`` first, then ``pieces``."""

    def __init__(self, store: BlobStore, name: str, layout: Layout, guard: Guard) -> None:
        """``layout`` says how long the stream must be; anything else is Corrupt."""
        self._store = store
        self._name = name
        self._layout = layout
        self._guard = guard
        self._whole: bytes | None = None
        self._opener: Opener | None = None

    async def begin(self, key: bytes, aad: bytes) -> None:
        """Authenticate header and last segment. Missing, Corrupt, Unavailable."""
        last = self._layout.segments - 1
        with self._told():
            header, block = await self._ends(last)
            self._opener = Opener.of(key, aad, header, self._layout.segment)
            self._opener.open(last, block, last=True)

    async def _ends(self, last: int) -> tuple[bytes, bytes]:
        """The header and the last segment; of a short stream all of it is kept."""
        layout = self._layout
        start, stop = layout.block(last)
        if layout.segments <= _WHOLE:
            self._whole = await fetch(self._store, self._name, 0, layout.sealed, layout.sealed)
            return self._whole[:HEADER], self._whole[start:stop]
        header, block = await asyncio.gather(
            fetch(self._store, self._name, 0, HEADER, layout.sealed),
            fetch(self._store, self._name, start, stop, layout.sealed),
        )
        return header, block

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whoever counts failures hears of what does not authenticate in here."""
        try:
            yield
        except Corrupt:
            self._guard.failed()
            raise

    async def pieces(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Plaintext start..stop, each piece at most one segment. Raises as `Guard.check` does, and Corrupt."""
        assert self._opener is not None
        if start >= stop:
            return
        first, end = self._layout.index(start), self._layout.index(stop - 1)
        index = first
        with self._told():
            async with aclosing(self._blocks(first, end)) as blocks:
                async for block in blocks:
                    plain = self._opener.open(index, block, last=index == self._layout.segments - 1)
                    at = self._layout.plain_start(index)
                    yield plain[max(0, start - at) : stop - at]
                    index += 1

    async def _blocks(self, first: int, end: int) -> AsyncGenerator[bytes, None]:
        start, stop = self._layout.block(first)[0], self._layout.block(end)[1]
        await self._guard.check()
        if self._whole is not None:
            for at in range(start, stop, self._layout.segment):
                yield self._whole[at : min(at + self._layout.segment, stop)]
            return
        async with (
            self._store.read(self._name, start, stop) as blob,
            aclosing(self._cut(blob, stop - start)) as blocks,
        ):
            async for block in blocks:
                yield block

    async def _cut(self, blob: BlobRead, length: int) -> AsyncGenerator[bytes, None]:
        if blob.total != self._layout.sealed:
            raise Corrupt("the blob has the wrong length")
        held, left = b"", length
        async for piece in blob:
            await self._guard.check()
            held = held + piece if held else piece
            at = 0
            while left and len(held) - at >= (size := min(self._layout.segment, left)):
                yield held[at : at + size]
                at += size
                left -= size
            held = held[at:]
        if left:
            raise Unavailable("the blob broke off")
