"""The worker on both databases: work ends once, failures are bounded, throttled lanes rest, cancel is prompt."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import SMALL, ItemState, JobState, Outcome, Parked
from gateway.jobs.taking import Timing
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from providers.errors import NotFound, Offline
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, copied, ended, forever, make_jobs, new, order

pytestmark = pytest.mark.both


async def test_a_job_is_done_and_counted(database: Database) -> None:
    jobs, executor = make_jobs(database), Steered(copied)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    job = await order(jobs, *[new(f"file {n}") for n in range(30)])
    view = await ended(jobs, job)
    await worker.stop()
    assert view.state is JobState.DONE
    assert (view.counts.found, view.counts.copied, view.counts.waiting) == (30, 30, 0)
    assert len({turn.item.id for turn in executor.turns}) == len(executor.turns) == 30
    items, more = await jobs.items(SCHOOL, PERSON, job, limit=100)
    assert [item.name for item in items] == [f"file {n}" for n in range(30)]
    assert more is None


async def test_new_work_starts_at_once(database: Database) -> None:
    """The worker looks by itself only once an hour: what is ordered meanwhile wakes it."""
    jobs, executor = make_jobs(database), Steered(copied)
    worker = Worker(jobs, {"copy": executor}, timing=replace(QUICK, poll=3600))
    await worker.start()
    await asyncio.sleep(0.1)
    await ended(jobs, await order(jobs, new("one")))
    await worker.stop()
    assert len(executor.turns) == 1


async def test_what_passes_is_tried_again_and_what_does_not_is_reported(database: Database) -> None:
    tries = 0

    async def shaky(turn: Turn) -> Outcome:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Offline
        return Outcome(ItemState.COPIED)

    async def refused(turn: Turn) -> Outcome:
        raise NotFound

    jobs, gone = make_jobs(database), Steered(refused)
    worker = Worker(jobs, {"copy": Steered(shaky), "upload": gone}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("shaky"), new("gone", kind="upload"))
    view = await ended(jobs, job)
    await worker.stop()
    assert tries == 3
    assert (view.state, view.counts.copied, view.counts.failed) == (JobState.DONE, 1, 1)
    items, _ = await jobs.items(SCHOOL, PERSON, job)
    assert [item.reason for item in items] == [None, "not_found"]
    assert items[1].advice == NotFound.advice
    assert gone.abandoned == [items[1].id]


async def test_failing_for_ever_is_bounded(database: Database) -> None:
    async def broken(turn: Turn) -> Outcome:
        raise ZeroDivisionError

    jobs, executor = make_jobs(database), Steered(broken)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    view = await ended(jobs, await order(jobs, new("one")))
    await worker.stop()
    assert view.state is JobState.FAILED
    assert len(executor.turns) == 6


async def test_a_throttled_account_rests_and_costs_no_attempt(database: Database) -> None:
    begun: list[tuple[str, float]] = []

    async def throttled(turn: Turn) -> Outcome:
        item = turn.item
        begun.append((item.entry["name"], time.monotonic()))
        if item.entry["name"].startswith("slow") and len([n for n, _ in begun if n == item.entry["name"]]) < 8:
            raise Parked(item.lane, 0.05)
        assert item.failures == 0
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(throttled)}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("slow", drive="a"), new("fast", drive="b"))
    view = await ended(jobs, job)
    await worker.stop()
    assert view.counts.copied == 2
    slow = [at for name, at in begun if name == "slow"]
    assert len(slow) == 8
    assert all(after - before >= 0.05 for before, after in pairwise(slow))


async def test_cancel_stops_what_runs(database: Database) -> None:
    jobs, executor = make_jobs(database), Steered(forever)
    worker = Worker(jobs, {"copy": executor}, slots=2)
    await worker.start()
    job = await order(jobs, *[new(f"file {n}", size=SMALL + 1) for n in range(5)])
    while len(executor.turns) < 2:
        await asyncio.sleep(0.01)
    async with database.write() as tx:
        assert await jobs.cancel(tx, SCHOOL, PERSON, job)
        assert not await jobs.cancel(tx, SCHOOL, "somebody else", job)
    jobs.wake(job)
    async with asyncio.timeout(60):
        while executor.at_once:
            await asyncio.sleep(0.01)
    assert Timing().guard < 1.0, "so often it is looked at"
    view = await ended(jobs, job)
    await worker.stop()
    assert (view.state, view.counts.skipped, view.counts.found) == (JobState.CANCELLED, 5, 5)
    assert len(executor.abandoned) == 2


async def test_stop_releases_what_is_not_done_and_another_goes_on(database: Database) -> None:
    jobs, stuck = make_jobs(database), Steered(forever)
    first = Worker(jobs, {"copy": stuck}, timing=QUICK)
    await first.start()
    job = await order(jobs, new("one"))
    while not stuck.turns:
        await asyncio.sleep(0.01)
    await first.stop(grace=0.05)
    second = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK)
    await second.start()
    view = await ended(jobs, job)
    await second.stop()
    assert view.state is JobState.DONE


async def test_folders_come_before_what_is_in_them_and_take_it_down_when_they_fail(database: Database) -> None:
    seen: list[str] = []

    async def folder(turn: Turn) -> Outcome:
        name = turn.item.entry["name"]
        seen.append(name)
        return Outcome(ItemState.FAILED if name == "bad" else ItemState.COPIED, None)

    jobs = make_jobs(database)
    executor = Steered(folder)
    worker = Worker(jobs, {"copy": executor, "folder": executor}, timing=QUICK)
    good, bad = new("good", kind="folder"), new("bad", kind="folder")
    inner = new("inner", kind="folder", folder=bad.id, state=ItemState.BLOCKED)
    job = await order(
        jobs,
        new("in good", folder=good.id, state=ItemState.BLOCKED),
        new("in bad", folder=bad.id, state=ItemState.BLOCKED),
        new("in inner", folder=inner.id, state=ItemState.BLOCKED),
        inner,
        good,
        bad,
    )
    await worker.start()
    view = await ended(jobs, job)
    await worker.stop()
    assert sorted(seen) == ["bad", "good", "in good"]
    assert seen.index("good") < seen.index("in good")
    assert (view.counts.found, view.counts.copied, view.counts.failed) == (6, 2, 4)
    reasons = {item.name: item.reason for item in (await jobs.items(SCHOOL, PERSON, job))[0]}
    assert reasons["in inner"] == reasons["inner"] == "folder_failed"
