"""Every store that holds something of a person, as data: what it is in plain words, and how its rows end.

A table that is personal and stands in no store makes a test fail: nothing of a person may be forgotten to be forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table that are the person's, by the column that names them; ``size``: bytes, to be added up.

    ``seen``: which of them a person would count, where not all.
    """

    table: Table
    person: Column[str]
    size: Column[int] | None = None
    seen: ColumnElement[bool] | None = None

    def told(self, scope: Scope) -> ColumnElement[bool]:
        """The condition for the rows that are counted."""
        return self.mine(scope) if self.seen is None else self.mine(scope) & self.seen

    def mine(self, scope: Scope) -> ColumnElement[bool]:
        """The condition for the person's rows."""
        return self.person == scope.subject


@dataclass(frozen=True, slots=True)
class Store:
    """One store as a person reads of it. The first of ``rows`` is counted; all are deleted, in this order."""

    name: str
    what: str
    rows: Sequence[Rows]

    async def count(self, tx: AsyncConnection, scope: Scope) -> tuple[int, int | None]:
        """How many, and how many bytes (None where bytes mean nothing)."""
        first = self.rows[0]
        query = select(func.count()).select_from(first.table).where(first.told(scope))
        counted = (await tx.execute(query)).scalar_one()
        for rows in self.rows:
            if rows.size is not None:
                total = select(func.coalesce(func.sum(rows.size), 0)).where(rows.told(scope))
                return counted, int((await tx.execute(total)).scalar_one())
        return counted, None

    async def erase(self, tx: AsyncConnection, scope: Scope) -> int:
        """Delete the rows. How many of the first kind."""
        counted = 0
        for number, rows in enumerate(self.rows):
            done = await tx.execute(delete(rows.table).where(rows.mine(scope)))
            if number == 0:
                counted = done.rowcount
        return counted
