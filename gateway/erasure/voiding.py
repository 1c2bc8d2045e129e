"""What must not come back to life, whoever it belongs to, where the database is an older copy or its clock went back.

From a copy: sign-ins that had ended, consents under way, requests of administrators that were cancelled since, cached
copies that were destroyed since, days on which somebody is forgotten who may have come back since, and work that may
have been done already; all of it in one transaction, before anybody is served. By an earlier clock: cached copies that
had ended, and parts of uploads beyond the two days that they have.
"""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import objects
from cache.model import DAY_MS
from cache.vault import Life
from gateway.approvals import OPEN, State
from gateway.db.tables_approvals import approvals
from gateway.db.tables_files import cached_files, uploads
from gateway.db.tables_people import client_grants, connect_flows, persons, sessions, sign_in_flows
from gateway.db.tables_rights import inactivity
from gateway.erasure.restoring import Restored
from gateway.jobs.reviving import doubt_all

LAST = 0
"""An end that has passed, epoch ms."""


async def after_a_restore(tx: AsyncConnection, restored: Restored) -> None:
    """See above. The extension's codes and tokens go with their grants; people count as having been here now: the copy
    cannot know since when they are away, and what is forgotten too early does not come back.
    """
    for table in (connect_flows, sign_in_flows, sessions, client_grants, inactivity):
        await tx.execute(delete(table))
    await tx.execute(update(persons).where(persons.c.state.in_(("active", "suspended"))).values(seen=restored.now))
    await _no_copies(tx)
    waiting = approvals.c.state.in_(OPEN)
    await tx.execute(update(approvals).where(waiting).values(state=State.LAPSED, due=None, ended=approvals.c.made))
    await doubt_all(tx)


async def by_an_earlier_clock(tx: AsyncConnection, now: int) -> None:
    """The clock says ``now`` (epoch ms) from here on, which is earlier than it was."""
    await _no_copies(tx)
    most = now + 2 * DAY_MS
    late = objects.c.life.in_((Life.PART.value, Life.SPOOL.value)) & (objects.c.ends > most)
    await tx.execute(update(objects).where(late).values(ends=most))
    await tx.execute(update(uploads).where(uploads.c.ends > most).values(ends=most))


async def _no_copies(tx: AsyncConnection) -> None:
    await tx.execute(delete(cached_files))
    await tx.execute(update(objects).where(objects.c.life == Life.CACHE.value).values(ends=LAST))
