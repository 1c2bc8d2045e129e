"""Halts jobs, lets them go on, and opens again what failed in them. It knows states of rows, not what is done."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.some import update_all
from gateway.db.tables_work import items, jobs
from gateway.jobs.model import HALTED, STEPS, ItemState, JobState

_AGAIN: Final = {
    "reason": None, "ended": None, "result": None, "work": None, "not_before": 0, "failures": 0, "losses": 0, "done": 0,
}  # fmt: skip
"""A row as if it had never been tried; its attempts stay counted, because they fence."""


async def pause(tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
    """Nothing more of it is taken up, and what is at work is given back. False where it has ended or is not there.

    Also where it is resumed before those who work on it have looked: pauses are counted.
    """
    return await _turn(tx, _mine(tenant, person, job), JobState.RUNNING, JobState.PAUSED, pauses=jobs.c.pauses + 1)


async def resume(tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
    """It goes on where it was. False where it is not paused."""
    return await _turn(tx, _mine(tenant, person, job), JobState.PAUSED, JobState.RUNNING)


async def confirm(tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
    """It goes on after a restore, on its person's word. False where it does not wait for that."""
    return await _turn(tx, _mine(tenant, person, job), JobState.UNCONFIRMED, JobState.RUNNING)


async def doubt_all(tx: AsyncConnection) -> int:
    """After a restore: whatever has not ended may have ended since the copy was made. How many jobs wait now."""
    under_way = and_(jobs.c.state.in_((JobState.RUNNING, JobState.PAUSED)), jobs.c.ended.is_(None))
    doubted = update(jobs).where(under_way, jobs.c.cancelled.is_(None)).values(state=JobState.UNCONFIRMED)
    return (await tx.execute(doubted)).rowcount


async def retry(tx: AsyncConnection, tenant: str, person: str, job: str) -> int:
    """Open what failed once more, and the job with it. How many items; 0 where nothing can be tried again."""
    locked = await tx.execute(select(jobs.c.cancelled).where(_mine(tenant, person, job)).with_for_update())
    row = locked.one_or_none()
    if row is None or row.cancelled is not None:
        return 0
    made = items.alias("made")
    has_folder = or_(
        items.c.folder.is_(None),
        items.c.kind.in_(STEPS),
        items.c.folder.in_(select(made.c.id).where(made.c.job == job, made.c.state == ItemState.COPIED)),
    )
    state = case((has_folder, ItemState.READY.value), else_=ItemState.BLOCKED.value)
    failed = and_(items.c.job == job, items.c.state == ItemState.FAILED)
    opened = await update_all(tx, items, failed, {**_AGAIN, "state": state})
    if opened:
        kept = and_(items.c.job == job, items.c.kind == "prune", items.c.reason == "not_empty")
        await update_all(tx, items, kept, {**_AGAIN, "state": ItemState.BLOCKED})
        goes = {"state": JobState.RUNNING, "ended": None, "totals": None}
        await tx.execute(update(jobs).where(jobs.c.id == job, jobs.c.state.not_in(HALTED)).values(**goes))
    return opened


def not_paused() -> ColumnElement[bool]:
    """Items of jobs that nobody has paused, and that need no confirmation."""
    return items.c.job.not_in(select(jobs.c.id).where(jobs.c.state.in_(HALTED)))


def _mine(tenant: str, person: str, job: str) -> ColumnElement[bool]:
    return and_(jobs.c.id == job, jobs.c.tenant == tenant, jobs.c.person == person)


async def _turn(
    tx: AsyncConnection, mine: ColumnElement[bool], before: JobState, after: JobState, **more: ColumnElement[int]
) -> bool:
    open_ = and_(mine, jobs.c.state == before, jobs.c.ended.is_(None), jobs.c.cancelled.is_(None))
    return (await tx.execute(update(jobs).where(open_).values(state=after, **more))).rowcount == 1
