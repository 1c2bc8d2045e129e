"""What rests is seen to rest, until when and why; rests grow where nothing helps; no place at work is slept in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from cache.errors import Stale
from gateway.db.engine import Database
from gateway.db.tables_work import lanes
from gateway.jobs import queue
from gateway.jobs.lanes import LONGEST_REST, PATIENT, rest
from gateway.jobs.model import SMALL, ItemState, ItemView, JobState, JobView, Outcome, Parked
from gateway.jobs.service import Jobs, lane
from gateway.jobs.taking import MOST_FAILURES, Timing
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from gateway.transfers.access import throttled
from providers.errors import Locked, Offline
from providers.http.gate import is_background
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, copied, ended, forever, make_jobs, new, order

pytestmark = pytest.mark.both
A, B = lane(SCHOOL, PERSON, "a"), lane(SCHOOL, PERSON, "b")


async def view_of(jobs: Jobs, job: str) -> JobView:
    found = await jobs.get(SCHOOL, PERSON, job)
    assert found is not None
    return found


async def items_of(jobs: Jobs, job: str) -> dict[str, ItemView]:
    return {item.name: item for item in (await jobs.items(SCHOOL, PERSON, job))[0]}


async def rested(database: Database, name: str, seconds: float | None, *, progressed: bool = False) -> float:
    """Park a lane that does not rest now; the seconds it rests."""
    async with database.write() as tx:
        await tx.execute(update(lanes).where(lanes.c.id == name).values(not_before=0))
        now = await database.now(tx)
        return (await queue.park(tx, name, now, seconds, progressed=progressed) - now) / 1000


async def test_a_job_of_a_resting_account_tells_when_it_goes_on_and_for_whom(database: Database) -> None:
    async def throttled(turn: Turn) -> Outcome:
        raise Parked(turn.item.lane, 900)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(throttled)}, timing=QUICK)
    await worker.start()
    before = await database.now()
    job = await order(jobs, *[new(f"{n}", drive="a") for n in range(20)])
    async with asyncio.timeout(10):
        watching = jobs.watch(SCHOOL, PERSON, job)
        while (view := await anext(watching)).wait is None:
            pass
    await worker.stop()
    assert (view.state, view.counts.waiting) == (JobState.RUNNING, 20)
    assert (view.wait.reason, view.wait.drive) == ("waiting", "a")
    assert view.wait.until is not None
    assert before + 900_000 <= view.wait.until <= await database.now() + 950_000
    for item in (await items_of(jobs, job)).values():
        assert item.state is ItemState.READY
        assert item.wait == view.wait
        assert item.reason == "waiting"
        assert item.advice


async def test_an_item_waits_for_either_of_its_accounts(database: Database) -> None:
    jobs = make_jobs(database)
    job = await order(jobs, new("held", drive="a", other=B), new("free", drive="a"))
    await rested(database, B, 600)
    items = await items_of(jobs, job)
    assert items["free"].wait is None
    assert items["held"].wait is not None
    assert items["held"].wait.drive == "b"
    assert (await view_of(jobs, job)).wait is None, "something of it can begin"
    await rested(database, A, 60)
    view = await view_of(jobs, job)
    assert view.wait is not None
    assert view.wait.drive == "a", "the first that goes on"


async def test_a_job_with_something_at_work_does_not_wait(database: Database) -> None:
    jobs, executor = make_jobs(database), Steered(forever)
    worker = Worker(jobs, {"copy": executor}, slots=1, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("at work", drive="a", size=SMALL + 1), new("next", drive="a"))
    while not executor.at_once:
        await asyncio.sleep(0.01)
    await rested(database, A, 600)
    view = await view_of(jobs, job)
    assert view.wait is None
    assert {name: item.wait is None for name, item in (await items_of(jobs, job)).items()} == {
        "at work": True,
        "next": False,
    }
    async with database.write() as tx:
        await jobs.cancel(tx, SCHOOL, PERSON, job)
    await ended(jobs, job)
    await worker.stop()


async def test_a_failed_attempt_tells_why_and_when_it_is_tried_again(database: Database) -> None:
    async def down(_turn: Turn) -> Outcome:
        raise Offline

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(down)}, timing=replace(QUICK, backoff=500, longest_backoff=500))
    await worker.start()
    job = await order(jobs, new("one"))
    async with asyncio.timeout(10):
        while (view := await view_of(jobs, job)).wait is None:
            await asyncio.sleep(0.02)
    await worker.stop()
    assert (view.wait.reason, view.wait.drive) == ("offline", None)
    item = (await items_of(jobs, job))["one"]
    assert (item.reason, item.advice, item.wait) == ("offline", Offline.advice, view.wait)


async def test_what_an_editor_has_open_rests_for_minutes_and_says_until_when(database: Database) -> None:
    """Nobody closes an editor within the seconds after which anything else is tried again."""

    async def edited(turn: Turn) -> Outcome:
        with throttled(turn.item.lane):
            raise Locked

    usual = Timing()
    timing = replace(QUICK, editing=usual.editing, longest_editing=usual.longest_editing)
    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(edited)}, timing=timing)
    await worker.start()
    before = await database.now()
    job = await order(jobs, new("one"))
    async with asyncio.timeout(10):
        while (view := await view_of(jobs, job)).wait is None:
            await asyncio.sleep(0.02)
    await worker.stop()
    assert (view.wait.reason, view.wait.drive) == ("locked", None)
    assert view.wait.until is not None
    assert view.wait.until >= before + 40_000
    pauses = [min(usual.editing * 2**failed, usual.longest_editing) for failed in range(MOST_FAILURES - 1)]
    assert 15 * 60 <= sum(pauses) <= 45 * 60, "a lesson, and no day"
    item = (await items_of(jobs, job))["one"]
    assert (item.reason, item.advice, item.wait) == ("locked", Locked.advice, view.wait)


async def test_what_was_waited_for_is_forgotten_when_it_ended_well(database: Database) -> None:
    tries = 0

    async def shaky(_turn: Turn) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Offline
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(shaky)}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("one"))
    view = await ended(jobs, job)
    await worker.stop()
    item = (await items_of(jobs, job))["one"]
    assert (view.wait, item.wait, item.reason) == (None, None, None)


async def test_a_cancelled_job_waits_for_no_resting_account(database: Database) -> None:
    async def saves_and_rests(turn: Turn) -> Outcome:
        await turn.save({"session": "open"})
        raise Parked(turn.item.lane, 3000)

    jobs, executor = make_jobs(database), Steered(saves_and_rests)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("one", drive="a"))
    async with asyncio.timeout(10):
        while (await view_of(jobs, job)).wait is None:
            await asyncio.sleep(0.02)
    async with database.write() as tx:
        await jobs.cancel(tx, SCHOOL, PERSON, job)
    jobs.wake(job)
    view = await ended(jobs, job)
    await worker.stop()
    assert (view.state, len(executor.abandoned)) == (JobState.CANCELLED, 1)


async def test_a_place_at_work_is_given_back_where_the_rest_is_long(database: Database) -> None:
    """One place only: while the item of the resting account waits, another's is done in it."""
    turns: list[str] = []

    async def step(turn: Turn) -> Outcome:
        turns.append(turn.item.entry["name"])
        if turn.item.entry["name"] == "slow":
            await turn.rest(turn.item.lane, None)  # for long, as the last rests did not help
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    job = await order(jobs, new("slow", drive="a"), new("quick", drive="b"))
    async with database.write() as tx:
        await tx.execute(update(lanes).where(lanes.c.id == A).values(strikes=9))
    worker = Worker(jobs, {"copy": Steered(step)}, slots=1, timing=QUICK)
    await worker.start()
    async with asyncio.timeout(10):
        while (await view_of(jobs, job)).counts.copied < 1 or (await view_of(jobs, job)).wait is None:
            await asyncio.sleep(0.02)
    await worker.stop()
    items = await items_of(jobs, job)
    assert (items["quick"].state, items["slow"].state) == (ItemState.COPIED, ItemState.READY)
    assert items["slow"].wait is not None
    async with database.read() as tx:
        strikes = (await tx.execute(select(lanes.c.strikes).where(lanes.c.id == A))).scalar_one()
    assert strikes == 10, "giving the place back is no second rest"


