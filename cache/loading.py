"""Wrapped keys read from their rows and opened, each under the one above it. Nothing is decided here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import record_keys, subject_keys, tenant_keys
from cache.errors import Stale
from cache.keys import Key, Wrap, Wrapper
from cache.model import Scope
from cache.ring import KeySet
from cache.roots import CURRENT, Roots

HELD_TENANTS = 4096
"""How many tenants' opened keys stay in memory, so that a root in KMS is not asked again."""


class Loader:
    """Opens keys below the roots of this process."""

    def __init__(self, roots: Roots) -> None:
        """``roots`` must be started."""
        self._roots = roots
        self._opened: OrderedDict[str, Mapping[bytes, Key]] = OrderedDict()

    async def tenant(self, tx: AsyncConnection, tenant: str) -> KeySet:
        """A tenant's keys. Corrupt, Unavailable where their root is not held here, or does not answer.

        A root in KMS is asked where a key is not known here yet: once for each, also within a transaction.
        """
        rows = (await tx.execute(select(tenant_keys).where(tenant_keys.c.tenant == tenant))).all()
        known = self._opened.pop(tenant, {})
        opened = {row.box: known.get(row.box) or await self._open(row) for row in rows}
        if opened:
            self._opened[tenant] = opened
            if len(self._opened) > HELD_TENANTS:
                self._opened.popitem(last=False)
        return _set(rows, opened.values())

    async def _open(self, row: Row[Any]) -> Key:
        root = self._roots.find(row.root_version)
        return Key(row.tenant, row.version, await root.unwrap(row.box, tenant_wrap(row.tenant)))

    async def subject(self, tx: AsyncConnection, scope: Scope, tenant: KeySet) -> KeySet:
        """A subject's keys below its tenant's. Corrupt, Stale."""
        found = await self.subjects(tx, scope.tenant, [scope.owner], tenant)
        return found.get(scope.owner, KeySet())

    async def subjects(
        self, tx: AsyncConnection, tenant: str, owners: Sequence[str], held: KeySet
    ) -> dict[str, KeySet]:
        """The keys of some hundred subjects at most, by subject; none for those that have none."""
        mine = (subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(owners))
        rows = (await tx.execute(select(subject_keys).where(*mine).order_by(subject_keys.c.subject))).all()
        wrappers: dict[int, Wrapper] = {}
        found: dict[str, list[tuple[Row[Any], Key]]] = {}
        for row in rows:
            if row.tenant_version not in wrappers:
                wrappers[row.tenant_version] = Wrapper(_parent(held, row.tenant_version))
            secret = wrappers[row.tenant_version].unwrap(row.box, subject_wrap(tenant, row.subject))
            found.setdefault(row.subject, []).append((row, Key(row.subject, row.version, secret)))
        return {owner: _set([row for row, _ in pairs], [key for _, key in pairs]) for owner, pairs in found.items()}

    async def records(self, tx: AsyncConnection, scope: Scope, parents: KeySet) -> KeySet:
        """A scope's record keys, below its own. Corrupt, Stale."""
        mine = (record_keys.c.tenant == scope.tenant, record_keys.c.subject == scope.owner)
        rows = (await tx.execute(select(record_keys).where(*mine))).all()
        opened = {}
        for row in rows:
            wrapper = Wrapper(_parent(parents, row.key_version))
            opened[row.version] = Key(record_id(scope), row.version, wrapper.unwrap(row.box, record_wrap(scope)))
        return KeySet(opened, max(opened)) if opened else KeySet()

    def forget(self, tenant: str) -> None:
        """Let go of a tenant's keys."""
        self._opened.pop(tenant, None)

    def clear(self) -> None:
        """Let go of all."""
        self._opened.clear()


def tenant_wrap(tenant: str) -> Wrap:
    """What a tenant's key is bound to."""
    return Wrap("tenant", tenant, "", "")


def subject_wrap(tenant: str, subject: str) -> Wrap:
    """What a subject's key is bound to."""
    return Wrap("subject", tenant, subject, "")


def record_wrap(scope: Scope) -> Wrap:
    """What a record key is bound to."""
    return Wrap("record", scope.tenant, scope.owner, "")


def record_id(scope: Scope) -> str:
    """The id of a scope's record keys among the keys."""
    return f"record:{scope.owner or scope.tenant}"


def _parent(held: KeySet, version: int) -> Key:
    parent = held.keys.get(version)
    if parent is None:
        raise Stale("a key was wrapped anew while it was read")
    return parent


def _set(rows: Sequence[Row[Any]], opened: Iterable[Key]) -> KeySet:
    keys = {key.version: key for key in opened}
    current = [row.version for row in rows if row.state == CURRENT]
    return KeySet(keys, current[0] if current else max(keys)) if keys else KeySet()
