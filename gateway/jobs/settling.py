"""Settles jobs: lets the folders be cleaned whose contents have ended, and ends the job that has nothing open.

It runs after the commits of what ended, under a lock on the job's row, so of two that end at once the later sees both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any

from sqlalchemy import Row, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items, jobs
from gateway.jobs import outcome, queue, totals
from gateway.jobs.model import OPEN

Tell = Callable[[AsyncConnection, Row[Any], Mapping[str, Any]], Awaitable[None]]
"""(tx, the job's row, what came of it): told in the transaction that ends the job, as the last thing in it."""


class Settled(Enum):
    """What came of it."""

    OPEN = auto()
    CLEANING = auto()
    """Something can go on at once: a folder to be cleaned."""
    ENDED = auto()
    """By this very call: a job that had ended before stays as it is."""


async def settle(tx: AsyncConnection, now: int, job: str, tell: Tell | None = None) -> Settled:
    """Do for the job what can be done now. Where ``tell`` raises, the job has not ended."""
    row = (await tx.execute(select(jobs).where(jobs.c.id == job).with_for_update())).one_or_none()
    if row is None or row.ended is not None:
        return Settled.OPEN
    if await queue.release_prunes(tx, job):
        return Settled.CLEANING
    if (await tx.execute(select(exists().where(items.c.job == job, items.c.state.in_(OPEN))))).scalar_one():
        return Settled.OPEN
    found = replace(totals.add_up(await queue.count(tx, job)), kept=await outcome.kept(tx, job, row.mode))
    state = totals.verdict(found, cancelled=row.cancelled is not None)
    await tx.execute(update(jobs).where(jobs.c.id == job).values(state=state, ended=now, totals=totals.dump(found)))
    if row.kind in outcome.TOLD:
        came = outcome.told(row, state, found)
        await outcome.tell(tx, row, came, now)
        if tell is not None:
            await tell(tx, row, came)
    return Settled.ENDED


async def unsettled(tx: AsyncConnection) -> list[str]:
    """Jobs that nobody works on though they have not ended: what a process left that died before settling."""
    busy = exists().where(items.c.job == jobs.c.id, items.c.state.in_(("ready", "running")))
    return list((await tx.execute(select(jobs.c.id).where(jobs.c.ended.is_(None), ~busy))).scalars())
