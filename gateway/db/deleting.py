"""Deleting some of many rows, so that no transaction is long."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection


async def delete_some(tx: AsyncConnection, table: Table, which: ColumnElement[bool], limit: int) -> int:
    """Delete at most ``limit`` of the rows for which that holds; how many: fewer where there are no more."""
    key = list(table.primary_key.columns)
    column = key[0] if len(key) == 1 else tuple_(*key)
    some = select(*key).where(which).limit(limit)
    # Twice: a row that changed while this statement waited for it is looked at again, but not what was selected before.
    return (await tx.execute(delete(table).where(column.in_(some), which))).rowcount
