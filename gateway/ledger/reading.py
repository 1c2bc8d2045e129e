"""Pages of a school's chain, the newest entry first, by person, action and time.

A page looks at a bounded stretch of the chain: it may hold fewer entries than were asked for, or none, and still have a
next one. Times are found by bisection, since entries are appended in their order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries as entries
from gateway.ledger.ledger import Entry, Ledger

STRETCH: Final = 20_000
"""Entries that are looked at for one page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``person``: who instructed or whom it is about; ``subject``: only the latter. Epoch ms, ``until`` excluded."""

    person: str | None = None
    subject: str | None = None
    actions: Collection[str] | None = None
    since: int | None = None
    until: int | None = None


class Reading:
    """Reads; what a reader may see, its caller decides."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._ledger = ledger
        self._database = database

    async def page(
        self, school: str, asked: Asked, before: int | None = None, limit: int = 100, *, opened: str | None = None
    ) -> tuple[Sequence[Entry], int | None]:
        """Entries before a place, the newest first, and the ``before`` of the next page; None at the end.

        ``opened``: the person whose details are; what they did to others stays sealed.
        """
        async with self._database.read() as tx:
            low, high = await self._bounds(tx, school, asked)
            high = high if before is None else min(high, before)
            first = max(low, high - STRETCH)
            query = _matching(school, asked, first, high, limit + 1)
            rows = [dict(row) for row in (await tx.execute(query)).mappings()]
        shown = [
            await self._ledger.shown(row, details=opened is not None and row["subject"] == opened)
            for row in rows[:limit]
        ]
        if len(rows) > limit:
            return shown, int(rows[limit - 1]["sequence"])
        return shown, first if first > low else None

    async def _bounds(self, tx: AsyncConnection, school: str, asked: Asked) -> tuple[int, int]:
        """The places from the first that may be meant to the one after the last."""
        place, mine = entries.c.sequence, entries.c.school == school
        row = (await tx.execute(select(func.min(place).label("low"), func.max(place).label("high")).where(mine))).one()
        if row.low is None:
            return 0, 0
        low, high = int(row.low), int(row.high) + 1
        since = low if asked.since is None else await _first_at(tx, school, low, high, asked.since)
        until = high if asked.until is None else await _first_at(tx, school, low, high, asked.until)
        return since, max(since, until)


def _matching(school: str, asked: Asked, first: int, high: int, limit: int) -> Select[Any]:
    place = entries.c.sequence
    base = select(entries).where(entries.c.school == school, place >= first, place < high)
    if asked.actions is not None:
        base = base.where(entries.c.action.in_(asked.actions))
    if asked.subject is not None:
        base = base.where(entries.c.subject == asked.subject)
    if asked.person is None:
        return base.order_by(place.desc()).limit(limit)
    ways = [  # each by its own index
        base.where(column == asked.person).order_by(place.desc()).limit(limit).subquery()
        for column in (entries.c.principal, entries.c.subject)
    ]
    both = union(*(select(way) for way in ways)).subquery()
    return select(both).order_by(both.c.sequence.desc()).limit(limit)


async def _first_at(tx: AsyncConnection, school: str, low: int, high: int, moment: int) -> int:
    """The first place from ``low`` on whose entry is not older than the moment; ``high`` where all are."""
    while low < high:
        middle = (low + high) // 2
        mine = (entries.c.school == school) & (entries.c.sequence == middle)
        at = (await tx.execute(select(entries.c.at).where(mine))).scalar_one_or_none()
        low, high = (low, middle) if at is not None and at >= moment else (middle + 1, high)
    return low
