"""How much of each account is at work, in parts of a place: as an item's first account or as its second. Rows only."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items, lanes
from gateway.jobs.model import PLACE, ItemState, parts

_first, _second = lanes.alias("lane_first"), lanes.alias("lane_second")
AT_WORK: Final = (
    select(
        items.c.lane, items.c.other, items.c.kind, items.c.size,
        _first.c.concurrency.label("first"), _second.c.concurrency.label("second"),
    )
    .select_from(
        items.outerjoin(_first, _first.c.id == items.c.lane).outerjoin(_second, _second.c.id == items.c.other)
    )
    .where(items.c.state == ItemState.RUNNING)
)  # fmt: skip


class Load:
    """Read once per claim, and kept as the claim goes on."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self._most: dict[str, int] = {}

    @classmethod
    async def read(cls, tx: AsyncConnection) -> Load:
        """What is at work now, in all processes."""
        load = cls()
        for row in await tx.execute(AT_WORK):
            for lane, most in ((row.lane, row.first), (row.other, row.second)):
                if lane is not None:
                    load.add(lane, parts(row.kind, row.size), most)
        return load

    def add(self, lane: str, size: int, most: int | None) -> None:
        """So many parts more; ``most``: the account's places, None where it is forgotten."""
        self.parts[lane] += size
        if most is not None:
            self._most[lane] = most * PLACE

    def again(self, now: Load) -> None:
        """What was read once more, under the locks on accounts."""
        self.parts, self._most = now.parts, now._most

    def room(self, lane: str, most: int) -> int:
        """Parts that are free in an account of so many places."""
        return most * PLACE - self.parts[lane]

    def left(self, lane: str | None, wanted: int) -> int:
        """Of ``wanted`` parts those that an account still has, as far as it is at work."""
        if lane is None or lane not in self._most:
            return wanted
        return min(wanted, self._most[lane] - self.parts[lane])

    def passable(self) -> ColumnElement[bool]:
        """Items whose second account, where they need one, is not full."""
        full = sorted(lane for lane, most in self._most.items() if self.parts[lane] >= most)
        return or_(items.c.other.is_(None), items.c.other.not_in(full))
