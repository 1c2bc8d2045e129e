"""Jobs as their person sees them: only their own, live, sealed at rest, gone when they are forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db import tables_work
from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState, JobView, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import (
    PERSON,
    QUICK,
    SCHOOL,
    Gone,
    People,
    Steered,
    copied,
    ended,
    forever,
    make_jobs,
    new,
    order,
)

pytestmark = pytest.mark.both


async def test_a_foreign_job_does_not_exist(database: Database) -> None:
    jobs = make_jobs(database)
    job = await order(jobs, new("one"), spec={"mode": "copy"})
    for tenant, person in ((SCHOOL, "other"), ("other", PERSON)):
        assert await jobs.get(tenant, person, job) is None
        assert await jobs.items(tenant, person, job) == ([], None)
        assert await jobs.list(tenant, person) == ([], None)
        assert [view async for view in jobs.watch(tenant, person, job)] == []
        async with database.write() as tx:
            assert not await jobs.cancel(tx, tenant, person, job)
    mine = await jobs.get(SCHOOL, PERSON, job)
    assert mine is not None
    assert (mine.state, mine.spec, mine.counts.waiting) == (JobState.RUNNING, {"mode": "copy"}, 1)


async def test_nothing_is_ordered_or_added_for_who_is_being_forgotten(database: Database) -> None:
    people = People()
    jobs = make_jobs(database, people)
    job = await order(jobs, new("one"))
    people.erasing.add(PERSON)
    with pytest.raises(Gone):
        await order(jobs, new("two"))
    with pytest.raises(Gone):
        async with database.write() as tx:
            await jobs.add(tx, job, [new("three")])
    async with database.read() as tx:
        assert await jobs.held(tx, SCHOOL, PERSON) == (1, 1)


async def test_forgetting_deletes_every_row_and_stops_what_runs(database: Database) -> None:
    jobs, executor = make_jobs(database), Steered(forever)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("one"), new("two"))
    other = await order(jobs, new("x", person="q"), person="q")
    while executor.at_once < 3:
        await asyncio.sleep(0.01)
    async with database.write() as tx:
        assert await jobs.cancel_all(tx, SCHOOL, PERSON) == [job]
        assert await jobs.forget(tx, SCHOOL, PERSON) == 4
    async with asyncio.timeout(2):
        while executor.at_once > 1:
            await asyncio.sleep(0.01)
    assert await jobs.get(SCHOOL, PERSON, job) is None
    async with database.read() as tx:
        assert await jobs.held(tx, SCHOOL, PERSON) == (0, 0)
        assert await jobs.held(tx, SCHOOL, "q") == (1, 1)
    assert await jobs.get(SCHOOL, "q", other) is not None
    await worker.stop(grace=0.1)


async def test_what_was_met_already_is_not_added_again(database: Database) -> None:
    jobs = make_jobs(database)
    job = await order(jobs, new("one"))
    async with database.write() as tx:
        await jobs.add(tx, job, [new("one"), new("two"), new("two"), new("one", kind="folder")])
    items, _ = await jobs.items(SCHOOL, PERSON, job)
    assert [(item.name, item.kind) for item in items] == [("one", "file"), ("two", "file"), ("one", "file")]


async def test_lists_are_paged(database: Database) -> None:
    jobs = make_jobs(database)
    made = [await order(jobs, *[new(f"{n}") for n in range(5)]) for _ in range(5)]
    seen, place = list[str](), None
    while True:
        views, place = await jobs.list(SCHOOL, PERSON, place, limit=2)
        seen += [view.id for view in views]
        if place is None:
            break
    assert sorted(seen) == sorted(made)
    names, after = list[str](), 0
    while True:
        items, more = await jobs.items(SCHOOL, PERSON, made[0], after, limit=2)
        names += [item.name for item in items]
        if more is None:
            break
        after = more
    assert names == ["0", "1", "2", "3", "4"]


async def test_progress_is_seen_live_and_from_another_process(database: Database) -> None:
    go = asyncio.Event()

    async def step(turn: Turn) -> Outcome:
        for done in (3, 6, 10):
            await go.wait()
            go.clear()
            turn.advance(done)
        await go.wait()
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    elsewhere = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(step)}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("one"))
    seen: list[JobView] = []
    other: list[JobView] = []

    async def follow(service: Jobs, into: list[JobView]) -> None:
        async for view in service.watch(SCHOOL, PERSON, job):
            into.append(view)

    watchers = [asyncio.create_task(follow(jobs, seen)), asyncio.create_task(follow(elsewhere, other))]
    for done in (3, 6, 10):
        await asyncio.sleep(0.05)
        go.set()
        async with asyncio.timeout(5):
            while not (seen and seen[-1].bytes_done == done and other and other[-1].bytes_done == done):
                await asyncio.sleep(0.02)
    go.set()
    await asyncio.gather(*watchers)
    await worker.stop()
    assert [view.state for view in (seen[-1], other[-1])] == [JobState.DONE, JobState.DONE]
    tags = [view.tag for view in seen]
    assert len(tags) == len(set(tags)), "the same view is never told twice"
    assert [view async for view in jobs.watch(SCHOOL, PERSON, job, after=tags[-1])] == []


async def test_what_is_written_during_a_look_does_not_turn_progress_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows were read before the write, the live figure after it: six bytes are in neither."""
    jobs = make_jobs(database)
    whole = await jobs.get(SCHOOL, PERSON, await order(jobs, new("one")))
    assert whole is not None
    looks = iter([3, 9, 3, 9, 10])
    monkeypatch.setattr(jobs, "get", lambda *_: _view(whole, next(looks)))
    told = [view.bytes_done async for view in jobs.watch(SCHOOL, PERSON, whole.id)]
    assert told == [3, 9, 10]


