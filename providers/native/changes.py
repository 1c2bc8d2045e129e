"""What changed in a tree, told from the tree itself: each node bears the number of its latest change.

Only what went out of sight needs rows of its own, kept for KEPT. A cursor holds a number and when it was given; from
one that is older than those rows nothing certain follows, so it is refused. Of a folder that goes or comes, only the
folder is told, not what lies in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from providers.drive import Ref
from providers.errors import Changed, NotFound
from providers.native import owners
from providers.native.entries import dump_place, entry_of, load_place
from providers.native.tables import gone, nodes
from providers.native.traits import DAY_MS
from providers.native.tree import Tree
from providers.verbs import Change, Changes

KEPT = 30 * DAY_MS
"""Milliseconds for which a cursor is good."""

_SLACK = DAY_MS


async def changes(database: Transactions, tree: Tree, cursor: str | None, space: str, limit: int) -> Changes:
    """See `HasChanges`; at most ``limit`` items. NotFound for a space that there is not."""
    if space:
        raise NotFound("this drive is one tree")
    now = await database.now()
    if cursor is None:
        async with database.read() as tx:
            return Changes((), dump_place(await owners.latest(tx, tree.scope), now))
    number, given = _known(cursor, now)
    async with database.read() as tx:
        latest = await owners.latest(tx, tree.scope)
        if number > latest:  # the database is older than the cursor: a backup was restored
            raise Changed(reason="resync")
        told = await _numbers(tx, tree, number, limit)
        there = await tree.some(tx, [node for _, node in told[:limit]])
    more = len(told) > limit
    items = [_change(tree, node, there.get(node)) for node in _last_of_each(node for _, node in told[:limit])]
    return Changes(items, dump_place(told[limit - 1][0] if more else latest, given if more else now), more)


def _known(cursor: str, now: int) -> tuple[int, int]:
    try:
        number, given = load_place(cursor)
        if now - KEPT <= int(given):
            return number, int(given)
    except ValueError:
        pass
    raise Changed(reason="resync")


async def _numbers(tx: AsyncConnection, tree: Tree, after: int, limit: int) -> list[tuple[int, str]]:
    """Changes after a number, oldest first, one more than ``limit`` where there are; each with its node."""
    live = select(nodes.c.changed, nodes.c.id).where(tree.mine(), nodes.c.changed > after, nodes.c.parent.is_not(None))
    mine = (gone.c.tenant == tree.scope.tenant, gone.c.subject == tree.scope.owner)
    left = select(gone.c.number, gone.c.node).where(*mine, gone.c.number > after)
    found = set[tuple[int, str]]()
    for query, order in ((live, nodes.c.changed), (left, gone.c.number)):
        found |= {(row[0], row[1]) for row in await tx.execute(query.order_by(order).limit(limit + 1))}
    return sorted(found)[: limit + 1]


def _last_of_each(ids: Iterable[str]) -> list[str]:
    """Each once, where it came last."""
    return list(reversed(dict.fromkeys(reversed(list(ids)))))


def _change(tree: Tree, node_id: str, node: Any) -> Change:
    return Change(Ref("", node_id), None if node is None else entry_of(tree, node))


async def forget_gone(database: Transactions, now: int, limit: int) -> None:
    """Forget what went out of sight before every cursor that is still good; at most ``limit``."""
    old = select(gone.c.tenant, gone.c.subject, gone.c.number).where(gone.c.since < now - KEPT - _SLACK).limit(limit)
    async with database.read() as tx:
        ended = (await tx.execute(old)).all()
    if not ended:
        return
    async with database.write() as tx:
        for row in ended:
            this = (gone.c.tenant == row.tenant, gone.c.subject == row.subject, gone.c.number == row.number)
            await tx.execute(delete(gone).where(*this))
