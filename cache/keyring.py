"""Which keys exist, and those in use now: made, loaded, held in memory for a while, destroyed.

A key in memory is used only while the epoch is known (see `epoch`), and forgotten as soon as it was destroyed
anywhere. A key that a running transaction has just made counts only as long as that transaction does. A key that is
suspended is not in memory at all (see `suspension`).
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Transaction
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import shredded, subject_keys, tenant_keys
from cache.database import Transactions, insert_if_absent
from cache.epoch import Watch, advance
from cache.errors import Corrupt, Missing, Shredded, Stale, StorageError, Suspended, Unavailable
from cache.expiry import ExpiryKeys
from cache.failures import Failures
from cache.fields import Fields
from cache.keys import Key, Wrap, new_key, unwrap_key, wrap_key
from cache.model import Scope
from cache.roots import Root, confirm_root
from cache.suspension import forget, suspended_versions

HELD_SCOPES = 4096
"""How many scopes' keys stay in memory."""


_LOST: Mapping[type[StorageError], str] = {
    Shredded: "these keys were destroyed",
    Stale: "these keys must be looked up again",
    Suspended: "these keys may not be used for now",
}


class Ring:
    """The live keys of one scope, by version. Satisfies `fields.Keys`."""

    def __init__(
        self,
        scope: Scope,
        keys: Mapping[int, Key],
        watch: Watch,
        suspended: frozenset[int] = frozenset(),
        failures: Failures | None = None,
    ) -> None:
        """``keys`` by version, at least one; those of ``suspended`` versions are let go of at once."""
        self.scope = scope
        self._keys = {version: key for version, key in keys.items() if version not in suspended}
        self._suspended = suspended
        self._why: type[StorageError] = Suspended
        self._watch = watch
        self._failures = failures

    @property
    def alive(self) -> bool:
        """False once the keys were destroyed, or have to be looked up again."""
        return bool(self._keys)

    def current(self) -> Key:
        """The key that wraps and seals now. Shredded, Suspended, Unavailable."""
        keys = self._usable()
        if self._suspended and max(self._suspended) > max(keys):
            raise Suspended(_LOST[Suspended])
        return keys[max(keys)]

    def version(self, version: int) -> Key | None:
        """An older key still in use, None where it is gone. Shredded, Suspended, Unavailable."""
        keys = self._usable()
        if version in self._suspended:
            raise Suspended(_LOST[Suspended])
        return keys.get(version)

    def forget(self, why: type[StorageError] = Shredded) -> None:
        """Let go of the key bytes; whoever still asks for them gets ``why``."""
        self._keys, self._why = {}, why

    def lost(self) -> StorageError:
        """Why there are no keys here any more."""
        return self._why(_LOST[self._why])

    def failed(self, thing: str) -> None:
        """A tag of ``thing`` did not fit under these keys."""
        if self._failures is not None:
            self._failures.note(self.scope, thing)

    def _usable(self) -> Mapping[int, Key]:
        if not self._keys:
            raise self.lost()
        if not self._watch.current:
            raise Stale("it is not known whether these keys were destroyed")
        return self._keys


@dataclass(frozen=True, slots=True, repr=False)
class _Fresh:
    """Keys made by a transaction that may still roll back."""

    ring: Ring
    transaction: Transaction


class Haste(Protocol):
    """Makes other processes look at the epoch sooner. Never needed."""

    async def tell(self) -> None:
        """Say that something was destroyed. Never raises for a place that does not answer."""
        ...


