"""Deleting or changing some of many rows by one statement, so that none is long and none needs much memory.

What a statement has changed SQLite keeps in memory until the statement has ended (``temp_store``), since it may have to
be taken back; a hundred thousand rows at once were 160 MiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE: Final = 500
"""Rows that one statement of SQLite changes at most."""


async def delete_some(tx: AsyncConnection, table: Table, which: ColumnElement[bool], limit: int) -> int:
    """Delete at most ``limit`` of the rows for which that holds; how many: fewer where there are no more."""
    column, some = _some(table, which, limit)
    # Twice: a row that changed while this statement waited for it is looked at again, but not what was selected before.
    return (await tx.execute(delete(table).where(column.in_(some), which))).rowcount


async def update_all(tx: AsyncConnection, table: Table, which: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    """Update every row for which that holds, and will not hold afterwards; how many.

    On SQLite some by each statement. PostgreSQL keeps on its disk what it may have to take back, and each further
    statement would walk past all that the ones before it have left.
    """
    changed = update(table).where(which).values(**values)
    if tx.dialect.name != "sqlite":
        return (await tx.execute(changed)).rowcount
    column, some = _some(table, which, AT_ONCE)
    done, last = 0, AT_ONCE
    while last == AT_ONCE:
        last = (await tx.execute(changed.where(column.in_(some)))).rowcount
        done += last
    return done


def _some(table: Table, which: ColumnElement[bool], limit: int) -> tuple[ColumnElement[Any], Select[Any]]:
    key = list(table.primary_key.columns)
    return key[0] if len(key) == 1 else tuple_(*key), select(*key).where(which).limit(limit)
