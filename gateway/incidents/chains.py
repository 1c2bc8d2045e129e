"""Walks every school's ledger in the background, a bounded step at a time, and tells where its chain breaks.

Any process goes on where another one stopped. A walk begins at the chain's start and ends at its end; what the walk
before had reached must still be there, so that a chain that was replaced or cut short is found as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from gateway.db.engine import Database
from gateway.db.tables_incidents import ledger_checks
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.incidents.detection import Detection, Sign
from gateway.ledger.chain import genesis, link

DAY: Final = 24 * 3_600_000
_CLAIM: Final = 60_000
"""So long a step belongs to the process that takes it, ms."""
_NEW: Final = 50
"""Schools that are met for the first time in one step."""
_PAGE: Final = 500

Begin = Callable[[AsyncConnection, str], Awaitable[tuple[int, bytes]]]
"""Where a school's chain begins: the sequence before its first entry, and the hash that entry follows."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk is: the last entry that fits, and the chain's hash there. ``broken``: where it does not, why."""

    sequence: int
    hash: bytes
    ended: bool = False
    broken: tuple[int, str] | None = None


async def _at_genesis(_tx: AsyncConnection, school: str) -> tuple[int, bytes]:
    return 0, genesis(school)


class Chains:
    """The walks of all schools. ``pause``: ms from the end of a walk to the next."""

    def __init__(
        self, database: Database, detection: Detection, *, pause: int = DAY, begin: Begin = _at_genesis
    ) -> None:
        self._database = database
        self._detection = detection
        self._pause = pause
        self._begin = begin

    async def sweep(self, limit: int) -> int:
        """One step: at most ``limit`` entries of one school. How many breaks were found, which is 0 or 1."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            await self._meet(tx, now)
            due = select(ledger_checks).where(ledger_checks.c.due <= now).order_by(ledger_checks.c.due).limit(1)
            row = (await tx.execute(due.with_for_update(skip_locked=True))).one_or_none()
            if row is None:
                return 0
            mine = ledger_checks.c.school == row.school
            await tx.execute(update(ledger_checks).where(mine).values(due=now + _CLAIM))
        walk = await self._step(row, limit)
        await self._keep(row, walk)
        return int(walk.broken is not None)

    async def _meet(self, tx: AsyncConnection, now: int) -> None:
        known = exists().where(ledger_checks.c.school == ledger_heads.c.school)
        for school in (await tx.execute(select(ledger_heads.c.school).where(~known).limit(_NEW))).scalars().all():
            at, end = await self._begin(tx, school)
            place = {"sequence": at, "hash": end, "known": at, "known_hash": end}
            await insert_if_absent(tx, ledger_checks, {"school": school, **place, "due": now})

    async def _step(self, row: Row[Any], limit: int) -> Walk:
        """From where the walk is. One snapshot: entries that are appended meanwhile belong to the next step."""
        async with self._database.read() as tx:
            begin = await self._begin(tx, row.school)
            walk = Walk(row.sequence, row.hash) if row.sequence >= begin[0] else Walk(*begin)
            for at in range(0, limit, _PAGE):
                walk, whole = await self._page(tx, row, walk, min(_PAGE, limit - at))
                if walk.broken is not None:
                    return walk
                if not whole:
                    return await self._at_end(tx, row, walk)
                await asyncio.sleep(0)
        return walk

    async def _page(self, tx: AsyncConnection, row: Row[Any], walk: Walk, limit: int) -> tuple[Walk, bool]:
        """The next entries, and whether there may be more of them."""
        mine = (ledger_entries.c.school == row.school) & (ledger_entries.c.sequence > walk.sequence)
        query = select(ledger_entries).where(mine).order_by(ledger_entries.c.sequence).limit(limit)
        rows = (await tx.execute(query)).mappings().all()
        at, end = walk.sequence, walk.hash
        for entry in rows:
            if entry["sequence"] != at + 1:
                return Walk(at, end, broken=(at + 1, "missing")), False
            if link(end, dict(entry)) != entry["hash"]:
                return Walk(at, end, broken=(at + 1, "altered")), False
            at, end = at + 1, entry["hash"]
            if at == row.known and end != row.known_hash:
                return Walk(at, end, broken=(at, "replaced")), False
        return Walk(at, end), len(rows) == limit

    async def _at_end(self, tx: AsyncConnection, row: Row[Any], walk: Walk) -> Walk:
        """No entry is left: the chain's own end must be here, and not before what was known."""
        head = (await tx.execute(select(ledger_heads).where(ledger_heads.c.school == row.school))).one_or_none()
        fits = head is not None and (head.sequence, head.hash) == (walk.sequence, walk.hash)
        if not fits or walk.sequence < row.known:
            return Walk(walk.sequence, walk.hash, broken=(walk.sequence + 1, "end"))
        return Walk(walk.sequence, walk.hash, ended=True)

    async def _keep(self, row: Row[Any], walk: Walk) -> None:
        """Where the next step goes on; a walk that has ended begins anew after the pause."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            over = walk.ended or walk.broken is not None
            values: dict[str, Any] = {"sequence": walk.sequence, "hash": walk.hash, "due": now}
            if over:
                at, end = await self._begin(tx, row.school)
                values = {"sequence": at, "hash": end, "due": now + self._pause}
            if walk.ended:
                values |= {"known": walk.sequence, "known_hash": walk.hash}
            mine = (ledger_checks.c.school == row.school) & (ledger_checks.c.sequence == row.sequence)
            await tx.execute(update(ledger_checks).where(mine).values(**values))
            if walk.broken is not None:
                at, why = walk.broken
                facts = {"sequence": at, "why": why}
                sign = Sign(row.school, "broken_chain", str(at), once=True, facts=facts)
                await self._detection.saw_in(tx, sign)
