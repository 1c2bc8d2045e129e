"""Tells every chain of the ledger that the database is an older copy: what was recorded since is gone from it, and its
sequence numbers are used again.

Told in the transaction that voids what the copy must not bring back, so that no crash leaves it out.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_ledger import ledger_heads
from gateway.db.tables_people import schools
from gateway.erasure.restoring import Restored, Void
from gateway.ledger import Ledger, operated
from gateway.signing import DEPLOYMENT

ACTION: Final = "operator.database_restored"


def telling(ledger: Ledger) -> Void:
    """The last of all that is done after a restore: it locks the ends of the chains."""

    async def tell(tx: AsyncConnection, restored: Restored) -> None:
        event = operated(ACTION, {"lines": restored.lines, "counted": restored.counted, "marked": restored.marked})
        here = select(schools.c.id).where(schools.c.left.is_(None)).order_by(schools.c.id)
        for chain in [*(await tx.execute(here)).scalars(), DEPLOYMENT.tenant]:
            await ledger.tell(tx, chain, event)
        # Each is verified and stated anew as soon as somebody looks after it.
        await tx.execute(update(ledger_heads).values(kept=None, signed=None, verified=None, walked=0))

    return tell
