"""What became of erasures, for whoever asked for them: ids, times and counts, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.erasure.model import DONE, Erasure, NothingThere

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """An erasure, and of many people how many there are and are forgotten."""

    erasure: Erasure
    people: int | None = None
    forgotten: int | None = None


class Looking:
    """Asked for one person or one school at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own(self, person: str, before: Place | None, limit: int) -> tuple[Sequence[Seen], Place | None]:
        """Things that a person had forgotten, the newest first, and where the next page begins."""
        return await self._page((erasures.c.person == person) & (erasures.c.scope == "item"), before, limit)

    async def of_school(self, school: str, before: Place | None, limit: int) -> tuple[Sequence[Seen], Place | None]:
        """What a school's administrators had forgotten: not what people, or guardians for them, asked for."""
        return await self._page(_ordered(school), before, limit)

    async def own_one(self, person: str, erasure: str) -> Seen:
        """NothingThere."""
        return await self._one(
            (erasures.c.person == person) & (erasures.c.scope == "item") & (erasures.c.id == erasure)
        )

    async def one_of_school(self, school: str, erasure: str) -> Seen:
        """NothingThere."""
        return await self._one(_ordered(school) & (erasures.c.id == erasure))

    async def _one(self, which: ColumnElement[bool]) -> Seen:
        async with self._database.read() as tx:
            row = (await tx.execute(select(erasures).where(which))).mappings().one_or_none()
            if row is None:
                raise NothingThere
            return await self._seen(tx, Erasure.of(dict(row)))

    async def _page(
        self, which: ColumnElement[bool], before: Place | None, limit: int
    ) -> tuple[Sequence[Seen], Place | None]:
        query = select(erasures).where(which)
        if before is not None:
            begun, last = before
            query = query.where((erasures.c.begun < begun) | ((erasures.c.begun == begun) & (erasures.c.id < last)))
        query = query.order_by(erasures.c.begun.desc(), erasures.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            found = [Erasure.of(dict(row)) for row in (await tx.execute(query)).mappings().all()]
            seen = [await self._seen(tx, one) for one in found[:limit]]
        return seen, (found[limit - 1].begun, found[limit - 1].id) if len(found) > limit else None

    async def _seen(self, tx: AsyncConnection, erasure: Erasure) -> Seen:
        if erasure.person:
            return Seen(erasure)
        mine: Any = erasures.c.batch == erasure.id
        people = int((await tx.execute(select(func.count()).where(mine))).scalar_one())
        done = int((await tx.execute(select(func.count()).where(mine, erasures.c.step == DONE))).scalar_one())
        return Seen(erasure, people, done)


def _ordered(school: str) -> ColumnElement[bool]:
    own = (erasures.c.scope == "item") | (erasures.c.by == erasures.c.person) | erasures.c.through.is_not(None)
    return (erasures.c.school == school) & erasures.c.batch.is_(None) & erasures.c.by.is_not(None) & ~own
