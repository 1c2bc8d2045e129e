"""Makes signed checkpoints of chains, and prunes a chain to one at the end of its school's retention.

A checkpoint is signed outside of any transaction and stored only if the chain is still where it was. What is pruned was
verified directly before; the base that is left behind is signed, and the pruning itself is an entry.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Unavailable
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries
from gateway.ledger.ends import End, Ends
from gateway.ledger.ledger import Ledger, operated
from gateway.ledger.stated import BASE, END, Stated
from gateway.ledger.verify import Check, verify
from gateway.ledger.walk import Broken
from gateway.signing import CHECKPOINT, Kind

STEP: Final = 2000
"""Entries that one pruning takes away."""
DAY: Final = 86_400_000

Retention = Callable[[str], Awaitable[int]]
"""How long a school keeps entries, ms."""


Close = Callable[[AsyncConnection], Awaitable[None]]
"""Stores the last word about a chain."""


async def _nothing(_tx: AsyncConnection) -> None:
    """Where there is nothing to say."""


class Signer(Protocol):
    """Signs checkpoints: `SigningKeys`."""

    async def sign(self, statement: Mapping[str, Any], kind: Kind, /) -> dict[str, Any]: ...
    async def public(self, purpose: str, /) -> dict[str, Any]: ...


class Checkpoints:
    """Of all chains. ``retention`` by school."""

    def __init__(self, ledger: Ledger, database: Database, ends: Ends, signer: Signer, retention: Retention) -> None:
        self._ledger = ledger
        self._database = database
        self._ends = ends
        self._signer = signer
        self._retention = retention

    async def check(self) -> Check:
        """What chains are verified against."""
        return Check(self._ends, await self._signer.public(CHECKPOINT.purpose))

    async def make(self, school: str) -> Stated | None:
        """A checkpoint of the chain as it is now; None where there is nothing new. Broken where its end is not ours."""
        async with self._database.read() as tx:
            end = await self._ends.read(tx, school)
            now = await self._database.now(tx)
        if end is None or end.sequence in (0, end.checkpoint):
            return None
        self._require(end)
        stated = Stated(school, end.sequence, end.hash, END, end.checkpoint, now)
        signed = await self._signed(stated)
        async with self._database.write() as tx:
            here = await self._ends.lock(tx, school)
            if here.checkpoint != end.checkpoint:
                return None
            self._require(here)
            await self._store(tx, stated, signed)
            await self._ends.move(tx, here, checkpoint=stated.sequence, signed=now)
        return stated

    async def prune(self, school: str) -> int:
        """Take away what is older than the school keeps it, a day's worth at least; how many. Broken."""
        async with self._database.read() as tx:
            end, now = await self._ends.read(tx, school), await self._database.now(tx)
            cut = now - await self._retention(school)
            last = 0 if end is None else await self._last(tx, end, cut)
        if end is None or last <= end.base:
            return 0
        self._require(end)
        verdict = await verify(self._database, school, await self.check(), most=last - end.base)
        if verdict.broken is not None:
            raise Broken(verdict.broken, verdict.why)
        if verdict.sequence != last:
            return 0
        stated = Stated(school, last, verdict.end, BASE, end.checkpoint, now)
        return await self._pruned(end, stated, await self._signed(stated), cut)

    async def _pruned(self, end: End, stated: Stated, signed: str, cut: int) -> int:
        school, last = end.school, stated.sequence
        before = datetime.fromtimestamp(cut / 1000, UTC).isoformat(timespec="milliseconds")
        event = operated("ledger.pruned", {"to": last, "before": before})
        async with self._database.write() as tx:
            here = await self._ends.lock(tx, school)
            if here.base != end.base:
                return 0
            self._require(here)
            older = (ledger_checkpoints.c.school == school) & (ledger_checkpoints.c.sequence < last)
            await tx.execute(delete(ledger_checkpoints).where(older))
            await self._store(tx, stated, signed)
            await self._ends.move(tx, here, base=last, checkpoint=max(here.checkpoint, last))
            mine = (ledger_entries.c.school == school) & (ledger_entries.c.sequence <= last)
            gone = await tx.execute(delete(ledger_entries).where(mine))
            await self._ledger.append(tx, school, event)
        return gone.rowcount

    async def close(self, school: str) -> Close:
        """For a school that left and whose entries are gone: states the end as a base, so that what is left verifies.

        What it gives stores that, in the caller's transaction; Unavailable where an entry came meanwhile. An end that
        is not ours stays without, and broken.
        """
        async with self._database.read() as tx:
            end, now = await self._ends.read(tx, school), await self._database.now(tx)
        if end is None or end.sequence == 0 or not self._ends.holds(end):
            return _nothing
        stated = Stated(school, end.sequence, end.hash, BASE, end.checkpoint, now)
        signed = await self._signed(stated)

        async def store(tx: AsyncConnection) -> None:
            here = await self._ends.lock(tx, school)
            if here.sequence != stated.sequence:
                raise Unavailable("the chain of a school that left went on")
            await self._store(tx, stated, signed)
            await self._ends.move(tx, here, base=stated.sequence, checkpoint=stated.sequence, signed=now)

        return store

    async def _last(self, tx: AsyncConnection, end: End, cut: int) -> int:
        """Up to where a pruning may go now: 0 where the oldest entry is not a day beyond its time."""
        entries = ledger_entries
        mine = (entries.c.school == end.school) & (entries.c.sequence > end.base)
        query = select(entries.c.sequence, entries.c.at).where(mine).order_by(entries.c.sequence).limit(STEP)
        rows = (await tx.execute(query)).all()
        if not rows or rows[0].at >= cut - DAY:
            return 0
        last = end.base
        for row in rows:
            if row.at >= cut:
                break
            last = row.sequence
        return last

    async def _store(self, tx: AsyncConnection, stated: Stated, signed: str) -> None:
        await tx.execute(
            insert(ledger_checkpoints).values(
                school=stated.school, sequence=stated.sequence, kind=stated.kind, hash=stated.hash, at=stated.at,
                signed=signed,
            )
        )  # fmt: skip

    async def sign(self, statement: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        """A statement of another kind by the same keys: pages of an export."""
        return await self._signer.sign(statement, kind)

    async def _signed(self, stated: Stated) -> str:
        return json.dumps(await self._signer.sign(stated.statement(), CHECKPOINT))

    def _require(self, end: End) -> None:
        """Nothing is signed that was not written here."""
        if not self._ends.holds(end):
            raise Broken(end.sequence + 1, "end")
