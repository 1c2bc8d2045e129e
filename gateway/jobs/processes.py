"""One heartbeat row per process: who is alive, and what the dead held.

The database's clock rules. A process that was stopped longer than its lease must not trust what it thinks it owns:
it looks at its own monotonic clock before it beats, and starts over under a new id.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items, processes
from gateway.ids import new_id
from gateway.jobs.model import ItemState

LEASE: Final = 6.0
MOST_LOSSES: Final = 25


class Membership:
    """This process among the others. ``lease`` in seconds: after that long without a beat others take its items."""

    def __init__(self, lease: float = LEASE) -> None:
        self.id = new_id()
        self.lease = lease
        self._beaten = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the last beat is young enough that nobody can have taken our items."""
        return time.monotonic() - self._beaten < self.lease * 0.8

    async def join(self, tx: AsyncConnection, now: int) -> None:
        """Enter under a new id; whatever was owned under the old one is given up."""
        self.id = new_id()
        begun = time.monotonic()
        await tx.execute(insert(processes).values(id=self.id, started=now, beaten=now))
        self._beaten = begun

    async def beat(self, tx: AsyncConnection, now: int) -> bool:
        """Prove that we live. False where others have already taken over: `join` again."""
        begun = time.monotonic()
        if begun - self._beaten > self.lease:
            return False
        done = await tx.execute(update(processes).where(processes.c.id == self.id).values(beaten=now))
        if done.rowcount == 1:
            self._beaten = begun
        return done.rowcount == 1

    async def bury(self, tx: AsyncConnection, now: int, *, everyone: bool = False) -> int:
        """Give back what dead processes held. ``everyone``: all but us, where a lock proves that we are alone.

        Also what is held under an id that is gone: who was stopped amid a claim and buried may still commit it later.
        """
        since = now + 1 if everyone else now - round(self.lease * 1000)
        silent = and_(processes.c.id != self.id, processes.c.beaten < since)
        found = await tx.execute(select(processes.c.id).where(silent).with_for_update(skip_locked=True))
        dead = list(found.scalars())
        await tx.execute(delete(processes).where(processes.c.id.in_(dead)))
        left = items.c.owner != self.id if everyone else items.c.owner.not_in(select(processes.c.id))
        query = select(items.c.seq).where(left, items.c.state == ItemState.RUNNING)
        query = query.with_for_update(skip_locked=True)  # what is being written now is looked at with the next beat
        freed = list((await tx.execute(query)).scalars())
        if freed:
            back = update(items).where(items.c.seq.in_(freed))
            await tx.execute(back.values(state=ItemState.READY, owner=None, losses=items.c.losses + 1))
        return len(freed)

    async def leave(self, tx: AsyncConnection) -> None:
        """Take our row away; what we still held is free at once."""
        held = update(items).where(items.c.owner == self.id, items.c.state == ItemState.RUNNING)
        await tx.execute(held.values(state=ItemState.READY, owner=None))
        await tx.execute(delete(processes).where(processes.c.id == self.id))
