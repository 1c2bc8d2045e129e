"""After a restore nothing that was under way goes on by itself: its person confirms it, or cancels it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState
from gateway.jobs.reviving import doubt_all
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, copied, ended, make_jobs, new, order

pytestmark = pytest.mark.both


async def test_it_waits_and_goes_on_when_it_is_confirmed(database: Database) -> None:
    jobs, did = make_jobs(database), Steered(copied)
    job, paused = await order(jobs, new("one")), await order(jobs, new("two"))
    async with database.write() as tx:
        assert await jobs.pause(tx, SCHOOL, PERSON, paused)
        assert await doubt_all(tx) == 2
    worker = Worker(jobs, {"copy": did}, slots=2, timing=QUICK)
    await worker.start()
    try:
        await asyncio.sleep(0.3)
        for one in (job, paused):
            view = await jobs.get(SCHOOL, PERSON, one)
            assert view is not None
            assert (view.state, view.counts.waiting) == (JobState.UNCONFIRMED, 1)
        async with database.write() as tx:
            assert not await jobs.resume(tx, SCHOOL, PERSON, job)
            assert not await jobs.confirm(tx, SCHOOL, "other", job)
            assert await jobs.confirm(tx, SCHOOL, PERSON, job)
            assert not await jobs.confirm(tx, SCHOOL, PERSON, job)
            assert await jobs.cancel(tx, SCHOOL, PERSON, paused)
        jobs.wake(job)
        assert (await ended(jobs, job)).state is JobState.DONE
        assert (await ended(jobs, paused)).state is JobState.CANCELLED
    finally:
        await worker.stop()
    found, _ = await jobs.items(SCHOOL, PERSON, paused)
    assert [one.state for one in found] == [ItemState.SKIPPED]


async def test_what_has_ended_or_is_being_cancelled_stays_as_it_is(database: Database) -> None:
    jobs = make_jobs(database)
    job = await order(jobs, new("one"))
    async with database.write() as tx:
        assert await jobs.cancel(tx, SCHOOL, PERSON, job)
        assert await doubt_all(tx) == 0
