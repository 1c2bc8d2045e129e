"""The row of a cycle, and the right to work on it: one process at a time, and no write by one that lost it."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import cycles, epoch
from cache.database import Transactions, insert_if_absent

LEASE_MS = 60_000
"""A process that has written nothing for so long has lost the cycle to the next who asks."""


class Lost(Exception):
    """Another process works on this cycle now, or it is finished."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle as it stands: its ``kind`` (cycle or rekey), the ``step`` under way and when that began, epoch ms.

    ``counts``: what was done so far, and what a step needs to go on after a crash.
    """

    id: int
    kind: str
    step: str
    begun: int
    stepped: int
    finished: int | None
    counts: Mapping[str, Any] = field(default_factory=dict)


class Lease:
    """One process's hold on whichever cycle is unfinished. All times are the database's."""

    def __init__(self, database: Transactions) -> None:
        """Nothing is held yet."""
        self._database = database
        self._me = secrets.token_hex(16)

    async def begin(self, kind: str, first: str) -> bool:
        """A new cycle, where none is unfinished. False where one is.

        One that could not even begin its ``first`` step (the operator must give a root) makes way for another kind.
        """
        async with self._database.write() as tx:
            await insert_if_absent(tx, epoch, {"id": 1, "value": 0})
            await tx.execute(select(epoch.c.id).with_for_update())  # one begins at a time
            open_one = (await tx.execute(select(cycles).where(cycles.c.finished.is_(None)))).first()
            if open_one is not None:
                idle = open_one.step == first and "root" not in json.loads(open_one.counts) and open_one.kind != kind
                if idle:
                    await tx.execute(update(cycles).where(cycles.c.id == open_one.id).values(kind=kind, counts="{}"))
                return idle
            last = (await tx.execute(select(cycles.c.id).order_by(cycles.c.id.desc()).limit(1))).scalar() or 0
            now = await self._database.now(tx)
            row = {"id": last + 1, "kind": kind, "step": first, "begun": now, "stepped": now, "counts": "{}"}
            await tx.execute(insert(cycles).values(**row, owner=None, until=0))
        return True

    async def take(self) -> Cycle | None:
        """The unfinished cycle, now this process's; None where there is none or another one works on it."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            free = or_(cycles.c.owner.is_(None), cycles.c.owner == self._me, cycles.c.until <= now)
            mine = update(cycles).where(cycles.c.finished.is_(None), free).values(owner=self._me, until=now + LEASE_MS)
            row = (await tx.execute(mine.returning(*cycles.c))).first()
        return None if row is None else _cycle(row)

    @asynccontextmanager
    async def write(self, cycle: Cycle) -> AsyncIterator[AsyncConnection]:
        """A transaction in which the cycle is still this process's. Lost."""
        async with self._database.write() as tx:
            await self._still(tx, cycle, {})
            yield tx

    async def count(self, tx: AsyncConnection, cycle: Cycle, **more: int) -> None:
        """Add to the counts, in a transaction of `write`."""
        now = await self.counts(tx, cycle)
        for name, number in more.items():
            now[name] = now.get(name, 0) + number
        await self.note(tx, cycle, now)

    async def counts(self, tx: AsyncConnection, cycle: Cycle) -> dict[str, Any]:
        """The counts as they stand."""
        found: dict[str, Any] = json.loads(
            (await tx.execute(select(cycles.c.counts).where(cycles.c.id == cycle.id))).scalar_one()
        )
        return found

    async def note(self, tx: AsyncConnection, cycle: Cycle, counts: Mapping[str, Any]) -> None:
        """Replace the counts, in a transaction of `write`."""
        await tx.execute(update(cycles).where(cycles.c.id == cycle.id).values(counts=json.dumps(counts)))

    async def step(self, tx: AsyncConnection, cycle: Cycle, step: str | None) -> None:
        """Go on to another step; None: the cycle is finished. Lost."""
        now, counts = await self._database.now(tx), await self.counts(tx, cycle)
        counts.pop("waits", None)
        values = {"step": step, "stepped": now} if step else {"step": "done", "finished": now}
        await self._still(tx, cycle, {**values, "counts": json.dumps(counts)})

    async def release(self, cycle: Cycle, why: str) -> None:
        """Leave it to whoever comes next; ``why`` it could not go on, in words without a secret."""
        async with self.write(cycle) as tx:
            counts = await self.counts(tx, cycle)
            values = {"owner": None, "until": 0, "counts": json.dumps({**counts, "waits": why})}
            await tx.execute(update(cycles).where(cycles.c.id == cycle.id).values(**values))

    async def _still(self, tx: AsyncConnection, cycle: Cycle, values: Mapping[str, Any]) -> None:
        now = await self._database.now(tx)
        mine = (cycles.c.id == cycle.id) & (cycles.c.owner == self._me) & cycles.c.finished.is_(None)
        done = await tx.execute(update(cycles).where(mine).values(until=now + LEASE_MS, **values))
        if done.rowcount != 1:
            raise Lost


async def latest(tx: AsyncConnection) -> Cycle | None:
    """The latest cycle, finished or not."""
    row = (await tx.execute(select(cycles).order_by(cycles.c.id.desc()).limit(1))).first()
    return None if row is None else _cycle(row)


def _cycle(row: Row[Any]) -> Cycle:
    return Cycle(row.id, row.kind, row.step, row.begun, row.stepped, row.finished, json.loads(row.counts))
