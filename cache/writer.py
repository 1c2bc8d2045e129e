"""Writing one object: sealed as it arrives, readable while it grows, a row only once its bytes are durable.

write → (blocks of a staging file) → finish: durable blob → commit: the row, in the caller's transaction. Whoever
leaves before `commit` destroys it. Disk writes are batched: a thread hop costs more than sealing a segment.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.blobs.base import BATCH, BlobStore, verified_put
from cache.errors import Unavailable
from cache.guard import Guard
from cache.model import Sealed
from cache.sealing import Layout, Opener, Sealer
from cache.staging import StagedFile

COMMIT_WITHIN = 30 * 60.0
"""Seconds between `finish` and `commit`: well below the age at which a blob without a row counts as an orphan."""

_AT_ONCE = 4
_SLICE = 256 * 1024

Record = Callable[[AsyncConnection, Sealed], Awaitable[None]]


class Writer:
    """One object being written, from `Vault.put`. ``written`` counts plaintext bytes."""

    def __init__(
        self, sealed: Sealed, sealer: Sealer, staged: StagedFile, store: BlobStore, guard: Guard, record: Record
    ) -> None:
        """``sealed.hashes`` names the algorithms wanted; ``record`` inserts the row."""
        self.id = sealed.id
        self.written = 0
        self._ends = sealed.ends
        self._sealer = sealer
        self._staged = staged
        self._store = store
        self._guard = guard
        self._record = record
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in sealed.hashes}
        self._ready = Layout(0)  # what readers may see: the plaintext of the blocks that are on disk
        self._on_disk = 0
        self._pending: list[bytes] = []
        self._waiting = 0
        self._changed = asyncio.Event()
        self._result: Sealed | None = None
        self._finished_at = 0.0
        self._placed = False
        self._committed = False
        self._dead = False
        self._busy = asyncio.Lock()

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk`` (any size). Shredded, Expired, Unavailable (nothing more can be written then)."""
        async with self._busy:
            self._open()
            with memoryview(chunk) as view:
                for at in range(0, len(view), _SLICE):
                    await self._take(view[at : at + _SLICE])

    async def _take(self, piece: memoryview) -> None:
        for running in self._hashes.values():
            running.update(piece)
        self._pending += self._sealer.update(piece)
        self.written += len(piece)
        if sum(map(len, self._pending)) >= BATCH or (self._waiting and self._pending):
            await self._flush()

    async def _flush(self) -> None:
        try:
            await self._guard.check()
            await self._staged.append(self._pending)
        except BaseException:
            self._die()
            raise
        self._on_disk += len(self._pending)
        self._pending = []
        self._wake()

    async def finish(self) -> Sealed:
        """Seal the end and make all of it durable. Not inside a transaction. Shredded, Expired, Unavailable."""
        async with self._busy:
            self._open()
            self._pending.append(self._sealer.finish())
            await self._flush()
            sealed = Layout(self.written).sealed
            await self._staged.sync()
            self._placed = True
            await verified_put(self._store, self.id, self._staged.path, sealed)
            hashes = {name: running.digest() for name, running in self._hashes.items()}
            self._result = Sealed(self.id, self.written, hashes, self._ends)
            self._finished_at = time.monotonic()
            self._wake()
            return self._result

    async def commit(self, tx: AsyncConnection) -> Sealed:
        """Insert the row; the object exists once ``tx`` commits. After `finish`. Shredded, Unavailable."""
        if self._result is None:
            raise ValueError("finish before commit")
        if time.monotonic() - self._finished_at > COMMIT_WITHIN:
            raise Unavailable("too long ago: the blob may have been swept away")
        await self._guard.check()
        await self._record(tx, self._result)
        self._committed = True
        return self._result

    async def follow(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """Plaintext start..stop while it is being written; ends where the object ends. Pieces of up to 256 KiB.

        A slow follower holds up nobody: it reads finished segments back from the file. Unavailable where the writer
        gave up; Shredded and Expired as for any reader.
        """
        self._staged.hold()
        try:
            opener, position = self._sealer.opener(), start
            while await self._until(position) and (stop is None or position < stop):
                async with aclosing(self._batch(opener, position, stop)) as pieces:
                    async for piece in pieces:
                        position += len(piece)
                        yield piece
        finally:
            await self._staged.release()

    async def _batch(self, opener: Opener, position: int, stop: int | None) -> AsyncGenerator[bytes, None]:
        """Some of what is on disk from ``position`` on: one read of up to a few segments."""
        layout = self._ready
        first = layout.index(position)
        blocks = min(self._on_disk - first, _AT_ONCE)
        await self._guard.check()
        begin = first * layout.segment
        raw = await self._staged.read(begin, min(begin + blocks * layout.segment, self._staged.size))
        for index in range(first, first + blocks):
            block = raw[(index - first) * layout.segment : (index - first + 1) * layout.segment]
            at = layout.plain_start(index)
            plain = opener.open(index, block, last=self._sealer.finished and index == self._sealer.blocks - 1)
            piece = plain[max(0, position - at) : None if stop is None else max(0, stop - at)]
            if piece:
                yield piece

    async def _until(self, position: int) -> bool:
        """Wait for a byte at ``position``. False where the object ends before it."""
        self._waiting += 1
        try:
            while self._visible() <= position:
                if self._result is not None:
                    return False
                if self._dead:
                    raise Unavailable("the writer gave up")
                await self._changed.wait()
        finally:
            self._waiting -= 1
        if self._dead and not self._committed:
            raise Unavailable("the writer gave up")
        return True

    def _visible(self) -> int:
        if self._sealer.finished and self._on_disk == self._sealer.blocks:
            return self.written
        return self._ready.plain_start(self._on_disk)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _open(self) -> None:
        if self._dead or self._sealer.finished:
            raise ValueError("this writer is closed")

    def _die(self) -> None:
        self._dead = True
        self._wake()

    async def close(self) -> None:
        """Leave: what was not committed is destroyed. A `commit` whose transaction failed is left to the sweep."""
        self._dead = not self._committed
        self._wake()
        try:
            await self._staged.discard()
            if self._placed and not self._committed:
                await self._store.delete(self.id)
        finally:
            await self._staged.release()


def wanted(hashes: Sequence[str]) -> dict[str, bytes]:
    """The algorithms asked for, each still without a digest. ValueError for an unknown one."""
    unknown = [name for name in hashes if name not in hashlib.algorithms_guaranteed]
    if unknown:
        raise ValueError("an unknown hash algorithm")
    return dict.fromkeys(hashes, b"")
