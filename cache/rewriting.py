"""Sealed bytes written anew, under a new key of their own: after a compromise, when the old key may be known.

An object keeps its id and everything that is known of it; its new bytes are another blob. Who reads the old one goes
on; who begins a moment later finds the new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import shelf
from cache.blobs.base import BlobStore
from cache.catalog import graves, objects
from cache.database import Transactions
from cache.errors import Missing, StorageError, Unavailable
from cache.guard import Guard
from cache.keyring import Keyring
from cache.keyrows import hold_current
from cache.keys import new_key
from cache.model import Scope, Sealed
from cache.reading import SealedRead
from cache.sealing import Layout, Sealer, stream_aad
from cache.staging import Staging
from cache.wrapping import opened, wrap_of, wrapped
from cache.writer import Writer

_TRIES = 3
Write = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class Rewriter:
    """Rewrites objects of one vault."""

    def __init__(self, keyring: Keyring, blobs: BlobStore, database: Transactions, staging: Staging) -> None:
        """All are the vault's."""
        self._keyring = keyring
        self._blobs = blobs
        self._database = database
        self._staging = staging

    async def page(self, scope: Scope, after: str, limit: int) -> list[str]:
        """Ids of the scope's objects in their order."""
        query = select(objects.c.id).where(shelf.owned(scope), objects.c.id > after).order_by(objects.c.id).limit(limit)
        async with self._database.read() as tx:
            return list((await tx.execute(query)).scalars())

    async def rewrite(self, scope: Scope, object_id: str, write: Write) -> bool:
        """False where it cannot be read any more: it ended, was destroyed or is damaged. Unavailable."""
        for _ in range(_TRIES):
            try:
                if await self._rewrite(scope, object_id, write):
                    return True
            except Unavailable:
                raise
            except StorageError:
                return False
        raise Unavailable("an object is being changed again and again")

    async def _rewrite(self, scope: Scope, object_id: str, write: Write) -> bool:
        """False where its row was changed meanwhile. Missing, Shredded, Corrupt, Unavailable."""
        async with self._database.read() as tx:
            row = await shelf.find(tx, scope, object_id)
        if row is None:
            raise Missing("no such object")
        ring = await self._keyring.replacing(scope)
        expiry = await self._keyring.expiry.find(row.bucket) if row.expiry_version else None
        parent = ring.version(row.key_version)
        if parent is None or (row.expiry_version and expiry is None):
            raise Missing("nobody can read it any more")
        name, key, swapped = secrets.token_hex(16), new_key(), [False]
        guard = Guard(ring, self._keyring.watch, row.ends, await self._database.now())

        async def record(tx: AsyncConnection, _: Sealed) -> None:
            wrap = wrap_of(scope, row.id, row.life, row.ends)
            values = wrapped(await hold_current(tx, ring), wrap, row.ends, key, expiry)
            swapped[0] = await _swap(tx, row, {**values, "blob": name}, await self._database.now(tx))

        sealer = Sealer(key, stream_aad(scope.tenant, name))
        writer = Writer(
            Sealed(name, 0, {}, row.ends), sealer, await self._staging.create(name), self._blobs, guard, record
        )
        try:
            await self._copy(writer, row, opened(row, parent, expiry), guard)
            async with write() as tx:
                await writer.commit(tx)
        finally:
            await writer.close()
        return swapped[0]

    async def _copy(self, writer: Writer, row: Row[tuple[object, ...]], key: bytes, guard: Guard) -> None:
        name = row.blob or row.id
        reading = SealedRead(self._blobs, name, Layout(row.size, row.segment), guard)
        await reading.begin(key, stream_aad(row.tenant, name, row.segment))
        async for piece in reading.pieces(0, row.size):
            await writer.write(piece)
        await writer.finish()


async def _swap(tx: AsyncConnection, row: Row[tuple[object, ...]], values: dict[str, object], now: int) -> bool:
    """The row with its new blob, and a grave for the old one. False where the row is no longer what was read."""
    same = (objects.c.id == row.id, (row.blob or row.id) == shelf.BLOB, objects.c.key_version == row.key_version)
    done = await tx.execute(update(objects).where(*same, objects.c.box == row.box).values(**values))
    if done.rowcount == 1:
        await tx.execute(insert(graves).values(id=row.blob or row.id, since=now))
        await shelf.spare_shared(tx, now)
        return True
    await tx.execute(insert(graves).values(id=values["blob"], since=now))  # the new blob is the one that nobody needs
    return False
