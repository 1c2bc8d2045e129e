"""What must not come back to life, whoever it belongs to, where the database is an older copy or its clock went back.

From a copy: sign-ins that had ended, consents under way, links to exports that were used since, a school's address that
was given up since, requests of administrators that were cancelled since, cached copies that were destroyed since, days
on which somebody is forgotten who may have come back since, and work that may have been done already; all of it in one
transaction, before anybody is served. By an earlier clock: cached copies that had ended, and parts of uploads beyond
the two days that they have.
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
from gateway.db.tables_rights import exports, inactivity
from gateway.db.tables_webhooks import webhook_messages, webhooks
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
    for under_way, over in (("waiting", "unused"), ("sending", "broken")):
        one = exports.c.state == under_way
        await tx.execute(update(exports).where(one).values(state=over, secret=None))
    await _no_copies(tx)
    await _no_addresses(tx, restored.now)
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


async def _no_addresses(tx: AsyncConnection, now: int) -> None:
    """A school's address may have been given up since, and what waits may have gone: until it is set again, nothing is
    sent.
    """
    await tx.execute(delete(webhook_messages))
    stopped = {"stopped": 1, "failed": now, "failure": "restored", "status": None}
    await tx.execute(update(webhooks).where(webhooks.c.stopped == 0).values(**stopped))


async def _no_copies(tx: AsyncConnection) -> None:
    await tx.execute(delete(cached_files))
    await tx.execute(update(objects).where(objects.c.life == Life.CACHE.value).values(ends=LAST))
