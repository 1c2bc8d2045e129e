"""Suspended: what is at work is given back as it is, nothing is taken up, its person is told, and then it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, update

from gateway.db.engine import Database
from gateway.db.tables_containment import containments
from gateway.ids import new_id
from gateway.jobs.model import ItemState, JobState, Outcome
from gateway.jobs.service import Jobs, lane
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from gateway.suspended import Kind
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, ended, make_jobs, new, order

pytestmark = pytest.mark.both
OTHERS = "person-two"
MINE = [
    pytest.param({"kind": Kind.SCHOOL, "target": SCHOOL}, id="school"),
    pytest.param({"kind": Kind.PERSON, "target": PERSON, "person": PERSON}, id="person"),
    pytest.param({"kind": Kind.CONNECTION, "target": "drive", "person": PERSON}, id="connection"),
    pytest.param({"kind": Kind.CONNECTION, "target": "there", "person": PERSON}, id="destination"),
    pytest.param({"kind": Kind.KEY, "target": f"{PERSON}:1", "person": PERSON}, id="their key"),
    pytest.param({"kind": Kind.KEY, "target": ":1"}, id="the school's key"),
]
NOT_MINE = [
    pytest.param({"kind": Kind.SCHOOL, "target": "another", "school": "another"}, id="school"),
    pytest.param({"kind": Kind.PERSON, "target": OTHERS, "person": OTHERS}, id="person"),
    pytest.param({"kind": Kind.CONNECTION, "target": "drive", "person": OTHERS}, id="connection"),
    pytest.param({"kind": Kind.CLIENT, "target": PERSON, "person": PERSON}, id="extension"),
    pytest.param({"kind": Kind.KEY, "target": f"{OTHERS}:1", "person": OTHERS}, id="key"),
]


async def contain(database: Database, row: dict[str, str]) -> str:
    made = new_id()
    async with database.write() as tx:
        await tx.execute(insert(containments).values(**{"id": made, "school": SCHOOL, "began": 1, **row}))
    return made


async def lift(database: Database, made: str) -> None:
    async with database.write() as tx:
        await tx.execute(update(containments).where(containments.c.id == made).values(lifted=2))


@asynccontextmanager
async def working(jobs: Jobs, executor: Steered) -> AsyncIterator[Worker]:
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop(0.1)


async def one_job(jobs: Jobs) -> str:
    return await order(jobs, new("a.txt", other=lane(SCHOOL, PERSON, "there")))


@pytest.mark.parametrize("row", MINE)
async def test_it_is_given_back_and_goes_on(database: Database, row: dict[str, str]) -> None:
    jobs, open_gate, begun = make_jobs(database), asyncio.Event(), asyncio.Event()

    async def do(turn: Turn) -> Outcome:
        begun.set()
        await open_gate.wait()
        return Outcome(ItemState.COPIED)

    executor = Steered(do)
    async with working(jobs, executor) as worker:
        job = await one_job(jobs)
        await begun.wait()
        made = await contain(database, row)
        async with asyncio.timeout(20):
            while worker.running:
                await asyncio.sleep(0.01)
        open_gate.set()
        # Another job of theirs would be taken with the next look; this one is not: it ends only after the lifting.
        probe = await order(jobs, new("b.txt", person=OTHERS, tenant="elsewhere"), tenant="elsewhere", person=OTHERS)
        await ended(jobs, probe, "elsewhere", OTHERS)
        view = await jobs.get(SCHOOL, PERSON, job)
        assert view is not None
        assert view.state is JobState.RUNNING
        assert view.wait is not None
        assert (view.wait.reason, view.wait.until) == ("contained", None)
        (item,), _ = await jobs.items(SCHOOL, PERSON, job)
        assert (item.state, item.reason) == (ItemState.READY, "contained")
        assert item.advice
        assert len(executor.turns) == 2
        await lift(database, made)
        assert (await ended(jobs, job)).counts.copied == 1
    first, _, last = executor.turns
    assert (first.item.failures, last.item.failures, last.item.losses) == (0, 0, 0)


@pytest.mark.parametrize("row", NOT_MINE)
async def test_others_go_on(database: Database, row: dict[str, str]) -> None:
    await contain(database, row)
    jobs = make_jobs(database)

    async def do(_turn: Turn) -> Outcome:
        return Outcome(ItemState.COPIED)

    async with working(jobs, Steered(do)):
        assert (await ended(jobs, await one_job(jobs))).counts.copied == 1


async def test_a_cancelled_job_is_still_freed(database: Database) -> None:
    """Being forgotten works while one is suspended: what an item holds outside is given up."""
    jobs, begun = make_jobs(database), asyncio.Event()

    async def do(turn: Turn) -> Outcome:
        await turn.save({"session": "open"})
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    executor = Steered(do)
    async with working(jobs, executor) as worker:
        job = await one_job(jobs)
        await begun.wait()
        await contain(database, {"kind": Kind.PERSON, "target": PERSON, "person": PERSON})
        async with asyncio.timeout(20):
            while worker.running:
                await asyncio.sleep(0.01)
        async with database.write() as tx:
            assert await jobs.cancel_all(tx, SCHOOL, PERSON) == [job]
        jobs.wake(job)
        view = await ended(jobs, job)
    assert view.state is JobState.CANCELLED
    assert executor.abandoned
