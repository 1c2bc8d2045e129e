"""Walks a school's chain in the database and says where it breaks, from the base it was pruned to up to its end.

The chain covers ciphertext, so no person's key is needed. Checkpoints are checked with the public keys alone, the end
with the deployment's key. Read a page at a time, in snapshots of their own: no long read holds anything up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from gateway.db.tables_ledger import ledger_checkpoints as checkpoints
from gateway.db.tables_ledger import ledger_entries as entries
from gateway.ledger.chain import genesis
from gateway.ledger.ends import End, Ends
from gateway.ledger.stated import BASE, Stated, loads
from gateway.ledger.walk import Broken, Walk

PAGE: Final = 500
_NONE: Final[Mapping[str, Any]] = {"keys": []}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries`` fit; ``broken`` is the first place that does not, None where all do, and ``why`` a code of `walk`.

    ``base``: up to where entries were pruned; ``sequence`` and ``end``: how far it was gone, and the hash there.
    """

    entries: int
    end: bytes
    broken: int | None = None
    why: str = ""
    base: int = 0
    sequence: int = 0
    finished: bool = True

    @property
    def whole(self) -> bool:
        """Whether nothing was altered, dropped, added or reordered."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class Check:
    """Against what chains are checked: the ``ends`` with the deployment's key, the public ``keys`` of checkpoints."""

    ends: Ends = field(default_factory=Ends)
    keys: Mapping[str, Any] = field(default_factory=lambda: _NONE)


async def verify(
    database: Transactions,
    school: str,
    check: Check | None = None,
    *,
    known: tuple[int, bytes] | None = None,
    start: int = 0,
    most: int | None = None,
) -> Verdict:
    """Check a school's chain. ``known``: a place and hash noted elsewhere earlier, which must still be in it.

    ``start``, ``most``: only so many entries, after one that was checked before; ``finished`` tells whether that was
    the end.
    """
    while True:
        walking = _Walking(database, school, check or Check(), known)
        with suppress(_Pruned):
            try:
                return walking.verdict(None, finished=await walking.go(start, most))
            except Broken as found:
                return walking.verdict(found)


class _Pruned(Exception):
    """Entries were pruned while they were read: begin again."""