async def _view(view: JobView, done: int) -> JobView:
    return replace(view, bytes_done=done, state=JobState.DONE if done == 10 else JobState.RUNNING)


async def test_nothing_readable_reaches_the_database(database: Database, tmp_path: Path) -> None:
    jobs = make_jobs(database)
    secret = "Leo's medical report 5521"

    async def keeps(turn: Turn) -> Outcome:
        await turn.save({"session": f"https://upload.example/{secret}"})
        return Outcome(ItemState.COPIED, None, {"destination": ["d", secret]})

    worker = Worker(jobs, {"copy": Steered(keeps)}, timing=QUICK)
    await worker.start()
    await ended(jobs, await order(jobs, new(secret, taken=secret), spec={"sources": secret}))
    await worker.stop()
    async with database.read() as tx:
        rows = [*(await tx.execute(tables_work.items.select())), *(await tx.execute(tables_work.jobs.select()))]
    raw = b" ".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    assert b"5521" not in raw
    for file in tmp_path.glob("gateway.db*"):
        assert b"5521" not in file.read_bytes()


async def test_a_worker_that_stops_wakes_nobody(database: Database) -> None:
    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK)
    await worker.start()
    await worker.stop()
    job = await order(jobs, new("one"))
    await asyncio.sleep(0.2)
    view = await jobs.get(SCHOOL, PERSON, job)
    assert view is not None
    assert view.counts.waiting == 1


async def test_quiet_says_when_nothing_of_a_person_goes_on(database: Database) -> None:
    jobs, executor = make_jobs(database), Steered(forever)
    worker = Worker(jobs, {"copy": executor}, timing=QUICK)
    await worker.start()
    await order(jobs, new("one"))
    while not executor.at_once:
        await asyncio.sleep(0.01)
    assert not await jobs.quiet(SCHOOL, PERSON, 0.1)
    async with database.write() as tx:
        await jobs.cancel_all(tx, SCHOOL, PERSON)
    assert await jobs.quiet(SCHOOL, PERSON, 5)
    assert len(executor.abandoned) == 1
    await worker.stop()


async def test_old_jobs_are_swept_with_their_items(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK)
    await worker.start()
    job = await order(jobs, new("one"))
    await ended(jobs, job)
    await worker.stop()
    still = await order(jobs, new("two"))
    assert await jobs.sweep(10) == 0
    assert await jobs.sweep(10, -1000, {SCHOOL: 3_600_000}) == 0, "the school keeps its reports for longer"
    assert await jobs.sweep(10, 3_600_000, {SCHOOL: -1000}) == 1
    assert await jobs.get(SCHOOL, PERSON, job) is None
    assert await jobs.get(SCHOOL, PERSON, still) is not None
    async with database.read() as tx:
        assert await jobs.held(tx, SCHOOL, PERSON) == (1, 1)
