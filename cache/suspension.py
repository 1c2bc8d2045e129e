"""Keys that may not be used for a while: their bytes stay where they are, and no process opens anything with them.

A suspension advances the epoch as a destruction does, so every process obeys within a second, and so does its lifting.
A version of a tenant's key suspends every key that is wrapped under it.
"""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import subject_keys, suspended, tenant_keys
from cache.database import insert_if_absent
from cache.epoch import advance
from cache.errors import Missing
from cache.model import KeyVersion, Scope


async def suspend(tx: AsyncConnection, scope: Scope, version: int) -> None:
    """No process uses this version of the scope's key from now on. May be repeated. Missing: there is none."""
    if version not in {one.version for one in await versions(tx, scope)}:
        raise Missing("there is no such version of this key")
    row = {"tenant": scope.tenant, "subject": scope.owner, "version": version}
    await insert_if_absent(tx, suspended, {**row, "active": False, "epoch": 0})
    await _turn(tx, scope, version, active=True)


async def resume(tx: AsyncConnection, scope: Scope, version: int) -> None:
    """It is used again. May be repeated."""
    await _turn(tx, scope, version, active=False)


async def _turn(tx: AsyncConnection, scope: Scope, version: int, *, active: bool) -> None:
    mine = (suspended.c.tenant == scope.tenant) & (suspended.c.subject == scope.owner)
    this = mine & (suspended.c.version == version)
    await tx.execute(update(suspended).where(this).values(active=active, epoch=await advance(tx)))


async def suspended_versions(tx: AsyncConnection, scope: Scope) -> frozenset[int]:
    """Versions of the scope's key that may not be used now: themselves, or through the key that wraps them."""
    query = select(suspended.c.subject, suspended.c.version).where(
        suspended.c.tenant == scope.tenant, suspended.c.subject.in_({"", scope.owner}), suspended.c.active
    )
    rows = (await tx.execute(query)).all()
    own = frozenset(row.version for row in rows if row.subject == scope.owner)
    above = [row.version for row in rows if row.subject == "" and scope.subject is not None]
    if not above:
        return own
    below = select(subject_keys.c.version).where(
        subject_keys.c.tenant == scope.tenant,
        subject_keys.c.subject == scope.owner,
        subject_keys.c.tenant_version.in_(above),
    )
    return own | frozenset((await tx.execute(below)).scalars())


async def forget(tx: AsyncConnection, scope: Scope) -> None:
    """The scope's keys were destroyed: nothing of them is suspended any more."""
    mine = suspended.c.tenant == scope.tenant
    await tx.execute(
        delete(suspended).where(mine if scope.subject is None else mine & (suspended.c.subject == scope.subject))
    )


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
