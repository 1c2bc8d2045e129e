"""Walks a school's chain and says where it breaks: an altered, missing, added or reordered entry is found.

Needs no key: the chain covers ciphertext. It cannot tell that the whole chain was replaced by another one together
with its end; for that the end must be known from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ledger.chain import genesis, link

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries`` fit; ``broken`` is the sequence of the first that does not, None where all do, and ``why`` a code."""

    entries: int
    end: bytes
    broken: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was altered, dropped, added or reordered."""
        return self.broken is None


async def verify(database: Transactions, school: str, *, known: tuple[int, bytes] | None = None) -> Verdict:
    """Check a school's chain. ``known``: a sequence and hash noted elsewhere earlier, which must still be in it."""
    end, count = genesis(school), 0
    async with database.read() as tx:
        head = (await tx.execute(select(ledger_heads).where(ledger_heads.c.school == school))).one_or_none()
        async for row in _rows(tx, school):
            expected = count + 1
            if row["sequence"] != expected:
                return Verdict(count, end, expected, "missing")
            if link(end, row) != row["hash"]:
                return Verdict(count, end, expected, "altered")
            end, count = row["hash"], expected
            if known is not None and known[0] == count and known[1] != end:
                return Verdict(count, end, count, "replaced")
    if known is not None and known[0] > count:
        return Verdict(count, end, count + 1, "missing")
    if (head.sequence, head.hash) != (count, end) if head is not None else count > 0:
        return Verdict(count, end, count + 1, "end")
    return Verdict(count, end)


async def _rows(tx: AsyncConnection, school: str) -> AsyncIterator[dict[str, Any]]:
    """Rows in their order, a page at a time; the loop stays free between pages."""
    after = -1
    while True:
        query = select(ledger_entries).where(ledger_entries.c.school == school, ledger_entries.c.sequence > after)
        rows = (await tx.execute(query.order_by(ledger_entries.c.sequence).limit(_PAGE))).mappings().all()
        if not rows:
            return
        for row in rows:
            yield dict(row)
        after = rows[-1]["sequence"]
        await asyncio.sleep(0)
