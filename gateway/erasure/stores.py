"""Every store that holds something of a person, as data: what it is in plain words, and how its rows end.

A table that is personal and stands in no store makes a test fail: nothing of a person may be forgotten to be forgotten.
The same stores end for a school that leaves, with the rows of all its people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Table, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from gateway.db.some import delete_some
from gateway.db.tables_people import persons


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table that are the person's, by the column that names them (None: the school's own, nobody's).

    ``size``: bytes, to be added up. ``seen``: which of them a person would count, where not all.
    """

    table: Table
    person: Column[str] | None
    size: Column[int] | None = None
    seen: ColumnElement[bool] | None = None

    def told(self, scope: Scope, people: Sequence[str] | None = None) -> ColumnElement[bool]:
        """The condition for the rows that are counted."""
        mine = self.mine(scope, people)
        return mine if self.seen is None else mine & self.seen

    def mine(self, scope: Scope, people: Sequence[str] | None = None) -> ColumnElement[bool]:
        """The condition for the person's rows; without a subject for those of some hundred ``people`` of the school,
        or for the school's own with those of all its people.
        """
        wanted = [scope.subject] if scope.subject is not None else people
        if wanted is not None:
            return false() if self.person is None else self.person.in_(wanted)
        for name in ("school", "tenant"):
            if name in self.table.c:
                return self.table.c[name] == scope.tenant
        assert self.person is not None
        return self.person.in_(select(persons.c.id).where(persons.c.school == scope.tenant))


@dataclass(frozen=True, slots=True)
class Store:
    """One store as a person reads of it. The first of ``rows`` is counted; all are deleted, the last ones first."""

    name: str
    what: str
    rows: Sequence[Rows]

    async def count(
        self, tx: AsyncConnection, scope: Scope, people: Sequence[str] | None = None
    ) -> tuple[int, int | None]:
        """How many, and how many bytes (None where bytes mean nothing). ``people``: see `Rows.mine`."""
        first = self.rows[0]
        query = select(func.count()).select_from(first.table).where(first.told(scope, people))
        counted = (await tx.execute(query)).scalar_one()
        for rows in self.rows:
            if rows.size is not None:
                total = select(func.coalesce(func.sum(rows.size), 0)).where(rows.told(scope, people))
                return counted, int((await tx.execute(total)).scalar_one())
        return counted, None

    async def erase(self, tx: AsyncConnection, scope: Scope, limit: int) -> int:
        """Delete at most ``limit`` rows; how many: less than that where there are no more. What belongs to others'
        rows goes before them, so that no deletion takes a whole tree along.
        """
        left = limit
        for rows in reversed(self.rows):
            if not left:
                break
            left -= await delete_some(tx, rows.table, rows.mine(scope), left)
        return limit - left
