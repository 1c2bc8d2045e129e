"""Questions about what is stored that need no key: which objects a key wraps, whose an object is. Bounded, by id."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import objects, subject_keys
from cache.model import Life, Scope, Wrapped
from cache.shelf import owned
from cache.suspension import versions

_COLUMNS = (
    objects.c.id, objects.c.subject, objects.c.life, objects.c.size, objects.c.stored, objects.c.key_version
)  # fmt: skip


async def wrapped(tx: AsyncConnection, scope: Scope, version: int, *, after: str, limit: int) -> list[Wrapped]:
    """Objects whose keys this version wraps, and those that were stored while it was the newest: a rotation may have
    wrapped these again since. Objects that are gone are not known any more.
    """
    which = [objects.c.key_version == version]
    if (then := _stored_under(await _reign(tx, scope, version))) is not None:
        which.append(then)
    query = select(*_COLUMNS).where(owned(scope), or_(*which), objects.c.id > after)
    return [_wrapped(row) for row in await tx.execute(query.order_by(objects.c.id).limit(limit))]


async def _reign(tx: AsyncConnection, scope: Scope, version: int) -> tuple[int, int | None] | None:
    """From when until when this version was the newest, epoch ms; None where it is not known any more."""
    known = await versions(tx, scope)
    mine = [one.made for one in known if one.version == version]
    return (mine[0], min((one.made for one in known if one.version > version), default=None)) if mine else None


def _stored_under(reign: tuple[int, int | None] | None) -> ColumnElement[bool] | None:
    if reign is None:
        return None
    since, until = reign
    return objects.c.stored >= since if until is None else and_(objects.c.stored >= since, objects.c.stored < until)


async def under(tx: AsyncConnection, tenant: str, version: int, *, after: str, limit: int) -> list[str]:
    """Subjects of whose keys this version of the tenant's key wraps at least one."""
    mine = (subject_keys.c.tenant == tenant) & (subject_keys.c.tenant_version == version)
    query = select(subject_keys.c.subject).where(mine, subject_keys.c.subject > after).distinct()
    return list((await tx.execute(query.order_by(subject_keys.c.subject).limit(limit))).scalars())


async def find(tx: AsyncConnection, tenant: str, object_id: str) -> Wrapped | None:
    """One of the tenant's objects."""
    query = select(*_COLUMNS).where(objects.c.id == object_id, objects.c.tenant == tenant)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _wrapped(row)


def _wrapped(row: Any) -> Wrapped:
    return Wrapped(row.id, row.subject, Life(row.life), row.size, row.stored, row.key_version)
