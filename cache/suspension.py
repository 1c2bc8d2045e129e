"""Keys that may not be used for a while: their bytes stay where they are, and no process opens anything with them.

A suspension advances the epoch as a destruction does, so every process obeys within a second, and so does its lifting.
A version of a tenant's key suspends every key that is wrapped under it. Versions that are made meanwhile are suspended
as well: what was under the first one is under them by then, and only a lifting gives it back.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Table, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import record_keys, subject_keys, suspended, tenant_keys
from cache.database import insert_if_absent
from cache.epoch import advance
from cache.errors import Missing
from cache.model import KeyVersion, Scope


async def suspend(tx: AsyncConnection, scope: Scope, version: int) -> None:
    """No process uses this version of the scope's key from now on. May be repeated. Missing: there is none."""
    known = [one.version for one in await versions(tx, scope)]
    if version not in known:
        raise Missing("there is no such version of this key")
    row = {"tenant": scope.tenant, "subject": scope.owner, "version": version, "newest": max(known)}
    await insert_if_absent(tx, suspended, {**row, "active": False, "epoch": 0})
    await _turn(tx, scope, version, active=True, newest=max(known))


async def resume(tx: AsyncConnection, scope: Scope, version: int) -> None:
    """It is used again, with those that were made meanwhile. May be repeated."""
    await _turn(tx, scope, version, active=False)


async def _turn(tx: AsyncConnection, scope: Scope, version: int, *, active: bool, newest: int | None = None) -> None:
    mine = (suspended.c.tenant == scope.tenant) & (suspended.c.subject == scope.owner)
    turned = mine & (suspended.c.version == version) & (suspended.c.active != active)
    told = {"active": active, **({} if newest is None else {"newest": newest})}
    await tx.execute(update(suspended).where(turned).values(**told, epoch=await advance(tx)))


async def suspended_versions(tx: AsyncConnection, scope: Scope, *, records: bool = False) -> frozenset[int]:
    """Versions of the scope's key that may not be used now: themselves, or through the key that wraps them.

    ``records``: those of its record key, which its own key wraps.
    """
    query = select(suspended.c.subject, suspended.c.version, suspended.c.newest).where(
        suspended.c.tenant == scope.tenant, suspended.c.subject.in_({"", scope.owner}), suspended.c.active
    )
    rows = (await tx.execute(query)).all()
    if not rows:
        return frozenset()
    own = [(row.version, row.newest) for row in rows if row.subject == scope.owner]
    above = [(row.version, row.newest) for row in rows if row.subject == "" and scope.subject is not None]
    keys = tenant_keys if scope.subject is None else subject_keys
    held = _held(keys.c.version, own)
    if scope.subject is not None:
        held = or_(held, _held(subject_keys.c.tenant_version, above))
    query = select(keys.c.version).where(*_mine(keys, scope), held)
    if records:
        query = select(record_keys.c.version).where(*_mine(record_keys, scope), record_keys.c.key_version.in_(query))
    return frozenset((await tx.execute(query)).scalars())


def _mine(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    whose = [] if table is tenant_keys else [table.c.subject == scope.owner]
    return [table.c.tenant == scope.tenant, *whose]


def _held(version: ColumnElement[int], suspensions: Iterable[tuple[int, int]]) -> ColumnElement[bool]:
    """Versions that are suspended, or were made after that."""
    return or_(*((version == this) | (version > newest) for this, newest in suspensions), version < 0)


async def versions(tx: AsyncConnection, scope: Scope) -> list[KeyVersion]:
    """The versions of the scope's key that exist, the oldest first."""
    if scope.subject is None:
        query = select(tenant_keys.c.version, tenant_keys.c.made, tenant_keys.c.root_version.label("parent"))
        query = query.where(tenant_keys.c.tenant == scope.tenant)
    else:
        query = select(subject_keys.c.version, subject_keys.c.made, subject_keys.c.tenant_version.label("parent"))
        query = query.where(subject_keys.c.tenant == scope.tenant, subject_keys.c.subject == scope.subject)
    rows = (await tx.execute(query)).all()
    held = await suspended_versions(tx, scope)
    return sorted(KeyVersion(row.version, row.made, row.parent, row.version in held) for row in rows)
