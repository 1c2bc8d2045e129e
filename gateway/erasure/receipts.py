"""Signed receipts until they are fetched, and the one-time links to them.

Who is forgotten has no sign-in any more, so whoever asked gets a link, and it works once. Of a link only the hash is
kept. A receipt goes with its last link, or after a month.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.approvals import OPEN
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals
from gateway.db.tables_erasure import erasures, receipt_links, receipts
from gateway.db.tables_people import schools
from gateway.erasure.model import DONE
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT

LIFE: Final = 30 * 24 * 3_600_000
_SECRET_BYTES: Final = 32


class Receipts:
    """The receipts of one deployment."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def link(self, tx: AsyncConnection, erasure: str) -> str:
        """The secret of a new link to the receipt of an erasure, or of a request for one that has not begun."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = {"secret": _hash(secret), "erasure": erasure, "made": await self._database.now(tx)}
        await tx.execute(insert(receipt_links).values(**row))
        return secret

    async def wanted(self, erasure: str) -> bool:
        """Whether somebody has a link to it."""
        async with self._database.read() as tx:
            return await self._linked(tx, erasure)

    async def _linked(self, tx: AsyncConnection, erasure: str) -> bool:
        found = select(receipt_links.c.made).where(receipt_links.c.erasure == erasure).limit(1)
        return (await tx.execute(found)).first() is not None

    async def keep(self, tx: AsyncConnection, erasure: str, signed: Mapping[str, Any], now: int) -> None:
        """Until it is fetched."""
        await tx.execute(insert(receipts).values(erasure=erasure, made=now, signed=json.dumps(signed)))

    async def fetch(self, secret: str) -> str | None:
        """The signed receipt as text, by a link that ends with this; None while it runs. KeyError: no such link.

        Who fetched it nobody knows; that it was fetched, the ledger tells.
        """
        mine = receipt_links.c.secret == _hash(secret)
        async with self._database.write() as tx:
            erasure = (await tx.execute(select(receipt_links.c.erasure).where(mine))).scalar_one_or_none()
            if erasure is None:
                raise KeyError
            this = receipts.c.erasure == erasure
            may_come = await self._may_come(tx, erasure)  # before it is read: it may end between the two
            signed: str | None = (await tx.execute(select(receipts.c.signed).where(this))).scalar_one_or_none()
            if signed is None and may_come:
                return None
            await tx.execute(delete(receipt_links).where(mine))
            if not await self._linked(tx, erasure):
                await tx.execute(delete(receipts).where(this))
            if signed is not None:
                await self._fetched(tx, erasure)
        if signed is None:
            raise KeyError
        return signed

    async def _fetched(self, tx: AsyncConnection, erasure: str) -> None:
        """In the school's chain; of a school that left, the operator's own chain tells."""
        here = erasures.join(schools, (schools.c.id == erasures.c.school) & schools.c.left.is_(None))
        found = await tx.execute(select(erasures.c.school).select_from(here).where(erasures.c.id == erasure))
        chain = found.scalar_one_or_none() or DEPLOYMENT.tenant
        await self._ledger.append(tx, chain, Event("receipt.fetched", None, None, erasure, POLICY_VERSION))

    async def _may_come(self, tx: AsyncConnection, erasure: str) -> bool:
        """Whether it runs, or waits for administrators and its time."""
        runs = select(erasures.c.id).where(erasures.c.id == erasure, erasures.c.step != DONE)
        waits = select(approvals.c.id).where(approvals.c.id == erasure, approvals.c.state.in_(OPEN))
        return (await tx.execute(runs.union(waits))).first() is not None

    async def sweep(self, limit: int) -> int:
        """Let go of receipts that nobody fetched for a month, with their links. How many."""
        before = await self._database.now() - LIFE
        old = select(receipts.c.erasure).where(receipts.c.made < before).limit(limit)
        async with self._database.write() as tx:
            ids = (await tx.execute(old)).scalars().all()
            await tx.execute(delete(receipt_links).where(receipt_links.c.erasure.in_(ids)))
            await tx.execute(delete(receipts).where(receipts.c.erasure.in_(ids)))
            await self._tidy(tx, before, limit)
        return len(ids)

    async def _tidy(self, tx: AsyncConnection, before: int, limit: int) -> None:
        """Links to what never began."""
        runs = select(erasures.c.id).where(erasures.c.step != DONE)
        waits = select(approvals.c.id).where(approvals.c.state.in_(OPEN))
        ours = (receipt_links.c.made < before, receipt_links.c.erasure.not_in(runs.union(waits)))
        left = select(receipt_links.c.secret).where(*ours, receipt_links.c.erasure.not_in(select(receipts.c.erasure)))
        await tx.execute(delete(receipt_links).where(receipt_links.c.secret.in_(left.limit(limit))))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
