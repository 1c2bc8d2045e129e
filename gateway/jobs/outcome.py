"""How a job ended as a whole, so that nothing in it is passed over in silence: for its person, and for its school.

Read off the items' rows and what was added up from them; nothing of it is kept a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items
from gateway.jobs.model import FINISHED, Counts, ItemState, JobState
from gateway.jobs.totals import Totals
from gateway.webhooks import outbox

Result = Literal["all", "with_problems", "nothing"]
KEPT: Final = (
    "altered_equal_kept",
    "altered_kept",
    "converted_kept",
    "copy_gone",
    "not_empty",
    "same_kept",
    "shortcut_kept",
    "source_changed",
    "source_kept",
)
"""Reasons of items that are at their destination, or are folders, and whose original stayed all the same."""
TOLD: Final = ("transfer", "upload")
"""Kinds of jobs that a school and the ledger are told of; a plan is nobody's result."""


async def kept(tx: AsyncConnection, job: str, mode: str) -> int:
    """Originals of a move that stayed where they were: of what did not arrive, too. 0 where nothing was to be moved.

    What was at its destination already is no original that stayed.
    """
    if mode != "move":
        return 0
    lost = (ItemState.SKIPPED, ItemState.FAILED, ItemState.UNSUPPORTED)
    was_there = func.coalesce(items.c.reason, "") == "already_there"
    stays = or_(items.c.reason.in_(KEPT), items.c.state.in_(lost) & (items.c.kind != "prune") & ~was_there)
    query = select(func.count()).where(items.c.job == job, stays, items.c.kind != "scan")
    return int((await tx.execute(query)).scalar_one())


def of(state: JobState, counts: Counts, left: int | None) -> Result | None:
    """``left``: originals that stayed. None until the job has ended.

    'all' where everything is as was asked for, be it that it was so before; 'nothing' where nothing arrived.
    """
    if state not in FINISHED:
        return None
    if state is not JobState.CANCELLED and not (counts.failed or counts.unsupported or left):
        return "all"
    return "with_problems" if counts.copied else "nothing"


def told(job: Row[Any], state: JobState, found: Totals) -> dict[str, Any]:
    """What came of a job, for whoever is told: counts and states, no name, no content."""
    counts = {name: getattr(found.counts, name) for name in ("found", "copied", "skipped", "failed", "unsupported")}
    return {
        "mode": job.mode, "state": state.value, "outcome": of(state, found.counts, found.kept),
        "counts": counts, "kept": found.kept or 0, "bytes": found.bytes_done,
    }  # fmt: skip


async def tell(tx: AsyncConnection, job: Row[Any], came: Mapping[str, Any], now: int) -> None:
    """Leave a message for the job's school, where it wants one: what came of the job, and random ids."""
    seconds = (now - job.created) // 1000
    data = {"school": job.tenant, "person": job.person, "job": job.id, "kind": job.kind, "seconds": seconds, **came}
    await outbox.put(
        tx, school=job.tenant, person=job.person, kind="job.ended", now=now, lasted=now - job.created, data=data
    )
