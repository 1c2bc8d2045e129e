"""What the journal says holds in the database, also after an older copy of it was put back.

Whoever must not lose an act to a restore writes it through `Restorer.record`: a line in the journal, then the line's
handler in the database. The start runs the handlers of all lines that the database has not seen, before anybody is
served; so each handler may meet a line twice, and the state that the line leads to. A line that needs a key which may
not be used now waits until it may, and no other line with it.

A restore is told from a crash by what only a restore can lose: the entry of an earlier start, or the mark beside the
journal being ahead of the database's own count. Then ``void`` runs too: what a restored copy must not bring back to
life, such as sign-ins.
"""

from __future__ import annotations

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Suspended
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasure_state, journal_seen
from gateway.erasure.journal import Journal, JournalRefused, Line
from gateway.erasure.mark import Mark
from gateway.ids import new_id

log = structlog.get_logger()

Replay = Callable[[AsyncConnection, Line], Awaitable[None]]
"""Makes the database say what a line says. May meet the same line again, and what it leads to."""
Replays = Mapping[str, Replay]
"""By the line's scope."""
Hook = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Restored:
    """What shows that this is an older copy, found at ``now``, epoch ms.

    It lacks so many ``lines`` of the journal; it ``counted`` to less than the mark beside that, where there is one.
    """

    now: int
    lines: int
    counted: int
    marked: int | None


Void = Callable[[AsyncConnection, Restored], Awaitable[None]]
"""Ends what an older copy must not bring back."""

BEAT: Final = 15.0
"""Seconds between two marks: what is lost of a copy that was made and put back within them cannot be told."""
_START: Final = "start"
_LOOKS: Final = 3
_MOMENT: Final = 1.0
_LOCK: Final = 0x4A4F5552  # any number that other programs in the same database do not use


@dataclass(frozen=True, slots=True)
class _State:
    """How far this database is: see `tables_erasure.erasure_state`."""

    applied: int
    generation: int
    starting: str | None


def _was_restored(unseen: Sequence[Line], state: _State, mark: int | None) -> bool:
    """Whether this is an older copy: it lacks another start, or counts less than the mark (or that is gone)."""
    lost = any(line.scope == _START and line.erasure != state.starting for line in unseen)
    return lost or state.generation < (mark or 0) or (mark is None and state.generation > 0)


async def is_older_copy(journal: Journal, mark: Mark, database: Database) -> bool:
    """Whether this is an older copy on which nothing was started yet: for commands, which only look.

    OSError, JournalRefused.
    """
    for _ in range(_LOOKS):
        known = await _known(database)
        marked, lines = await asyncio.to_thread(mark.read), await journal.look(0 if known is None else known.applied)
        # The database after them: a gateway that runs meanwhile only makes it know more.
        state = await _known(database) or _State(0, 0, None)
        unseen = await _without_seen(database, [line for line in lines if line.sequence > state.applied])
        if not _was_restored(unseen, state, marked):
            return False
        if marked is not None:
            return True
        await sleep(_MOMENT)  # the first start of all counts in the database first
    return True


async def _without_seen(database: Database, lines: Sequence[Line]) -> Sequence[Line]:
    """Those that this database has not applied out of their turn."""
    async with database.read() as tx:
        seen = set((await tx.execute(select(journal_seen.c.sequence))).scalars())
    return [line for line in lines if line.sequence not in seen]


async def _known(database: Database) -> _State | None:
    async with database.read() as tx:
        row = (await tx.execute(select(erasure_state))).one_or_none()
    return None if row is None else _State(row.applied, row.generation, row.starting)


