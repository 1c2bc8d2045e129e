"""What became of a source item in a person's earlier jobs: so that the same order given again goes on where it was.

Reads rows only, opens them for the person who asks, and knows no drive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items, jobs
from gateway.jobs.marks import marks_of
from gateway.jobs.model import Item, ItemState
from gateway.jobs.sealing import Sealer, unseal

MOST_JOBS: Final = 50
"""Earlier jobs that are looked through, the newest first."""


async def earlier(
    tx: AsyncConnection, sealer: Sealer, item: Item, identity: str, kinds: Sequence[str]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(entry, result) of what other jobs of the person made of this source, the newest first."""
    mine = (
        jobs.c.tenant == item.tenant,
        jobs.c.person == item.person,
        jobs.c.kind == "transfer",
        jobs.c.id != item.job,
    )
    query = select(jobs.c.id).where(*mine).order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(MOST_JOBS)
    known = list((await tx.execute(query)).scalars())
    if not known:
        return []
    boxes = [one.identity(identity) for one in (await marks_of(tx, sealer, known)).values()]
    found = await tx.execute(
        select(items.c.id, items.c.job, items.c.entry, items.c.result).where(
            items.c.job.in_(known),
            items.c.kind.in_(kinds),
            items.c.identity.in_(boxes),
            items.c.state == ItemState.COPIED,
        )
    )
    rows = sorted(found.all(), key=lambda row: known.index(row.job))
    return [
        (unseal(sealer, "items", "entry", row.id, row.entry), unseal(sealer, "items", "result", row.id, row.result))
        for row in rows
    ]


async def steps(
    tx: AsyncConnection, sealer: Sealer, job: str, kind: str, after: int, limit: int
) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    """What the steps of a kind have told so far, in order, and the ``after`` of the next page."""
    query = select(items.c.seq, items.c.id, items.c.result, items.c.work).order_by(items.c.seq).limit(limit + 1)
    found = (await tx.execute(query.where(items.c.job == job, items.c.kind == kind, items.c.seq > after))).all()
    told = [
        unseal(sealer, "items", "result" if row.result else "work", row.id, row.result or row.work)
        for row in found[:limit]
    ]
    return told, found[limit - 1].seq if len(found) > limit else None