def test_rests_grow_to_an_hour_where_nothing_helps() -> None:
    assert [rest(None, strikes) for strikes in (0, 5, 10, 11, 40)] == [2, 64, 2048, LONGEST_REST, LONGEST_REST]
    told = [rest(1, strikes) for strikes in range(40)]
    assert told[:PATIENT] == [1] * PATIENT
    assert told == sorted(told)
    assert told[-1] == LONGEST_REST == 3600
    assert rest(7200, 40) == 7200, "what was asked for is never shortened"
    assert 120 <= sum(rest(None, strikes) for strikes in range(PATIENT)) <= 180, "after minutes, not hours"


async def test_only_rests_without_progress_count(database: Database) -> None:
    jobs = make_jobs(database)
    await order(jobs, new("one", drive="a"))
    grown = [await rested(database, A, None) for _ in range(4)]
    assert all(1 <= pause / 2 ** (n + 1) <= 1.06 for n, pause in enumerate(grown))
    assert await rested(database, A, None, progressed=True) < 2.2
    assert 4 <= await rested(database, A, None) < 4.3, "and from there on again"


async def test_many_that_were_throttled_together_are_one_rest(database: Database) -> None:
    jobs = make_jobs(database)
    await order(jobs, new("one", drive="a"))
    async with database.write() as tx:
        now = await database.now(tx)
        ends = {await queue.park(tx, A, now, None) for _ in range(8)}
        strikes = (await tx.execute(select(lanes.c.strikes).where(lanes.c.id == A))).scalar_one()
        later = await queue.park(tx, A, now, 100)
    assert (len(ends), strikes) == (1, 1)
    assert later >= now + 100_000


async def test_work_lets_people_go_first(database: Database) -> None:
    seen: list[bool] = []

    async def look(_turn: Turn) -> Outcome:
        seen.append(is_background())
        return await copied(_turn)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(look)}, timing=QUICK)
    await worker.start()
    await ended(jobs, await order(jobs, new("one")))
    await worker.stop()
    assert seen == [True]
    assert not is_background()


async def test_a_machine_that_stood_still_costs_no_attempt(database: Database) -> None:
    """More of such moments than an item may fail: they are nobody's failure."""
    moments = iter(range(MOST_FAILURES + 2))

    async def starved(turn: Turn) -> Outcome:
        if next(moments, None) is not None:
            raise Stale("keys were not looked after")
        return await copied(turn)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(starved)}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("a", drive="a"))
    await ended(jobs, job)
    await worker.stop()
    assert (await items_of(jobs, job))["a"].state is ItemState.COPIED
