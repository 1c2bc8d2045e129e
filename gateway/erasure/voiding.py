"""What a restored copy of the database must not bring back to life, whoever it belongs to.

Sign-ins that had ended, consents under way, requests of administrators that were cancelled since, cached copies that
were destroyed since, and work that may have been done already. All of it in one transaction, before anybody is served.
"""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import objects
from cache.vault import Life
from gateway.approvals import OPEN, State
from gateway.db.tables_approvals import approvals
from gateway.db.tables_files import cached_files
from gateway.db.tables_people import client_grants, connect_flows, sessions, sign_in_flows
from gateway.jobs.reviving import doubt_all

LAST = 0
"""An end that has passed, epoch ms."""


async def after_a_restore(tx: AsyncConnection) -> None:
    """See above. The extension's codes and tokens go with their grants."""
    for table in (connect_flows, sign_in_flows, sessions, client_grants, cached_files):
        await tx.execute(delete(table))
    await tx.execute(update(objects).where(objects.c.life == Life.CACHE.value).values(ends=LAST))
    waiting = approvals.c.state.in_(OPEN)
    await tx.execute(update(approvals).where(waiting).values(state=State.LAPSED, due=None, ended=approvals.c.made))
    await doubt_all(tx)