class _Walking:
    """One walk through the database."""

    def __init__(
        self, database: Transactions, school: str, check: Check, known: tuple[int, bytes] | None
    ) -> None:  # fmt: skip
        self._database = database
        self._school = school
        self._check = check
        self._known = known
        self._base = 0
        self._begun = 0
        self._walk = Walk(school)

    def verdict(self, found: Broken | None, *, finished: bool = True) -> Verdict:
        at, end = self._walk.sequence, self._walk.end
        broken, why = (None, "") if found is None else (found.sequence, found.why)
        return Verdict(at - self._begun, end, broken, why, self._base, at, finished)

    async def go(self, start: int, most: int | None) -> bool:
        """True where the end was reached. Broken."""
        async with self._database.read() as tx:
            end = await self._check.ends.read(tx, self._school) or End(self._school, 0, genesis(self._school))
            top, stated = await self._top(tx), await self._last_stated(tx)
            await self._begin(tx, end, start)
        left = top - self._walk.sequence if most is None else most
        while left > 0 and self._walk.sequence < top:
            left -= await self._page(min(left, PAGE), top)
            await asyncio.sleep(0)
        if self._walk.sequence < top:
            return False
        self._finish(end, stated)
        return True

    async def _begin(self, tx: AsyncConnection, end: End, start: int) -> None:
        base = await self._pruned(tx, end)
        mine = (entries.c.school == self._school) & (entries.c.sequence == start)
        row = (await tx.execute(select(entries.c.hash).where(mine))).one_or_none() if start > base[0] else None
        self._base = base[0]
        self._walk = Walk(self._school, base if row is None else (start, bytes(row.hash)))
        self._begun = self._walk.sequence
        if self._known is not None:
            self._walk.meets(*self._known)

    async def _pruned(self, tx: AsyncConnection, end: End) -> tuple[int, bytes]:
        """From where the chain goes. Broken where nobody here signed that."""
        mine = (checkpoints.c.school == self._school) & (checkpoints.c.kind == BASE)
        query = select(checkpoints).where(mine).order_by(checkpoints.c.sequence.desc()).limit(1)
        row = (await tx.execute(query)).mappings().one_or_none()
        if row is None and end.base == 0:
            return 0, genesis(self._school)
        if row is None or self._stated(row).sequence != end.base:
            raise Broken(end.base, "checkpoint")
        return end.base, bytes(row["hash"])

    async def _page(self, limit: int, top: int) -> int:
        after = self._walk.sequence
        async with self._database.read() as tx:
            mine = (entries.c.school == self._school) & (entries.c.sequence > after) & (entries.c.sequence <= top)
            rows = (await tx.execute(select(entries).where(mine).order_by(entries.c.sequence).limit(limit))).mappings()
            found = rows.all()
            last = found[-1]["sequence"] if found else top
            stated = {row["sequence"]: row for row in await self._checkpoints(tx, after, last)}
            pruned = await self._check.ends.read(tx, self._school)
        if pruned is not None and pruned.base > max(after, self._base):
            raise _Pruned
        if not found:
            raise Broken(after + 1, "missing")
        for row in found:
            self._walk.entry(dict(row))
            await self._meets(stated.get(row["sequence"]))
        return len(found)

    async def _checkpoints(self, tx: AsyncConnection, after: int, last: int) -> Sequence[RowMapping]:
        place = checkpoints.c.sequence
        query = select(checkpoints).where(checkpoints.c.school == self._school, place > after, place <= last)
        return (await tx.execute(query)).mappings().all()

    async def _meets(self, row: RowMapping | None) -> None:
        """What checkpoints, ours or noted elsewhere, say of this place."""
        if self._known is not None:
            self._walk.meets(*self._known)
        if row is None:
            return
        stated = self._stated(row)
        self._walk.meets(stated.sequence, stated.hash)
        async with self._database.read() as tx:
            mine = (checkpoints.c.school == self._school) & (checkpoints.c.sequence < stated.sequence)
            before = (await tx.execute(select(func.max(checkpoints.c.sequence)).where(mine))).scalar_one() or 0
        if stated.previous > max(before, self._base):
            raise Broken(stated.previous, "checkpoint")

    def _stated(self, row: RowMapping) -> Stated:
        """What a row of checkpoints says, signed, and in its columns just the same. Broken."""
        try:
            stated = loads(row["signed"], self._check.keys)
        except ValueError:
            raise Broken(row["sequence"], "checkpoint") from None
        told = Stated(row["school"], row["sequence"], bytes(row["hash"]), row["kind"], stated.previous, row["at"])
        if stated != told or stated.school != self._school:
            raise Broken(row["sequence"], "checkpoint")
        return stated

    async def _top(self, tx: AsyncConnection) -> int:
        mine = entries.c.school == self._school
        return (await tx.execute(select(func.max(entries.c.sequence)).where(mine))).scalar_one() or 0

    async def _last_stated(self, tx: AsyncConnection) -> int:
        mine = checkpoints.c.school == self._school
        return (await tx.execute(select(func.max(checkpoints.c.sequence)).where(mine))).scalar_one() or 0

    def _finish(self, end: End, stated: int) -> None:
        """The end that was written is the one that was come to, and no checkpoint is missing or beyond it. Broken."""
        after = self._walk.sequence + 1
        if self._known is not None and self._known[0] >= after:
            raise Broken(after, "missing")
        if (end.sequence, end.hash) != (self._walk.sequence, self._walk.end):
            raise Broken(after, "end")
        if stated > end.sequence:
            raise Broken(after, "missing")
        if not self._check.ends.holds(end):
            raise Broken(after, "end")
        if stated != end.checkpoint:
            raise Broken(end.checkpoint, "checkpoint")
