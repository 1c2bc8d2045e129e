"""A turn that one process of many has at a time, by a row that it renews: for work that any of them may do.

It is a matter of economy, not of safety: who was stopped in the middle of a step goes on with that step when it wakes
up, beside the one that took over. What is done under a lease must bear that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.clock import elapsed
from gateway.db.engine import Database
from gateway.db.tables_work import leases
from gateway.ids import new_id

LEASE: Final = 15_000
"""Milliseconds after a process's last sign after which another one takes over."""
_RENEWED: Final = 10.0
"""Seconds for which a renewal is enough."""


class Lease:
    """This process's part in one such turn. All times but the last renewal's are the database's."""

    def __init__(
        self, database: Database, name: str, *, life: int = LEASE, clock: Callable[[], float] = elapsed
    ) -> None:
        """``life``: ms, the same in every process; ``clock``: seconds that go on evenly, also while the machine sleeps.

        A SQLite database belongs to one process, so it is always that one's turn.
        """
        self._database = database
        self._name = name
        self._life = life
        self._clock = clock
        self._me = new_id()
        self._renewed = float("-inf")

    async def mine(self) -> bool:
        """Take it or keep it, where no other process has it."""
        now = self._clock()
        if self._database.dialect == "sqlite" or now - self._renewed < min(_RENEWED, self._life / 4000):
            return True
        self._renewed = now if await self._taken() else float("-inf")
        return self._renewed == now

    async def _taken(self) -> bool:
        """An end that is further away than any can be is one of a clock that ran ahead."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            values = {"owner": self._me, "until": now + self._life}
            over = or_(leases.c.owner == self._me, leases.c.until <= now, leases.c.until > now + 2 * self._life)
            kept = await tx.execute(update(leases).where(leases.c.name == self._name, over).values(**values))
            if kept.rowcount == 1:
                return True
            new = insert(leases).values(name=self._name, **values).on_conflict_do_nothing()
            return (await tx.execute(new)).rowcount == 1

    async def release(self) -> None:
        """Whoever comes first has it next. Nothing happens where it is not this process's."""
        if self._renewed == float("-inf"):
            return
        self._renewed = float("-inf")
        async with self._database.write() as tx:
            mine = (leases.c.name == self._name) & (leases.c.owner == self._me)
            await tx.execute(delete(leases).where(mine))
