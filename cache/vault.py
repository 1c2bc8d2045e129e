"""The one door into this storey: put, open, destroy, forget sealed objects, and seal values for columns.

The vault knows opaque ids and times of life, never a person, a drive or a request. It reports facts and decides
nothing. No blob is touched inside a transaction: bytes first, the row after; what is left between the two is swept.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import census, shelf, suspension
from cache.blobs.base import BlobStore
from cache.catalog import objects
from cache.database import Transactions
from cache.epoch import advance
from cache.errors import Corrupt, Expired, Missing, Shredded
from cache.failures import Failed
from cache.fields import Fields
from cache.guard import Guard
from cache.keyring import Keyring
from cache.keyrows import hold_current, is_shredded
from cache.keys import Key, bucket_of, new_key
from cache.model import (
    DAY_MS,
    NO_CAPS,
    Caps,
    HeldObject,
    KeyVersion,
    Life,
    Scope,
    Sealed,
    Wrapped,
    check_life,
)
from cache.reading import SealedRead
from cache.recent import Recent
from cache.rewriting import Rewriter
from cache.ring import Ring
from cache.sealing import FORMAT, SEGMENT, Layout, Sealer, stream_aad
from cache.sharing import open_hashes, seal_hashes, share
from cache.staging import Staging
from cache.sweep import Sweep
from cache.wrapping import opened, wrap_of, wrapped
from cache.writer import Writer, wanted

__all__ = ["Fields", "HeldObject", "Keyring", "Life", "Scope", "Sealed", "Vault", "Writer"]


class Vault:
    """Sealed objects of one installation."""

    def __init__(
        self, keyring: Keyring, blobs: BlobStore, database: Transactions, staging: Path, caps: Caps = NO_CAPS
    ) -> None:
        """``staging``: a local folder for streams that are still being written; only sealed bytes reach it."""
        self._keyring = keyring
        self._blobs = blobs
        self._database = database
        self._staging = Staging(staging)
        self._sweep = Sweep(database, blobs, keyring.expiry, self._staging, caps)
        self._recent = Recent(database)
        self.rewriter = Rewriter(keyring, blobs, database, self._staging)

    async def start(self) -> None:
        """Confirm the root key (RootRefused), make the blob store ready, watch for destroyed keys."""
        await self._keyring.start()
        await self._blobs.start()

    async def close(self) -> None:
        """Forget all keys, let go of everything."""
        await self._recent.close()
        await self._keyring.close()
        await self._blobs.close()
        await self._staging.close()

    async def enrol(self, tx: AsyncConnection, scope: Scope) -> None:
        """Make the tenant's and the subject's keys where they are missing. Shredded: a forgotten id comes not back."""
        await self._keyring.enrol(tx, scope)

    async def hold(self, tx: AsyncConnection, scope: Scope) -> None:
        """Make what this transaction inserts depend on the scope's keys: they outlive it. Missing, Shredded."""
        await hold_current(tx, await self._keyring.ring(scope, tx))

    async def fields(self, scope: Scope) -> Fields:
        """The sealer for columns of this scope; take a new one for each request. Missing, Shredded, Unavailable."""
        return await self._keyring.fields(scope)

    async def records(self, scope: Scope, tx: AsyncConnection | None = None) -> Fields:
        """The sealer for what can never be sealed anew, see `Keyring.records`."""
        return await self._keyring.records(scope, tx)

    async def renew(self, tx: AsyncConnection, scope: Scope) -> None:
        """Something of the scope was deleted for good (an item, a version, a name): copies of it in backups die too.

        At the next cycle the scope gets another key, see `Keyring.dead_by`. Objects that `destroy` destroys need no
        word of their own.
        """
        await self._keyring.renew(tx, scope)

    async def dead_by(self, now: int) -> int:
        """When the backups of what is shredded ``now`` can be opened by nobody any more, see `Keyring.dead_by`."""
        return await self._keyring.dead_by(now)

    @asynccontextmanager
    async def put(
        self, scope: Scope, life: Life, ends: int | None = None, hashes: Sequence[str] = ()
    ) -> AsyncIterator[Writer]:
        """A writer for a new object; leaving it uncommitted destroys it.

        ``ends`` in epoch ms (none for KEPT), ``hashes``: hashlib names to compute over the plaintext. Missing where
        the scope was not enrolled, Shredded, Unavailable, ValueError.
        """
        now = await self._database.now()
        check_life(life, ends, now)
        ring = await self._keyring.ring(scope)
        sealed = Sealed(secrets.token_hex(16), 0, wanted(hashes), ends)
        key = new_key()
        expiry = await self._expiry(life, ends)
        guard = Guard(ring, self._keyring.watch, ends, now)
        staged = await self._staging.create(sealed.id)

        async def record(tx: AsyncConnection, done: Sealed) -> None:
            wrap = wrap_of(scope, sealed.id, life.value, ends)
            await self._insert(tx, scope, wrapped(await hold_current(tx, ring), wrap, ends, key, expiry), done, ring)

        sealer = Sealer(key, stream_aad(scope.tenant, sealed.id))
        writer = Writer(sealed, sealer, staged, self._blobs, guard, record)
        try:
            yield writer
        finally:
            await writer.close()

    async def _expiry(self, life: Life, ends: int | None) -> bytes | None:
        """The expiry key that is part of the wrap of what ends then."""
        return await self._keyring.expiry.make(bucket_of(ends)) if life.temporary and ends is not None else None

    async def _insert(self, tx: AsyncConnection, scope: Scope, row: dict[str, Any], done: Sealed, ring: Ring) -> None:
        values = {
            **row,
            "id": done.id,
            "tenant": scope.tenant,
            "subject": scope.owner,
            "format": FORMAT,
            "segment": SEGMENT,
            "size": done.size,
            "hashes": seal_hashes(Fields(ring), done.id, done.hashes) if done.hashes else None,
            "stored": (now := await self._database.now(tx)),
            "used": now if row["life"] == Life.CACHE else None,
        }
        await tx.execute(insert(objects).values(**values))

    @asynccontextmanager
    async def open(
        self,
        scope: Scope,
        object_id: str,
        start: int = 0,
        stop: int | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Plaintext start..stop (exclusive, cut at the size) in fresh pieces of at most 256 KiB.

        Missing, Expired (also in the middle: it is cut at its end), Shredded, Corrupt, Unavailable; ValueError for a
        ``start`` beyond the size.
        """
        row, ring = await self._row(scope, object_id)
        if not 0 <= start <= row.size:
            raise ValueError("the range begins outside the object")
        guard = Guard(ring, self._keyring.watch, row.ends, await self._database.now(), object_id)

        async def still_there() -> None:
            await self._row(scope, object_id)

        guard.recheck(still_there)
        reading = await self._begin(scope, row, ring, guard)
        if row.used is not None:
            self._recent.note(object_id)
        pieces = reading.pieces(start, row.size if stop is None else min(stop, row.size))
        try:
            yield pieces
        finally:
            await pieces.aclose()

    async def _begin(self, scope: Scope, row: Row[Any], ring: Ring, guard: Guard) -> SealedRead:
        """The stored stream, its end authenticated. One whose bytes were written anew meanwhile is begun again."""
        name = row.blob or row.id
        reading = SealedRead(self._blobs, name, Layout(row.size, row.segment), guard)
        try:
            await reading.begin(await self._object_key(row, ring), stream_aad(scope.tenant, name, row.segment))
        except Missing:
            now, ring = await self._row(scope, row.id)  # destroyed meanwhile: say so
            if now.blob == row.blob:  # else the blob of a live row is lost
                raise
            return await self._begin(scope, now, ring, guard)
        return reading

    async def _row(self, scope: Scope, object_id: str) -> tuple[Row[Any], Ring]:
        """A live row and the keys of its scope. Missing, Expired, Shredded."""
        async with self._database.read() as tx:
            row = await shelf.find(tx, scope, object_id)
            if row is None and await is_shredded(tx, scope):
                raise Shredded("the object's keys were destroyed")
        if row is None:
            raise Missing("no such object")
        if row.ends is not None and row.ends <= await self._database.now():
            raise Expired("the object reached its end")
        return row, await self._keyring.ring(scope)

    async def _object_key(self, row: Row[Any], ring: Ring) -> bytes:
        parent = self._parent(row, ring)
        expiry = None
        if row.expiry_version is not None:
            expiry = await self._keyring.expiry.find(row.bucket)
            if expiry is None:
                raise Expired("the object's expiry key is gone")
        try:
            return opened(row, parent, expiry)
        except Corrupt:
            if expiry is None:
                ring.failed(row.id)
                raise
            raise Expired("the object's expiry key was lost, and another one made for its five minutes") from None

    async def readable(self, scope: Scope, object_id: str) -> bool:
        """Whether it has not ended and its keys are there. No byte of it is read. Shredded, Corrupt, Unavailable."""
        try:
            await self._object_key(*await self._row(scope, object_id))
        except Missing:
            return False
        return True

    def _parent(self, row: Row[Any], ring: Ring) -> Key:
        parent = ring.version(row.key_version)
        if parent is None:
            raise Shredded("the key that wraps the object is gone")
        return parent

    async def stat(self, scope: Scope, object_id: str) -> Sealed:
        """Size, hashes and end of an object. Missing, Expired, Shredded."""
        row, ring = await self._row(scope, object_id)
        hashes = open_hashes(Fields(ring, ring.failed), row) if row.hashes else {}
        return Sealed(row.id, row.size, hashes, row.ends)

    async def size(self, scope: Scope, object_id: str) -> int:
        """Plaintext bytes. Missing, Expired, Shredded."""
        return (await self.stat(scope, object_id)).size

    async def rewrap(self, tx: AsyncConnection, scope: Scope, object_id: str, life: Life, ends: int | None) -> None:
        """Give an object another life without touching its bytes, such as PART to KEPT.

        A temporary end is never moved back in time's favour: ValueError where ``ends`` is later than it was. Missing,
        Expired, Shredded.
        """
        now = await self._database.now(tx)
        check_life(life, ends, now)
        row = await shelf.find(tx, scope, object_id)
        if row is None:
            raise Missing("no such object")
        if row.ends is not None and row.ends <= now:
            raise Expired("the object reached its end")
        if ends is not None and row.ends is not None and ends > row.ends:
            raise ValueError("an end is never put off")
        ring = await self._keyring.ring(scope, tx)
        key, expiry = await self._object_key(row, ring), await self._expiry(life, ends)
        values = wrapped(await hold_current(tx, ring), wrap_of(scope, object_id, life.value, ends), ends, key, expiry)
        await tx.execute(update(objects).where(objects.c.id == object_id).values(**values))

    async def put_off(self, tx: AsyncConnection, scope: Scope, ids: Sequence[str], ends: int) -> None:
        """Put off the ends of an upload's parts to ``ends``, at most 24 hours from now, when its last byte has arrived.

        The one exception to ends that are never put off, and only for a PART that ends within 24 hours of its storing:
        after that its end is final, and at most 48 hours from storing. ValueError for others, Missing, Expired.
        """
        now = await self._database.now(tx)
        check_life(Life.PART, ends, now)
        ring = await self._keyring.ring(scope, tx)
        parent = await hold_current(tx, ring)
        for chunk in (ids[at : at + shelf.IDS_AT_ONCE] for at in range(0, len(ids), shelf.IDS_AT_ONCE)):
            rows = await shelf.find_all(tx, scope, chunk)
            if len(rows) != len(chunk):
                raise Missing("no such object")
            moved = []
            for row in rows:
                _check_put_off(row, now)
                wrap = wrap_of(scope, row.id, Life.PART.value, ends)
                box = wrapped(parent, wrap, ends, await self._object_key(row, ring), None)
                moved.append({"which": row.id, **box})
            await tx.execute(update(objects).where(objects.c.id == bindparam("which")), moved)

    async def destroy(self, tx: AsyncConnection, scope: Scope, ids: Sequence[str]) -> int:
        """Destroy objects: their wrapped keys now, their blobs by the next `sweep`. How many there were."""
        if not ids:
            return 0
        lasting = await shelf.outlive(tx, scope, ids)
        done = await shelf.bury_ids(tx, scope, ids, await self._database.now(tx))
        if lasting:
            await self._keyring.renew(tx, scope)
        if done:
            await advance(tx)
        return done

    async def destroy_all(self, tx: AsyncConnection, scope: Scope, life: Life) -> int:
        """Destroy everything of that life in the scope; how many there were."""
        which = and_(shelf.owned(scope), objects.c.life == life.value)
        done = await shelf.bury(tx, which, await self._database.now(tx))
        if done:
            await advance(tx)
        return done

    async def share(self, tx: AsyncConnection, scope: Scope, ids: Sequence[str], other: Scope) -> Mapping[str, str]:
        """Put kept objects under the key of another subject too, enrolled before: the ids there, by the ids here.

        No byte is written: both rows lead to the same stream, and each ends by itself. Missing, Shredded, Suspended,
        Corrupt; ValueError for what would end by itself, and for another tenant.
        """
        return await share(tx, self._keyring, scope, ids, other)

    async def held(self, tx: AsyncConnection, scope: Scope) -> list[HeldObject]:
        """What the scope holds itself; for a tenant not what its subjects hold."""
        return await shelf.held(tx, scope)

    async def shred(self, tx: AsyncConnection, scope: Scope) -> int:
        """Destroy the scope's keys and all it holds (a tenant's: with all its subjects). How many objects there were.

        From the commit on nothing of it can be read; every other process forgets the keys within a second, sooner where
        `hasten` is called after it.
        """
        await self._keyring.shred(tx, scope)  # first: it waits for those who hold the keys to add something
        return await shelf.bury(tx, shelf.below(scope), await self._database.now(tx))

    async def suspend(self, tx: AsyncConnection, scope: Scope, version: int) -> None:
        """Nothing is read or written with this version of the scope's key, until `resume`: Suspended. Missing.

        A tenant's key takes all with it that is wrapped under it. From the commit on every process obeys within a
        second, sooner where `hasten` is called after it.
        """
        await suspension.suspend(tx, scope, version)

    async def resume(self, tx: AsyncConnection, scope: Scope, version: int) -> None:
        """The version is used again. Nothing was lost meanwhile. May be repeated."""
        await suspension.resume(tx, scope, version)

    async def versions(self, tx: AsyncConnection, scope: Scope) -> list[KeyVersion]:
        """The versions of the scope's key, the oldest first; none where it was destroyed."""
        return await suspension.versions(tx, scope)

    async def wrapped(
        self, tx: AsyncConnection, scope: Scope, version: int, *, after: str = "", limit: int = 200
    ) -> list[Wrapped]:
        """Objects of this scope that this version of its key wraps or has wrapped, by id: see `census.wrapped`."""
        return await census.wrapped(tx, scope, version, after=after, limit=limit)

    async def under(
        self, tx: AsyncConnection, tenant: str, version: int, *, after: str = "", limit: int = 200
    ) -> list[str]:
        """Subjects whose keys this version of the tenant's key wraps, by id."""
        return await census.under(tx, tenant, version, after=after, limit=limit)

    async def find(self, tx: AsyncConnection, tenant: str, object_id: str) -> Wrapped | None:
        """One of the tenant's objects, whosever it is. No key is used."""
        return await census.find(tx, tenant, object_id)

    def failures(self) -> list[Failed]:
        """What did not authenticate since this was asked last, in this process."""
        return self._keyring.failures.take()

    async def shred_keys(self, tx: AsyncConnection, scope: Scope) -> None:
        """`shred` for however many objects: the keys alone, at once. `clear` removes what lies under them."""
        await self._keyring.shred(tx, scope)

    async def clear(self, scope: Scope, limit: int) -> int:
        """Remove what lies under destroyed keys, blobs first and rows after, at most ``limit``; how many: 0 at the end.

        May be repeated. ValueError where the keys live; Unavailable.
        """
        async with self._database.read() as tx:
            if not await is_shredded(tx, scope):
                raise ValueError("these keys were not destroyed")
            blobs = await shelf.some(tx, scope, limit)
            shared = await shelf.shared(tx, blobs)
        await self._blobs.remove([name for name in dict.fromkeys(blobs.values()) if name not in shared])
        if blobs:
            async with self._database.write() as tx:
                await shelf.drop(tx, list(blobs), shared, await self._database.now(tx))
        return len(blobs)

    async def empty_graves(self, limit: int) -> int:
        """Remove the blobs of destroyed objects now, at most ``limit``; how many: 0 at the end. Unavailable."""
        return await self._sweep.empty_graves(limit)

    async def hasten(self) -> None:
        """Tell other processes of a `shred` or `suspend` that is committed. Only haste: never needed, never raises."""
        await self._keyring.hasten()

    @property
    def sweeps(self) -> Mapping[str, Callable[[int], Awaitable[int]]]:
        """What ends by itself and one process of many should look after, by kind: see `Sweep.shared`."""
        return self._sweep.shared

    async def sweep_own(self) -> int:
        """What every process looks after: dead expiry keys and dead staging; how many of these. Unavailable."""
        return await self._sweep.own()

    async def sweep(self, limit: int) -> int:
        """One step of everything, at most ``limit`` of each kind; how many went: 0 when there is no more to do."""
        done = await self.sweep_own()
        return done + sum([await step(limit) for step in self.sweeps.values()])


def _check_put_off(row: Row[Any], now: int) -> None:
    if row.life != Life.PART or row.ends > row.stored + DAY_MS:
        raise ValueError("only the first end of a part is put off")
    if row.ends <= now:
        raise Expired("the object reached its end")
