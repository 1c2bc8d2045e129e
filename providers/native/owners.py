"""One row per owner: the lock of the tree, the number of its latest change, and how many bytes are stored.

Whoever changes a tree takes its next number first, and so holds the row until the transaction ends: a check (free name,
no cycle, room left) still holds when the change is made. Bytes are added and taken off in the same transaction as the
parts that they count. A school's total is the sum over its people, taken while the school's own row is held.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.vault import Scope
from providers.errors import NotFound, QuotaFull
from providers.native.tables import owners
from providers.native.traits import Allowance


def _mine(scope: Scope) -> ColumnElement[bool]:
    return and_(owners.c.tenant == scope.tenant, owners.c.subject == scope.owner)


async def make(tx: AsyncConnection, scope: Scope) -> None:
    """The row, where it is missing."""
    row = {"tenant": scope.tenant, "subject": scope.owner, "number": 0, "bytes": 0}
    await insert_if_absent(tx, owners, row)


async def hold(tx: AsyncConnection, scope: Scope, more: int = 0) -> tuple[int, int]:
    """Hold the tree until the transaction ends, with ``more`` bytes in it: the number of this change, and all bytes.

    NotFound where its owner was forgotten.
    """
    values: dict[Any, Any] = {"number": owners.c.number + 1, "bytes": owners.c.bytes + more}
    changed = update(owners).where(_mine(scope)).values(**values).returning(owners.c.number, owners.c.bytes)
    row = (await tx.execute(changed)).first()
    if row is None:
        raise NotFound("this drive is gone")
    return row.number, row.bytes


async def add(tx: AsyncConnection, scope: Scope, more: int) -> int:
    """Count ``more`` bytes (negative: fewer) in a tree that is held; how many there are now."""
    changed = update(owners).where(_mine(scope)).values(bytes=owners.c.bytes + more).returning(owners.c.bytes)
    return (await tx.execute(changed)).scalar() or 0


async def latest(tx: AsyncConnection, scope: Scope) -> int:
    """The number of the latest change. NotFound where its owner was forgotten."""
    number = (await tx.execute(select(owners.c.number).where(_mine(scope)))).scalar()
    if number is None:
        raise NotFound("this drive is gone")
    return int(number)


async def used(tx: AsyncConnection, scope: Scope) -> int:
    """Bytes that a scope has stored: every version of everything, the trash, uploads under way."""
    return (await tx.execute(select(owners.c.bytes).where(_mine(scope)))).scalar() or 0


async def used_by_all(tx: AsyncConnection, scope: Scope) -> int:
    """Bytes that everybody of the scope's school has stored."""
    total = select(func.coalesce(func.sum(owners.c.bytes), 0)).where(owners.c.tenant == scope.tenant)
    return int((await tx.execute(total)).scalar_one())


async def may_add(tx: AsyncConnection, scope: Scope, allowance: Allowance, more: int) -> None:
    """QuotaFull where that many more bytes could not be stored now: an early word, before they are sent."""
    if more and allowance.bytes and await used(tx, scope) + more > allowance.bytes:
        raise QuotaFull
    if more and allowance.school and await used_by_all(tx, scope) + more > allowance.school:
        raise QuotaFull(reason="school")


async def settle(tx: AsyncConnection, scope: Scope, allowance: Allowance, stored: int) -> None:
    """QuotaFull where the owner's bytes, just added and now ``stored``, or those of the school are too many.

    Others of the school who add bytes wait here, always for the school's row after their own.
    """
    if allowance.bytes and stored > allowance.bytes:
        raise QuotaFull
    if allowance.school:
        school = Scope(scope.tenant, None)
        await make(tx, school)
        await tx.execute(select(owners.c.number).where(_mine(school)).with_for_update())
        if await used_by_all(tx, scope) > allowance.school:
            raise QuotaFull(reason="school")


async def limits(tx: AsyncConnection, scope: Scope, allowance: Allowance) -> tuple[int, int | None]:
    """The owner's bytes, and the most there can be now: their own limit or what the school has left for them."""
    mine = await used(tx, scope)
    most = [allowance.bytes] if allowance.bytes else []
    if allowance.school:
        most.append(mine + max(0, allowance.school - await used_by_all(tx, scope)))
    return mine, min(most, default=None)