class Keyring:
    """All keys of an installation below one root."""

    def __init__(self, root: Root, database: Transactions, expiry: ExpiryKeys, haste: Haste | None = None) -> None:
        """``expiry`` holds the keys of temporary objects; ``haste``: None for a process that is alone."""
        self.expiry = expiry
        self.failures = Failures()
        self._haste = haste
        self.watch = Watch(database, self._evict, self._reload)
        self._root = root
        self._database = database
        self._rings: OrderedDict[Scope, Ring] = OrderedDict()
        self._given: weakref.WeakSet[Ring] = weakref.WeakSet()  # also those that only a request still holds
        self._fresh: dict[Scope, _Fresh] = {}

    async def start(self) -> None:
        """Confirm the root (RootRefused) and begin to watch the epoch."""
        await confirm_root(self._database, self._root)
        await self.watch.start()

    async def close(self) -> None:
        """Stop watching, forget all keys."""
        await self.watch.close()
        for ring in list(self._given):
            ring.forget()
        self._rings.clear()
        self._fresh.clear()

    async def fields(self, scope: Scope) -> Fields:
        """The sealer for columns of this scope. Missing where never enrolled, Shredded, Suspended, Unavailable."""
        ring = await self.ring(scope)
        return Fields(ring, ring.failed)

    async def ring(self, scope: Scope, tx: AsyncConnection | None = None) -> Ring:
        """The scope's keys, from memory or the database. Pass the transaction where there is one: a second connection
        could wait for it. Missing, Shredded, Unavailable.
        """
        while True:
            epoch = await self.watch.check()
            ring = self._remembered(scope)
            if ring is not None:
                return ring
            if tx is not None:
                return await self._load(tx, scope)
            async with self._database.read() as own:
                ring = await self._load(own, scope)
            if self.watch.value == epoch:  # else the keys may have been destroyed while they were read
                self._remember(scope, ring)
                return ring

    def _remembered(self, scope: Scope) -> Ring | None:
        fresh = self._fresh.get(scope)
        if fresh is not None:
            if fresh.transaction.is_active:
                return fresh.ring
            del self._fresh[scope]
        ring = self._rings.get(scope)
        if ring is not None:
            self._rings.move_to_end(scope)
        return ring

    def _remember(self, scope: Scope, ring: Ring) -> None:
        self._rings[scope] = ring
        if len(self._rings) > HELD_SCOPES:
            self._rings.popitem(last=False)

    async def _load(self, tx: AsyncConnection, scope: Scope) -> Ring:
        try:
            keys = await self._keys(tx, scope)
        except Corrupt:
            self.failures.note(scope, "key")
            raise
        if not keys:
            if await is_shredded(tx, scope):
                raise Shredded("these keys were destroyed")
            raise Missing("nobody of this id was enrolled")
        ring = await self._ring(tx, scope, keys)
        if not ring.alive:
            raise ring.lost()
        return ring

    async def _keys(self, tx: AsyncConnection, scope: Scope) -> dict[int, Key]:
        tenant = await self._tenant(tx, scope.tenant)
        return tenant if scope.subject is None else await self._subject(tx, scope, tenant)

    async def _ring(self, tx: AsyncConnection, scope: Scope, keys: dict[int, Key]) -> Ring:
        ring = Ring(scope, keys, self.watch, await suspended_versions(tx, scope), self.failures)
        self._given.add(ring)
        return ring

    async def _tenant(self, tx: AsyncConnection, tenant: str) -> dict[int, Key]:
        rows = await tx.execute(select(tenant_keys).where(tenant_keys.c.tenant == tenant))
        wrap = Wrap("tenant", tenant, "", "")
        return {r.version: Key(tenant, r.version, unwrap_key(r.box, self._parent(r.root_version), wrap)) for r in rows}

    def _parent(self, version: int) -> Key:
        if version != self._root.version:
            raise Unavailable("a key is wrapped under another version of the root key")
        return self._root.key

    async def _subject(self, tx: AsyncConnection, scope: Scope, tenant: dict[int, Key]) -> dict[int, Key]:
        rows = await tx.execute(
            select(subject_keys).where(subject_keys.c.tenant == scope.tenant, subject_keys.c.subject == scope.owner)
        )
        wrap = Wrap("subject", scope.tenant, scope.owner, "")
        found = [(r, tenant.get(r.tenant_version)) for r in rows]
        return {
            r.version: Key(scope.owner, r.version, unwrap_key(r.box, parent, wrap)) for r, parent in found if parent
        }

    async def enrol(self, tx: AsyncConnection, scope: Scope) -> None:
        """Make the tenant's and the subject's keys where they are missing. Shredded for an id that was forgotten."""
        await self.watch.check()
        if await is_shredded(tx, scope):
            raise Shredded("a destroyed id is never used again")
        now = await self._database.now(tx)
        tenant = await self._tenant(tx, scope.tenant) or await self._make_tenant(tx, scope.tenant, now)
        await self._keep_fresh(tx, Scope(scope.tenant, None), tenant)
        if scope.subject is not None:
            keys = await self._subject(tx, scope, tenant) or await self._make_subject(tx, scope, tenant, now)
            await self._keep_fresh(tx, scope, keys)

    async def _keep_fresh(self, tx: AsyncConnection, scope: Scope, keys: dict[int, Key]) -> None:
        self._fresh = {s: f for s, f in self._fresh.items() if f.transaction.is_active}
        transaction = tx.sync_connection.get_transaction() if tx.sync_connection else None
        if transaction is not None and scope not in self._rings:
            self._fresh[scope] = _Fresh(await self._ring(tx, scope, keys), transaction)

    async def _make_tenant(self, tx: AsyncConnection, tenant: str, now: int) -> dict[int, Key]:
        box = wrap_key(new_key(), self._root.key, Wrap("tenant", tenant, "", ""))
        row = {"tenant": tenant, "version": 1, "root_version": self._root.version, "box": box, "made": now}
        await insert_if_absent(tx, tenant_keys, row)
        return await self._tenant(tx, tenant)  # perhaps another process was first

    async def _make_subject(
        self, tx: AsyncConnection, scope: Scope, tenant: dict[int, Key], now: int
    ) -> dict[int, Key]:
        parent = tenant[max(tenant)]
        box = wrap_key(new_key(), parent, Wrap("subject", scope.tenant, scope.owner, ""))
        row = {"tenant": scope.tenant, "subject": scope.owner, "version": 1, "tenant_version": parent.version}
        await insert_if_absent(tx, subject_keys, {**row, "box": box, "made": now})
        return await self._subject(tx, scope, tenant)

    async def shred(self, tx: AsyncConnection, scope: Scope) -> None:
        """Destroy the scope's keys: overwritten, then deleted; with subject None the tenant's and all below it.

        The id stays behind, so that every process forgets the keys and the id is never used again.
        """
        mine = [subject_keys.c.tenant == scope.tenant]
        if scope.subject is not None:
            mine.append(subject_keys.c.subject == scope.subject)
        await tx.execute(update(subject_keys).where(*mine).values(box=b""))
        await tx.execute(delete(subject_keys).where(*mine))
        if scope.subject is None:
            await tx.execute(update(tenant_keys).where(tenant_keys.c.tenant == scope.tenant).values(box=b""))
            await tx.execute(delete(tenant_keys).where(tenant_keys.c.tenant == scope.tenant))
        await forget(tx, scope)
        value = await advance(tx)
        if not await is_shredded(tx, scope):
            await tx.execute(insert(shredded).values(tenant=scope.tenant, subject=scope.owner, epoch=value))
        self._evict(scope.tenant, scope.owner)

    async def hasten(self) -> None:
        """Look at what was destroyed or suspended, and tell other processes, once its transaction is committed."""
        self.watch.hurry()
        if self._haste is not None:
            await self._haste.tell()

    def _reload(self, tenant: str, subject: str) -> None:
        """A key was suspended or may be used again: its holders look it up anew."""
        self._evict(tenant, subject, Stale)

    def _evict(self, tenant: str, subject: str, why: type[StorageError] = Shredded) -> None:
        for ring in list(self._given):
            if ring.scope.tenant == tenant and subject in ("", ring.scope.owner) and ring.alive:
                ring.forget(why)
        self._rings = OrderedDict((scope, ring) for scope, ring in self._rings.items() if ring.alive)
        self._fresh = {scope: fresh for scope, fresh in self._fresh.items() if fresh.ring.alive}


async def is_shredded(tx: AsyncConnection, scope: Scope) -> bool:
    """Whether the scope, or its whole tenant, was destroyed."""
    found = select(shredded.c.epoch).where(shredded.c.tenant == scope.tenant, shredded.c.subject.in_({"", scope.owner}))
    return (await tx.execute(found.limit(1))).first() is not None


async def hold_key(tx: AsyncConnection, scope: Scope, version: int) -> bool:
    """Whether that key still exists, held against destruction until the transaction ends."""
    if scope.subject is None:
        found = select(tenant_keys.c.made).where(tenant_keys.c.tenant == scope.tenant, tenant_keys.c.version == version)
    else:
        found = select(subject_keys.c.made).where(
            subject_keys.c.tenant == scope.tenant,
            subject_keys.c.subject == scope.subject,
            subject_keys.c.version == version,
        )
    return (await tx.execute(found.with_for_update(read=True))).first() is not None
