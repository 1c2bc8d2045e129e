"""Two workers and one item: the one that was still for too long writes nothing any more, whatever it believes."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from gateway.db.engine import Database
from gateway.db.tables_work import items
from gateway.jobs import queue, rows
from gateway.jobs.commits import Commits
from gateway.jobs.fence import Change
from gateway.jobs.model import Fenced, ItemState, JobState, Outcome
from gateway.jobs.processes import Membership
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, SHORT, Steered, copied, ended, make_jobs, new, order

pytestmark = pytest.mark.both


async def paused(worker: Worker) -> None:
    """The process stands still, but for what its executors do."""
    for loop in worker._loops:
        loop.cancel()
    await asyncio.gather(*worker._loops, return_exceptions=True)
    worker._loops = []


async def test_a_worker_paused_past_its_lease_writes_nothing(database: Database) -> None:
    saved, wake, refused = asyncio.Event(), asyncio.Event(), list[str]()

    async def late(turn: Turn) -> Outcome:
        await turn.save({"mine": 1})
        saved.set()
        await wake.wait()
        for attempt in (turn.save({"mine": 2}), turn.hold()):
            try:
                await attempt
            except Fenced:
                refused.append("write")
        try:
            turn.advance(5)
        except Fenced:
            refused.append("progress")
        return Outcome(ItemState.FAILED, "late", {"destination": ["d", "wrong"]})

    jobs = make_jobs(database)
    slow, quick = Steered(late), Steered(copied)
    first = Worker(jobs, {"copy": slow}, timing=QUICK, sole=False)
    await first.start()
    job = await order(jobs, new("one"))
    await saved.wait()
    await paused(first)
    first.membership._beaten -= 60  # its own clock says so
    second = Worker(jobs, {"copy": quick}, timing=SHORT, sole=False)
    await second.start()
    view = await ended(jobs, job)
    wake.set()
    while first.running:
        await asyncio.sleep(0.01)
    await first.stop()
    await second.stop()
    assert refused == ["write", "write", "progress"]
    assert view.state is JobState.DONE
    [item], _ = await jobs.items(SCHOOL, PERSON, job)
    assert (item.state, item.reason, item.destination) == (ItemState.COPIED, None, None)
    assert quick.turns[0].work == {"mine": 1}, "the second goes on from what the first had saved"
    assert quick.turns[0].item.attempt == slow.turns[0].item.attempt + 1


async def test_many_changes_at_once_and_one_of_them_fenced(database: Database) -> None:
    """What is written together is refused one by one; saves and ends stand side by side."""
    jobs, commits = make_jobs(database), Commits(database)
    job = await order(jobs, *[new(f"{n}") for n in range(6)])
    sealer = await jobs.sealer(SCHOOL, PERSON)
    async with database.write() as tx:
        claimed = await queue.claim(tx, "me", await database.now(tx), 8)
        held = [rows.item(sealer, row, {}) for row in claimed]
        await tx.execute(update(items).where(items.c.id == held[2].id).values(attempt=held[2].attempt + 1))
    changes = [Change(item, "me", {"done": 5}) for item in held[:4]]
    last = queue.last(ItemState.COPIED, 7, {"reason": None, "done": 9, "result": None})
    changes += [Change(held[4], "me", last), Change(held[5], "somebody else", last)]
    told = await asyncio.gather(*(commits.change(change) for change in changes), return_exceptions=True)
    await commits.close()
    assert [type(one) for one in told] == [type(None)] * 2 + [Fenced, type(None), type(None), Fenced]
    found, _ = await jobs.items(SCHOOL, PERSON, job)
    done = {one.id: (one.done, one.state) for one in found}
    assert [done[item.id][0] for item in held] == [5, 5, 0, 5, 9, 0]
    assert [done[item.id][1] for item in held[4:]] == [ItemState.COPIED, ItemState.RUNNING]


async def test_a_worker_that_slept_gives_up_what_it_held_and_joins_again(database: Database) -> None:
    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK, sole=False)
    await worker.start()
    before = worker.membership.id
    worker.membership._beaten -= 60
    async with asyncio.timeout(5):
        while worker.membership.id == before:
            await asyncio.sleep(0.02)
    view = await ended(jobs, await order(jobs, new("one")))
    await worker.stop()
    assert view.state is JobState.DONE


async def test_what_a_buried_worker_takes_when_it_wakes_up_is_not_lost(database: Database) -> None:
    """Stopped amid a claim, which it commits under its old id before it looks whether it still lives."""
    jobs = make_jobs(database)
    job = await order(jobs, new("one"))
    buried = Membership()
    async with database.write() as tx:
        await buried.join(tx, 0)
        await Membership().bury(tx, await database.now(tx))
        assert len(await queue.claim(tx, buried.id, await database.now(tx), 1)) == 1
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK, sole=False)
    await worker.start()
    assert (await ended(jobs, job)).state is JobState.DONE
    await worker.stop()


async def test_two_workers_share_the_work_and_no_item_is_done_twice(database: Database) -> None:
    jobs = make_jobs(database)
    executors = [Steered(copied), Steered(copied)]
    workers = [Worker(jobs, {"copy": executor}, slots=4, timing=QUICK, sole=False) for executor in executors]
    for worker in workers:
        await worker.start()
    job = await order(jobs, *[new(f"{n}", drive=f"drive {n % 3}") for n in range(120)])
    view = await ended(jobs, job)
    for worker in workers:
        await worker.stop()
    done = [turn.item.id for executor in executors for turn in executor.turns]
    assert view.counts.copied == len(done) == len(set(done)) == 120


async def test_a_write_that_was_lost_with_the_database_does_not_strand_its_item(database: Database) -> None:
    jobs = make_jobs(database)
    executor = Steered(copied)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    real, broken = worker._write._commits.run, [0]

    async def flaky(write: object, *, alone: bool = False) -> object:
        if executor.turns and not broken[0]:
            broken[0] = 1
            raise ConnectionError
        return await real(write, alone=alone)  # type: ignore[arg-type]  # handed on as it came

    worker._write._commits.run = flaky  # type: ignore[method-assign, assignment]  # the database goes away once
    await worker.start()
    view = await ended(jobs, await order(jobs, new("one")))
    await worker.stop()
    assert view.state is JobState.DONE
    assert broken == [1]