class Restorer:
    """The one writer of the journal. Start it before anything is served."""

    def __init__(self, journal: Journal, mark: Mark, database: Database) -> None:
        self._journal = journal
        self._mark = mark
        self._database = database
        self._replays: Replays = {}
        self._left: Sequence[Line] = ()
        self._beating: asyncio.Task[None] | None = None

    async def start(self, replays: Replays, void: Sequence[Void] = ()) -> bool:
        """Apply what this database has not seen; ``void`` runs where an older copy was put back. Whether one was.

        One process at a time. JournalRefused.
        """
        self._replays = replays
        async with self._database.alone(_LOCK):
            restored = await self._started(void)
        self._beating = asyncio.create_task(self._forever(), name="journal-mark")
        return restored

    async def _started(self, void: Sequence[Void]) -> bool:
        mark = await asyncio.to_thread(self._mark.read)  # before the database: others count on meanwhile
        state = await self._state()
        lines = await self._unseen(state.applied)
        restored = _was_restored(lines, state, mark)
        if restored:
            log.warning("database_restored", count=len(lines))
            async with self._database.write() as tx:
                found = Restored(await self._database.now(tx), len(lines), state.generation, mark)
                for hook in void:
                    await hook(tx, found)
        self._left = await self._applied(lines)
        await self._begin(max(state.generation, mark or 0))
        return restored

    async def _state(self) -> _State:
        async with self._database.write() as tx:
            await insert_if_absent(tx, erasure_state, {"id": "journal", "applied": 0, "generation": 0})
            row = (await tx.execute(select(erasure_state))).one()
        self._database.clock.at_least(row.clock)
        now = await self._database.now()
        if row.parked is not None and row.parked > now:
            self._database.clock.park(row.parked - now)
        return _State(row.applied, row.generation, row.starting)

    async def _unseen(self, applied: int) -> Sequence[Line]:
        unseen = await _without_seen(self._database, await self._journal.open(applied))
        for line in unseen:
            if line.scope != _START and line.scope not in self._replays:
                raise JournalRefused(
                    "The erasure journal holds entries of a later version of File Access Gateway. Install that version."
                )
        return unseen

    async def _applied(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Make them so, in their order. Those that are left: their keys may not be used now."""
        left = []
        for line in lines:
            try:
                await self._apply(line)
            except Suspended:
                left.append(line)
        return left

    async def _apply(self, line: Line, also: Hook | None = None) -> None:
        async with self._database.write() as tx:
            if line.scope != _START:
                await self._replays[line.scope](tx, line)
            if also is not None:
                await also(tx)
            await self.seen(tx, line.sequence)

    async def _begin(self, generation: int) -> None:
        """This start's own entry. Its id is in the database before it is in the journal, so that a crash between the
        two is not taken for a restore.
        """
        start, now = new_id(), await self._database.now()
        async with self._database.write() as tx:
            await tx.execute(update(erasure_state).values(starting=start, generation=generation))
        line = await self._journal.append(start, "", "", _START, now)
        async with self._database.write() as tx:
            await self.seen(tx, line.sequence)
            await tx.execute(update(erasure_state).values(starting=None))
        await self.beat()

    async def record(self, line: Line, also: Hook | None = None) -> Line:
        """Write ``line`` and make it so; from the return on no restore undoes it. ``also``: in the same transaction.

        May be repeated with the same id. OSError (the journal's disk), JournalRefused; the handler's own.
        """
        written = await self._journal.append_all([line])
        await self._apply(written[0], also)
        return written[0]

    async def write(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Only the journal's part, for whoever made it so before and says `seen` after. OSError, JournalRefused."""
        return await self._journal.append_all(lines)

    async def seen(self, tx: AsyncConnection, *sequences: int) -> None:
        """What these lines say holds now. Late in a transaction: it locks the one row that says how far we are."""
        applied = (await tx.execute(select(erasure_state.c.applied).with_for_update())).scalar_one()
        for sequence in sequences:
            if sequence > applied:
                await insert_if_absent(tx, journal_seen, {"sequence": sequence})
        ahead = (await tx.execute(select(journal_seen.c.sequence).order_by(journal_seen.c.sequence))).scalars().all()
        for sequence in ahead:
            if sequence != applied + 1:
                break
            applied = sequence
        await tx.execute(delete(journal_seen).where(journal_seen.c.sequence <= applied))
        await tx.execute(update(erasure_state).values(applied=applied))

    async def close(self) -> None:
        """Once more, so that a copy made while this ran is known for an older one."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            await self._try_beat()

    async def _forever(self) -> None:
        while True:
            await sleep(BEAT)
            await self._try_beat()
            await self.again()

    async def again(self) -> None:
        """Once more what the start had to leave. Never raises: the next time, or the next start, it is tried again."""
        try:
            self._left = await self._applied(self._left)
        except Exception as error:  # noqa: BLE001  # a database that is away
            log.warning("journal_waits", why=type(error).__name__)

    async def _try_beat(self) -> None:
        try:
            await self.beat()
        except Exception as error:  # noqa: BLE001  # a full disk or a database that is away: the last beat counts
            log.warning("journal_mark_waits", why=type(error).__name__)

    async def beat(self) -> None:
        """Count on, here and beside the journal: a copy made before this is told from what is here now. OSError.

        And keep what time it is, so that a clock that goes back between two starts is noticed.
        """
        now, doubts = await self._database.now(), self._database.clock.remaining
        kept = {"clock": now, "parked": now + doubts if doubts else None}
        async with self._database.write() as tx:
            counted = update(erasure_state).values(generation=erasure_state.c.generation + 1, **kept)
            generation = (await tx.execute(counted.returning(erasure_state.c.generation))).scalar_one()
        await asyncio.to_thread(self._mark.write, generation)
