"""The end of what lies in the trash: for good, with everything below it, a bounded step at a time.

Works without keys. What ends is marked first, from the top down, so that nobody takes half a folder out of the trash
again; then it is destroyed from its leaves up. A crash anywhere leaves work for the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.errors import NotFound
from providers.native import owners
from providers.native.content import destroy_nodes
from providers.native.tables import nodes

ENDING = 0
"""In the place of the time when it was put into the trash: its end has begun."""

_child = nodes.alias("child")
_HAS_CHILDREN = exists().where(_child.c.parent == nodes.c.id)
_IS_AHEAD = exists().where(_child.c.parent == nodes.c.id, or_(_child.c.trashed.is_(None), _child.c.trashed != ENDING))


async def empty(
    vault: Vault, database: Transactions, life: int, limit: int, lives: Mapping[str, int] = MappingProxyType({})
) -> int:
    """End what was put into the trash more than ``life`` ms ago; about ``limit`` items. How many are gone.

    ``lives``: other times, by tenant.
    """
    old = _old(await database.now(), life, lives)
    await _each(database, and_(old, _IS_AHEAD), limit, _mark)

    async def destroy(tx: AsyncConnection, scope: Scope, ids: list[str], _limit: int) -> int:
        await destroy_nodes(tx, vault, scope, ids)
        return len(ids)

    return await _each(database, and_(old, ~_HAS_CHILDREN), limit, destroy)


def _old(now: int, life: int, lives: Mapping[str, int]) -> ColumnElement[bool]:
    """In the trash for too long. What has begun to end goes on, whatever its tenant chooses by then."""
    usual = and_(nodes.c.tenant.not_in(list(lives)), nodes.c.trashed <= now - life)
    own = [
        and_(nodes.c.tenant.in_([one for one in lives if lives[one] == days]), nodes.c.trashed <= now - days)
        for days in set(lives.values())
    ]
    return or_(usual, *own)


async def _mark(tx: AsyncConnection, _scope: Scope, ids: list[str], limit: int) -> int:
    """Folders, and some of what lies directly in them."""
    inside = select(nodes.c.id).where(
        nodes.c.parent.in_(ids), or_(nodes.c.trashed.is_(None), nodes.c.trashed != ENDING)
    )
    below = list((await tx.execute(inside.limit(limit))).scalars())
    await tx.execute(update(nodes).where(nodes.c.id.in_([*ids, *below])).values(trashed=ENDING, name_index=None))
    return len(below)


async def _each(database: Transactions, which: ColumnElement[bool], limit: int, work: Any) -> int:
    """Do the work owner by owner, each in a transaction that holds the owner's tree and has looked again."""
    columns = (nodes.c.id, nodes.c.tenant, nodes.c.subject)
    async with database.read() as tx:
        found = (await tx.execute(select(*columns).where(which).limit(limit))).all()
    done = 0
    for (tenant, subject), rows in groupby(sorted((row.tenant, row.subject, row.id) for row in found), _owner):
        scope, ids = Scope(tenant, subject or None), [row[2] for row in rows]
        async with database.write() as tx:
            try:
                await owners.hold(tx, scope)
            except NotFound:
                continue  # forgotten meanwhile, with everything
            still = select(nodes.c.id).where(nodes.c.id.in_(ids), which)
            if ids := list((await tx.execute(still)).scalars()):
                done += await work(tx, scope, ids, limit)
    return done


def _owner(row: tuple[str, str, str]) -> tuple[str, str]:
    return row[:2]
