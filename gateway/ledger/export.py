"""Writes chains to a file that can be verified without the gateway: entries, checkpoints, and what could be opened.

Read a page at a time in snapshots of their own; what is held in memory is one page, however long a chain is. A chain
is exported up to a checkpoint that is made for it, so that nobody can cut off its end.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import RowMapping, select

from cache.errors import Corrupt
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_checkpoints as checkpoints
from gateway.db.tables_ledger import ledger_entries as entries
from gateway.ledger import lines
from gateway.ledger.checkpoints import Checkpoints
from gateway.ledger.ends import Ends
from gateway.ledger.ledger import Sealers, unseal
from gateway.ledger.stated import BASE
from gateway.ledger.walk import Broken
from gateway.signing import EXPORT

_ROWS: Final = 200


class Exporter:
    """Exports. ``opened``: details are opened where their keys live, else they stay sealed."""

    def __init__(self, sealers: Sealers, database: Database, checkpoints: Checkpoints, ends: Ends) -> None:
        self._sealers = sealers
        self._database = database
        self._checkpoints = checkpoints
        self._ends = ends

    async def lines(self, schools: Sequence[str], *, opened: bool = True) -> AsyncIterator[bytes]:
        """The whole file, line by line."""
        pages = _Pages(self._checkpoints)
        yield pages.noted({"kind": "ledger", "version": lines.VERSION, "at": _iso(await self._database.now())})
        for school in schools:
            async for line in self._chain(school, opened=opened):
                raw = pages.noted(line)
                if line["kind"] == "chain":
                    pages.chains.append({"school": school, "base": line["base"], "to": line["to"]})
                yield raw
                if pages.full:
                    yield await pages.page()
        if pages.digests:
            yield await pages.page()
        yield await pages.seal(_iso(await self._database.now()))

    async def _chain(self, school: str, *, opened: bool) -> AsyncIterator[dict[str, Any]]:
        with suppress(Broken):  # what is broken is exported all the same, and found to be broken by who reads it
            await self._checkpoints.make(school)
        async with self._database.read() as tx:
            end = await self._ends.read(tx, school)
            mine = (checkpoints.c.school == school) & (checkpoints.c.kind == BASE)
            query = select(checkpoints).where(mine).order_by(checkpoints.c.sequence.desc()).limit(1)
            base = (await tx.execute(query)).mappings().one_or_none()
        at = 0 if base is None else int(base["sequence"])
        to = 0 if end is None else (end.checkpoint if end.checkpoint > at else end.sequence)
        signed = None if base is None else json.loads(base["signed"])
        yield {"kind": "chain", "school": school, "base": at, "to": to, "signed": signed}
        while at < to:
            rows, stated = await self._page(school, at, to)
            if not rows:
                return
            for row in rows:
                yield lines.entry_line(dict(row), await self._told(row) if opened else None)
                if row["sequence"] in stated:
                    yield {"kind": "checkpoint", "signed": json.loads(stated[row["sequence"]])}
            at = rows[-1]["sequence"]

    async def _page(self, school: str, after: int, to: int) -> tuple[Sequence[RowMapping], Mapping[int, str]]:
        async with self._database.read() as tx:
            mine = (entries.c.school == school) & (entries.c.sequence > after) & (entries.c.sequence <= to)
            query = select(entries).where(mine).order_by(entries.c.sequence).limit(_ROWS)
            rows = (await tx.execute(query)).mappings().all()
            last = rows[-1]["sequence"] if rows else to
            place = checkpoints.c.sequence
            found = select(place, checkpoints.c.signed).where(
                checkpoints.c.school == school, checkpoints.c.kind != BASE, place > after, place <= last
            )
            return rows, {row.sequence: row.signed for row in await tx.execute(found)}

    async def _told(self, row: RowMapping) -> Mapping[str, Any] | None:
        try:
            return await unseal(self._sealers, dict(row))
        except Corrupt:  # the chain tells that it was altered
            return None


class _Pages:
    """Digests of the lines since the last page, and the pages that name them."""

    def __init__(self, signer: Checkpoints) -> None:
        self._signer = signer
        self._number = 0
        self._before = ""
        self.digests: list[str] = []
        self.chains: list[dict[str, Any]] = []

    @property
    def full(self) -> bool:
        return len(self.digests) >= lines.PAGE

    def noted(self, line: Mapping[str, Any]) -> bytes:
        raw = lines.dumps(line)
        self.digests.append(lines.digest(raw))
        return raw

    async def page(self) -> bytes:
        told = {"number": self._number, "before": self._before, "lines": "".join(self.digests)}
        raw = lines.dumps({"kind": "page", "signed": await self._signed("page", told)})
        self._number, self._before, self.digests = self._number + 1, lines.digest(raw), []
        return raw

    async def seal(self, at: str) -> bytes:
        told = {"number": self._number, "before": self._before, "chains": self.chains, "at": at}
        return lines.dumps({"kind": "seal", "signed": await self._signed("seal", told)})

    async def _signed(self, part: str, told: Mapping[str, Any]) -> dict[str, Any]:
        return await self._signer.sign({"type": EXPORT.typ, "version": lines.VERSION, "part": part, **told}, EXPORT)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
