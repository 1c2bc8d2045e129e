"""Looks after the chains of all schools: checkpoints in time, pruning at the retention, and whether they still hold.

Each chain is looked after by one process at a time: whoever moves the row's note first has it for a minute. A step is
bounded, so that a long chain is verified over many of them, once a day from its base to its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Row, or_, select, update

from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_heads as heads
from gateway.ledger.checkpoints import DAY, Checkpoints
from gateway.ledger.ends import leaving
from gateway.ledger.verify import Verdict, verify
from gateway.ledger.walk import Broken

log = structlog.get_logger(__name__)

EVERY: Final = 10_000
"""Entries after which a chain has a new checkpoint, where a day is not over before."""
PAUSE: Final = 60_000
"""So long a chain is left alone after somebody looked after it, ms."""
WALK: Final = 20_000
"""Entries that are verified in one step."""

Found = Callable[[str, int, str], Awaitable[None]]
"""(school, place, why): a chain that held does not hold any more."""


async def _tell_nobody(_school: str, _place: int, _why: str) -> None:
    """Where nobody wants to be told."""


@dataclass(frozen=True, slots=True)
class Note:
    """A chain as it was seen last: ``base`` to ``sequence`` are there. Times in epoch ms."""

    base: int
    sequence: int
    checkpoint: int
    signed: int | None
    verified: int | None
    broken: int | None
    why: str | None


class Keeping:
    """``found`` is told once of each chain that breaks."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        database: Database,
        *,
        found: Found = _tell_nobody,
        every: int = EVERY,
        pause: int = PAUSE,
        walk: int = WALK,
    ) -> None:
        self._checkpoints = checkpoints
        self._database = database
        self._found = found
        self._every = every
        self._pause = pause
        self._most = walk

    async def sweep(self, limit: int) -> int:
        """Look after up to ``limit`` chains that nobody looked after for a while. How many needed something.

        One chain's trouble does not keep the others from being looked after.
        """
        now = await self._database.now()
        over = or_(heads.c.kept.is_(None), heads.c.kept <= now - self._pause) & heads.c.school.not_in(leaving())
        query = select(heads.c.school).where(over).order_by(heads.c.kept.nulls_first(), heads.c.school).limit(limit)
        async with self._database.read() as tx:
            schools: Sequence[str] = (await tx.execute(query)).scalars().all()
        return sum([await self._kept(school) for school in schools])

    async def _kept(self, school: str) -> int:
        try:
            return await self.keep(school)
        except Exception as error:  # noqa: BLE001  # whatever it was, it is looked after again
            log.warning("ledger_not_kept", why=type(error).__name__)
            return 0

    async def keep(self, school: str) -> int:
        """Look after one chain, unless somebody else does. 1 where it needed something."""
        row = await self._claimed(school)
        if row is None:
            return 0
        try:
            pruned = await self._checkpoints.prune(school)
            made = await self._checkpoints.make(school) if self._is_due(row) else None
        except Broken as broken:
            await self._broke(school, broken.sequence, broken.why)
            return 1
        walked = await self._walk(row)
        return int(bool(pruned) or made is not None or walked)

    async def note(self, school: str) -> Note:
        """How a chain is."""
        async with self._database.read() as tx:
            row = (await tx.execute(select(heads).where(heads.c.school == school))).one_or_none()
        if row is None:
            return Note(0, 0, 0, None, None, None, None)
        return Note(row.base, row.sequence, row.checkpoint, row.signed, row.verified, row.broken, row.why)

    async def again(self, school: str) -> None:
        """Verify the chain anew, with the next steps."""
        values = {"verified": None, "walked": 0, "kept": None}
        async with self._database.write() as tx:
            await tx.execute(update(heads).where(heads.c.school == school).values(**values))

    async def _claimed(self, school: str) -> Row[Any] | None:
        """The row, ours for a while; None where another process was first."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            free = or_(heads.c.kept.is_(None), heads.c.kept <= now - self._pause)
            mine = update(heads).where(heads.c.school == school, free).values(kept=now).returning(heads)
            row: Row[Any] | None = (await tx.execute(mine)).one_or_none()
        return row

    def _is_due(self, row: Row[Any]) -> bool:
        new = int(row.sequence - row.checkpoint)
        return new >= self._every or (new > 0 and bool((row.signed or 0) <= row.kept - DAY))

    async def _walk(self, row: Row[Any]) -> bool:
        """One step of the daily verification. Whether there was something to do."""
        if row.verified is not None and row.verified > row.kept - DAY:
            return False
        verdict = await verify(
            self._database, row.school, await self._checkpoints.check(), start=row.walked, most=self._most
        )
        if verdict.broken is not None:
            await self._broke(row.school, verdict.broken, verdict.why)
        else:
            await self._note(row, verdict)
        return True

    async def _note(self, row: Row[Any], verdict: Verdict) -> None:
        values: dict[str, Any] = {"walked": verdict.sequence}
        if verdict.finished:
            values = {"walked": 0, "verified": row.kept, "broken": None, "why": None}
        async with self._database.write() as tx:
            await tx.execute(update(heads).where(heads.c.school == row.school).values(**values))

    async def _broke(self, school: str, place: int, why: str) -> None:
        new = (heads.c.broken.is_(None)) | (heads.c.broken != place)
        values = {"walked": 0, "verified": await self._database.now(), "broken": place, "why": why}
        async with self._database.write() as tx:
            fresh = (await tx.execute(update(heads).where(heads.c.school == school, new).values(broken=place))).rowcount
            await tx.execute(update(heads).where(heads.c.school == school).values(**values))
        if fresh:
            log.error("ledger_broken", why=why)
            await self._found(school, place, why)
