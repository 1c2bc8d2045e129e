"""A pause ends what is at work, and what is resumed begins anew, however close together the two were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, copied, ended, forever, make_jobs, new, order

pytestmark = pytest.mark.both


@asynccontextmanager
async def working(jobs: Jobs, executor: Steered) -> AsyncGenerator[None]:
    """A worker, which is stopped also where the test fails."""
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    try:
        yield
    finally:
        await worker.stop(grace=0)


async def paused_and_resumed(jobs: Jobs, job: str, times: int) -> None:
    """In one commit, so that nobody ever sees the job paused."""
    async with jobs.database.write() as tx:
        for _ in range(times):
            assert await jobs.pause(tx, SCHOOL, PERSON, job)
            assert await jobs.resume(tx, SCHOOL, PERSON, job)
    jobs.wake(job)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_pause_between_two_looks_ends_what_is_at_work(database: Database, times: int) -> None:
    """Whatever it waited for, a held request for one, is let go."""
    begun = asyncio.Event()

    async def held_at_first(turn: Turn) -> Outcome:
        begun.set()
        return await (forever if turn.item.attempt == 1 else copied)(turn)

    jobs, steered = make_jobs(database), Steered(held_at_first)
    async with working(jobs, steered):
        job = await order(jobs, new("a"))
        await begun.wait()
        await paused_and_resumed(jobs, job, times)
        view = await ended(jobs, job)
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    assert [turn.item.attempt for turn in steered.turns] == [1, 2]
    assert (steered.turns[1].item.failures, steered.turns[1].item.losses) == (0, 0), "nobody's failure"
    assert (steered.most_at_once, steered.abandoned) == (1, []), "the first one had ended before the second began"


async def test_what_began_after_a_pause_is_left_alone(database: Database) -> None:
    """A pause of the past ends nothing, however often it is looked."""
    go = asyncio.Event()

    async def waits(_turn: Turn) -> Outcome:
        await go.wait()
        return Outcome(ItemState.COPIED)

    jobs, steered = make_jobs(database), Steered(waits)
    job = await order(jobs, new("a"))
    await paused_and_resumed(jobs, job, 2)
    async with working(jobs, steered):
        await asyncio.sleep(6 * QUICK.guard)
        go.set()
        await ended(jobs, job)
    assert len(steered.turns) == 1
