"""The fence around a claimed item's row: a write changes it only for the process and the attempt that hold it.

A statement is built once for each set of columns, because building one costs more than running it; many items whose
changes are alike are written by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Update, and_, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items
from gateway.jobs.model import Fenced, Item, ItemState


class Change:
    """Columns of one claimed item, to be written under its fence."""

    __slots__ = ("item", "parameters", "statement")

    def __init__(self, item: Item, owner: str, values: Mapping[str, Any]) -> None:
        self.item = item.id
        self.statement = _statement(tuple(sorted(values)))
        fence = {"at_id": item.id, "at_owner": owner, "at_attempt": item.attempt}
        self.parameters = fence | {f"to_{name}": value for name, value in values.items()}

    async def write(self, tx: AsyncConnection) -> None:
        """Fenced where the item is not ours any more."""
        if (await tx.execute(self.statement, self.parameters)).rowcount != 1:
            raise Fenced(self.item)


async def write_all(tx: AsyncConnection, changes: Sequence[Change]) -> bool:
    """Many changes of the same columns by one statement. False where not all of them hit: then take it back.

    Only where the driver counts the rows of such a statement, as SQLite's does.
    """
    done = await tx.execute(changes[0].statement, [change.parameters for change in changes])
    return done.rowcount == len(changes)


@cache
def _statement(names: tuple[str, ...]) -> Update:
    fence = and_(
        items.c.id == bindparam("at_id"),
        items.c.owner == bindparam("at_owner"),
        items.c.attempt == bindparam("at_attempt"),
        items.c.state == ItemState.RUNNING,
    )
    return update(items).where(fence).values({name: bindparam(f"to_{name}") for name in names})
