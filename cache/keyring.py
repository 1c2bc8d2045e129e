"""Which keys exist, and those in use now: made, loaded, held in memory for a while, destroyed.

A key in memory is used only while the epoch is known (see `epoch`), and forgotten as soon as it was destroyed
anywhere. A key that a running transaction has just made counts only as long as that transaction does. Where a scope
gets a new key, whoever holds its ring has it before anybody seals under it (see `cycle`). A key that is suspended is in
nobody's hands (see `suspension`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Transaction
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import changes, record_keys, renewals, roots, shredded, subject_keys, suspended, tenant_keys
from cache.database import Transactions, insert_if_absent
from cache.epoch import LIMIT, Watch, advance
from cache.errors import Corrupt, Missing, Shredded, Stale, StorageError, Unavailable
from cache.expiry import ExpiryKeys
from cache.failures import Failures
from cache.fields import Fields
from cache.keyrows import FIRST_RECORD, add_record_key, below, hold_key, is_shredded, overwrite
from cache.keys import new_key, wrap_key
from cache.loading import Loader, subject_wrap, tenant_wrap
from cache.model import DAY_MS, Scope
from cache.ring import KeySet, Ring
from cache.roots import NEXT, Root, RootMissing, Roots
from cache.suspension import suspended_versions

HELD_SCOPES = 4096
"""How many scopes' keys stay in memory."""
PATIENCE = 0.5
"""Seconds that a look at the epoch waits for the new keys it told of; they are fetched to the end all the same."""
OBJECT_EVERY = 5.0
"""Seconds between two words that a version of the root key is missing here."""
CYCLE_TAKES = DAY_MS
"""What is allowed for a cycle itself in every date, ms."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long keys live, ms: from one cycle to the next, backups, and what KMS waits before it destroys a key."""

    cycle: int = 7 * DAY_MS
    backups: int = 35 * DAY_MS
    waiting: int = 0


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
    """All keys of an installation below its root."""

    def __init__(
        self,
        root: Root | Roots,
        database: Transactions,
        expiry: ExpiryKeys,
        haste: Haste | None = None,
        times: Times = Times(),  # frozen
        *,
        limit: float = LIMIT,
    ) -> None:
        """``expiry`` holds the keys of temporary objects; ``haste``: None for a process that is alone.

        ``limit``: see `Watch`.
        """
        self.expiry = expiry
        self.roots = Roots.of(root) if isinstance(root, Root) else root
        self.times = times
        self.loader = Loader(self.roots)
        self.failures = Failures()
        self.watch = Watch(database, self._evict, self._changed, self._withhold, limit=limit)
        self._haste = haste
        self._database = database
        self._rings: OrderedDict[tuple[Scope, bool], Ring] = OrderedDict()
        self._given: weakref.WeakSet[Ring] = weakref.WeakSet()  # also those that only a request still holds
        self._records: weakref.WeakSet[Ring] = weakref.WeakSet()  # those of them that are of record keys
        self._fresh: dict[Scope, _Fresh] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._objected = float("-inf")

    async def start(self) -> None:
        """Confirm the root (RootRefused) and begin to watch the epoch."""
        await self.roots.start(self._database)
        await self.watch.start()

    async def close(self) -> None:
        """Stop watching, forget all keys."""
        await self.watch.close()
        for task in list(self._following):
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        for ring in list(self._given):
            ring.forget()
        self._rings.clear()
        self._fresh.clear()
        self.loader.clear()

    async def dead_by(self, now: int) -> int:
        """When the backups of what is shredded ``now`` can be opened by nobody any more, epoch ms.

        The next cycle replaces the root that they are under; one life of a backup later that root is destroyed, in KMS
        with its waiting time. That cycles run when they are due, and that no copy of a root in a file or in the
        environment is left (`keys retire --attest`), is presumed.
        """
        async with self._database.read() as tx:
            last = (await tx.execute(select(func.max(roots.c.made)).where(roots.c.state != NEXT))).scalar()
        following = max((now if last is None else int(last)) + self.times.cycle, now)
        return following + CYCLE_TAKES + self.times.backups + self.times.waiting

    async def fields(self, scope: Scope) -> Fields:
        """The sealer for columns of this scope. Missing where never enrolled, Shredded, Suspended, Unavailable."""
        return _sealer(await self.ring(scope))

    async def records(self, scope: Scope, tx: AsyncConnection | None = None) -> Fields:
        """The sealer for what can never be sealed anew: the ledger's chain, lines outside the database.

        Its key lasts as long as the scope, through every cycle, and dies with it. Pass the transaction to have it made
        where there is none yet. Missing, Shredded, Unavailable.
        """
        if tx is not None and self._is_fresh(scope):
            return _sealer(await self._made_records(tx, scope))
        try:
            return _sealer(await self._kept(scope, records=True))
        except Missing:
            if tx is None:
                raise
        return _sealer(await self._made_records(tx, scope))

    async def ring(self, scope: Scope, tx: AsyncConnection | None = None) -> Ring:
        """The scope's keys, from memory or the database. Pass the transaction where there is one: a second connection
        could wait for it. Missing, Shredded, Suspended, Unavailable.
        """
        return await self._kept(scope, tx)

    async def replacing(self, scope: Scope) -> Ring:
        """The scope's keys for whoever writes what is under them anew: suspended ones too. As `ring`."""
        await self.watch.check()
        async with self._database.read() as tx:
            return self._ring(scope, await self._loaded(tx, scope, records=False))

    async def _kept(self, scope: Scope, tx: AsyncConnection | None = None, *, records: bool = False) -> Ring:
        ring = await self._found(scope, tx, records=records)
        if not ring.alive:
            raise ring.lost()
        return ring

    async def _found(self, scope: Scope, tx: AsyncConnection | None, *, records: bool) -> Ring:
        while True:
            epoch = await self.watch.check()
            ring = self._remembered(scope, records=records)
            if ring is not None:
                return ring
            if tx is not None:
                return self._ring(scope, await self._load(tx, scope, records=records), records=records)
            held = await self._looked_up(scope, records=records)
            # Else the keys may have been destroyed or replaced while they were read.
            if self.watch.value == epoch and self.watch.current:
                return self._remember(self._ring(scope, held, records=records), records=records)

    def _is_fresh(self, scope: Scope) -> bool:
        fresh = self._fresh.get(scope)
        if fresh is not None and not fresh.transaction.is_active:
            del self._fresh[scope]
            return False
        return fresh is not None

    def _remembered(self, scope: Scope, *, records: bool) -> Ring | None:
        if not records and self._is_fresh(scope):
            return self._fresh[scope].ring
        ring = self._rings.get((scope, records))
        if ring is None or ring.outdated:
            return None
        self._rings.move_to_end((scope, records))
        return ring

    def _remember(self, ring: Ring, *, records: bool) -> Ring:
        self._rings[ring.scope, records] = ring
        if len(self._rings) > HELD_SCOPES:
            self._rings.popitem(last=False)
        return ring

    async def _load(self, tx: AsyncConnection, scope: Scope, *, records: bool = False) -> KeySet:
        """What may be used of the scope's keys. Missing, Shredded, Corrupt, Unavailable."""
        try:
            held = await self._loaded(tx, scope, records=records)
        except Corrupt:
            self.failures.note(scope, "key")
            raise
        return held.without(await suspended_versions(tx, scope, records=records))

    async def _loaded(self, tx: AsyncConnection, scope: Scope, *, records: bool) -> KeySet:
        held = await self._own(tx, scope)
        if held and records:
            held = await self.loader.records(tx, scope, held)
        if not held:
            if await is_shredded(tx, scope):
                raise Shredded("these keys were destroyed")
            raise Missing("nobody of this id was enrolled")
        return held

    async def _looked_up(self, scope: Scope, *, records: bool) -> KeySet:
        for patient in (True, False):
            try:
                async with self._database.read() as own:
                    return await self._load(own, scope, records=records)
            except RootMissing:
                if not patient:
                    raise
                await self.roots.refresh(self._database)  # it may have followed a moment ago
        raise AssertionError("the second try returns or raises")

    async def _own(self, tx: AsyncConnection, scope: Scope) -> KeySet:
        tenant = await self.loader.tenant(tx, scope.tenant)
        return tenant if scope.subject is None else await self.loader.subject(tx, scope, tenant)

    def _ring(self, scope: Scope, held: KeySet, *, records: bool = False) -> Ring:
        ring = Ring(scope, held, self.watch, self.failures)
        self._given.add(ring)
        if records:
            self._records.add(ring)
        return ring

    async def enrol(self, tx: AsyncConnection, scope: Scope) -> None:
        """Make the tenant's and the subject's keys where they are missing. Shredded for an id that was forgotten."""
        await self.watch.check()
        if await is_shredded(tx, scope):
            raise Shredded("a destroyed id is never used again")
        now = await self._database.now(tx)
        school = Scope(scope.tenant, None)
        tenant = await self.loader.tenant(tx, scope.tenant) or await self._make_tenant(tx, scope.tenant, now)
        await self._keep_fresh(tx, school, tenant)
        if scope.subject is not None:
            keys = await self.loader.subject(tx, scope, tenant) or await self._make_subject(tx, scope, tenant, now)
            await self._keep_fresh(tx, scope, keys)

    async def _keep_fresh(self, tx: AsyncConnection, scope: Scope, keys: KeySet) -> None:
        self._fresh = {s: f for s, f in self._fresh.items() if f.transaction.is_active}
        transaction = tx.sync_connection.get_transaction() if tx.sync_connection else None
        if transaction is not None and (scope, False) not in self._rings:
            usable = keys.without(await suspended_versions(tx, scope))
            self._fresh[scope] = _Fresh(self._ring(scope, usable), transaction)

    async def _make_tenant(self, tx: AsyncConnection, tenant: str, now: int) -> KeySet:
        """Asks a root in KMS within the transaction: once in a tenant's life, when it is first configured."""
        root = self.roots.current
        box = await root.wrap(new_key(), tenant_wrap(tenant))
        row = {"tenant": tenant, "version": 1, "root_version": root.version, "box": box, "made": now}
        await insert_if_absent(tx, tenant_keys, row)
        return await self.loader.tenant(tx, tenant)  # perhaps another process was first

    async def _make_subject(self, tx: AsyncConnection, scope: Scope, tenant: KeySet, now: int) -> KeySet:
        parent = tenant.key
        if not await hold_key(tx, Scope(scope.tenant, None), parent.version):
            raise Unavailable("the school's key was replaced just now")
        box = wrap_key(new_key(), parent, subject_wrap(scope.tenant, scope.owner))
        row = {"tenant": scope.tenant, "subject": scope.owner, "version": 1, "tenant_version": parent.version}
        await insert_if_absent(tx, subject_keys, {**row, "box": box, "made": now})
        return await self.loader.subject(tx, scope, tenant)

    async def _made_records(self, tx: AsyncConnection, scope: Scope) -> Ring:
        held = await self._own(tx, scope)
        found = await self.loader.records(tx, scope, held) if held else KeySet()
        if held and not found:
            await add_record_key(tx, scope, held, FIRST_RECORD, await self._database.now(tx))
            found = await self.loader.records(tx, scope, held)
        usable = (found or await self._load(tx, scope, records=True)).without(
            await suspended_versions(tx, scope, records=True)
        )
        return self._ring(scope, usable, records=True)

    async def shred(self, tx: AsyncConnection, scope: Scope) -> None:
        """Destroy the scope's keys: overwritten, then deleted; with subject None the tenant's and all below it.

        The id stays behind, so that every process forgets the keys and the id is never used again.
        """
        for table in (subject_keys, record_keys, *((tenant_keys,) if scope.subject is None else ())):
            await overwrite(tx, table, scope)
        for table in (renewals, changes, suspended):
            await tx.execute(delete(table).where(*below(table, scope)))
        value = await advance(tx)
        if not await is_shredded(tx, scope):
            await tx.execute(insert(shredded).values(tenant=scope.tenant, subject=scope.owner, epoch=value))
        self._evict(scope.tenant, scope.owner)

    async def renew(self, tx: AsyncConnection, scope: Scope) -> None:
        """Something under the scope's key was deleted for good: at the next cycle it gets another key.

        A tenant's own key is replaced by every cycle: nothing is noted for it.
        """
        if scope.subject is not None:
            now = await self._database.now(tx)
            await insert_if_absent(tx, renewals, {"tenant": scope.tenant, "subject": scope.subject, "since": now})

    async def hasten(self) -> None:
        """Look at what was destroyed or suspended, and tell other processes, once its transaction is committed."""
        self.watch.hurry()
        if self._haste is not None:
            await self._haste.tell()

    def _withhold(self, tenant: str, subject: str) -> None:
        """A key was suspended, or may be used again: its holders look it up anew."""
        self._evict(tenant, subject, Stale)

    def _evict(self, tenant: str, subject: str, why: type[StorageError] = Shredded) -> None:
        for ring in list(self._given):
            if ring.scope.tenant == tenant and subject in ("", ring.scope.owner) and (ring.alive or why is Shredded):
                ring.forget(why)
        if not subject:
            self.loader.forget(tenant)
        self._rings = OrderedDict((name, ring) for name, ring in self._rings.items() if ring.alive)
        self._fresh = {scope: fresh for scope, fresh in self._fresh.items() if fresh.ring.alive}

    async def _changed(self, scopes: Collection[tuple[str, str]]) -> None:
        """The epoch moved on, and these scopes have other keys than before.

        A root that does not answer must not keep this process from knowing what was destroyed: it is waited for only a
        moment, and what is sealed under a key not known here meanwhile says so.
        """
        lacks = self.roots.lacking and time.monotonic() - self._objected > OBJECT_EVERY
        if not scopes and not lacks:
            return
        task = asyncio.create_task(self._follow(frozenset(scopes)), name="keyring-follow")
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        await asyncio.wait({task}, timeout=PATIENCE)

    async def _follow(self, scopes: frozenset[tuple[str, str]]) -> None:
        with contextlib.suppress(Unavailable):
            await self.roots.refresh(self._database)
        for tenant in {tenant for tenant, subject in scopes if not subject}:
            self.loader.forget(tenant)
        for ring in [ring for ring in list(self._given) if (ring.scope.tenant, ring.scope.owner) in scopes]:
            await self._reload(ring)
        if self.roots.lacking and time.monotonic() - self._objected > OBJECT_EVERY:
            self._objected = time.monotonic()
            with contextlib.suppress(Unavailable):
                await self.roots.object(self._database)

    async def _reload(self, ring: Ring) -> None:
        records = ring in self._records
        try:
            async with self._database.read() as tx:
                ring.replace(await self._load(tx, ring.scope, records=records))
        except (Missing, Shredded):
            ring.forget()
        except Unavailable:  # not known here now: the next who asks looks again
            self._rings.pop((ring.scope, records), None)


def _sealer(ring: Ring) -> Fields:
    return Fields(ring, ring.failed)
