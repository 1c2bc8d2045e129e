"""Lists across folders: what has some words in its name, what was changed last, what lies in the trash.

Names are sealed, and no index of words is kept, since it would tell of them: a search opens the names of one person's
items in memory, some at a time, so that a request is bounded and the event loop is held for milliseconds only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from cache.database import Transactions
from providers.drive import Kind, Page
from providers.names import collision_key
from providers.native.entries import dump_cursor, dump_place, entry_of, load_cursor, load_place
from providers.native.tables import nodes
from providers.native.traits import Allowance
from providers.native.trash import ENDING
from providers.native.tree import Tree

CHUNK = 500
"""Names opened between two turns of the event loop."""

SCANNED = 20_000
"""Names opened for one page at most: where they hold too little, the page is short or empty, and has a cursor."""


async def search(
    database: Transactions, tree: Tree, text: str, cursor: str | None, limit: int, scanned: int = SCANNED
) -> Page:
    """See `CanSearch`: live items whose names hold all words, in any case. ValueError for none, or a wrong cursor."""
    words = collision_key(text).split()
    if not words:
        raise ValueError("a search needs words")
    after: str | None = "" if cursor is None else load_cursor(cursor)
    found: list[str] = []
    while after is not None and len(found) < limit and scanned > 0:
        rows = await _names(database, tree, after)
        scanned -= CHUNK
        after = rows[-1].id if len(rows) == CHUNK else None
        for row in rows:
            if _holds(tree.name(row), words):
                found.append(row.id)
                if len(found) == limit:
                    after = row.id
                    break
    async with database.read() as tx:
        there = await tree.some(tx, found)
    entries = [entry_of(tree, there[one]) for one in found if one in there]
    return Page(entries, None if after is None else dump_cursor(after))


async def _names(database: Transactions, tree: Tree, after: str) -> Sequence[Any]:
    live = and_(tree.mine(), nodes.c.parent.is_not(None), nodes.c.trashed.is_(None), nodes.c.id > after)
    async with database.read() as tx:
        found = await tx.execute(select(nodes.c.id, nodes.c.name).where(live).order_by(nodes.c.id).limit(CHUNK))
        return list(found.all())


def _holds(name: str, words: Sequence[str]) -> bool:
    key = collision_key(name)
    return all(word in key for word in words)


async def recent(database: Transactions, tree: Tree, cursor: str | None, limit: int) -> Page:
    """Live files, the one made, changed, renamed or moved last in front. ValueError for a wrong cursor."""
    which = and_(nodes.c.kind == Kind.FILE.value, nodes.c.trashed.is_(None))
    if cursor is not None:
        number, last = load_place(cursor)
        which &= or_(nodes.c.changed < number, and_(nodes.c.changed == number, nodes.c.id < last))
    newest = tree.select().where(which).order_by(nodes.c.changed.desc(), nodes.c.id.desc())
    async with database.read() as tx:
        rows = (await tx.execute(newest.limit(limit + 1))).all()
        hidden = await tree.hidden(tx, [row.id for row in rows]) if rows else set()
    page = rows[:limit]
    entries = [entry_of(tree, row) for row in page if row.id not in hidden]
    return Page(entries, dump_place(page[-1].changed, page[-1].id) if len(rows) > limit else None)


async def trashed(database: Transactions, tree: Tree, allowance: Allowance, cursor: str | None, limit: int) -> Page:
    """See `HasTrash`: what was put there last in front, each with its end. ValueError for a wrong cursor."""
    life = allowance.trash_ms
    since = max(ENDING, await database.now() - life) if life else ENDING
    which = nodes.c.trashed > since
    if cursor is not None:
        moment, last = load_place(cursor)
        which = and_(which, or_(nodes.c.trashed < moment, and_(nodes.c.trashed == moment, nodes.c.id < last)))
    latest = tree.select().where(which).order_by(nodes.c.trashed.desc(), nodes.c.id.desc())
    async with database.read() as tx:
        rows = (await tx.execute(latest.limit(limit + 1))).all()
    page = rows[:limit]
    entries = [entry_of(tree, row, trashed=True, ends=row.trashed + life if life else None) for row in page]
    return Page(entries, dump_place(page[-1].trashed, page[-1].id) if len(rows) > limit else None)
