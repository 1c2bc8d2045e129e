"""Turns on the real queue: what a claim takes next, when nothing else decides. No worker, and no waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import RowMapping, select, update

from gateway.db.engine import Database
from gateway.db.tables_work import PLACES, items, lanes
from gateway.jobs import queue
from gateway.jobs.bulk import BULK, MANY
from gateway.jobs.model import SMALL, ItemState
from gateway.jobs.service import Jobs, lane
from tests.gateway.jobs.support import PERSON, SCHOOL, make_jobs, new, order

pytestmark = pytest.mark.both
LARGE = SMALL + 1
"""An item that takes a whole place."""


@dataclass
class Line:
    """A queue whose clock the test turns: each round claims, looks, and ends what was claimed."""

    jobs: Jobs
    now: int = 1_000

    async def claim(self, places: int) -> Sequence[RowMapping]:
        self.now += 1
        async with self.jobs.database.write() as tx:
            return await queue.claim(tx, "worker", self.now, places)

    async def end(self, rows: Sequence[RowMapping]) -> None:
        async with self.jobs.database.write() as tx:
            ended = {"state": ItemState.COPIED, "owner": None, "ended": self.now}
            await tx.execute(update(items).where(items.c.id.in_([row["id"] for row in rows])).values(**ended))

    async def round(self, places: int) -> Sequence[RowMapping]:
        rows = await self.claim(places)
        await self.end(rows)
        return rows


@pytest.fixture
def line(database: Database) -> Line:
    return Line(make_jobs(database))


async def grown(jobs: Jobs, number: int) -> str:
    """A job that has found so many items, page by page."""
    job = await order(jobs, new("top", kind="folder"))
    for page in range(0, number, 100):
        more = [new(f"{page + at}", size=LARGE) for at in range(min(100, number - page))]
        async with jobs.database.write() as tx:
            await jobs.add(tx, job, more)
    return job


async def first_of(jobs: Jobs) -> int:
    """The priority of what is next."""
    async with jobs.database.read() as tx:
        ready = select(items.c.priority).where(items.c.state == ItemState.READY)
        return int((await tx.execute(ready.order_by(items.c.priority).limit(1))).scalar_one())


async def test_a_small_order_overtakes_a_bulk_move_of_the_same_person(line: Line) -> None:
    crowd = await grown(line.jobs, MANY + 300)
    async with line.jobs.database.read() as tx:
        found = Counter((await tx.execute(select(items.c.priority).where(items.c.job == crowd))).scalars())
    assert found[BULK] >= 300
    while await first_of(line.jobs) < BULK:
        await line.round(8)  # the part of it that was small
    single = await order(line.jobs, *[new(f"mine {n}", size=LARGE) for n in range(3)])
    upload = await order(line.jobs, new("sent", kind="upload", size=LARGE, priority=-10))
    assert {row["job"] for row in await line.round(1)} == {upload}
    assert [row["job"] for row in await line.round(3)] == [single] * 3
    assert {row["job"] for row in await line.round(4)} == {crowd}, "and then it goes on"


async def test_a_plan_that_is_known_to_be_large_is_bulk_from_its_first_item(line: Line) -> None:
    async with line.jobs.database.write() as tx:
        for name, priority in (("bulk", BULK), ("small", 0)):
            await line.jobs.create(
                tx, tenant=SCHOOL, person=PERSON, kind="transfer", mode="copy", spec={}, instruction="i" * 32,
                first=[new(f"{name} {n}", size=LARGE) for n in range(4)], policy_version="1", priority=priority,
            )  # fmt: skip
    assert [row["priority"] for row in await line.round(4)] == [0] * 4
    assert [row["priority"] for row in await line.round(4)] == [BULK] * 4


async def test_nobody_waits_behind_the_crowd_of_another_whatever_the_priorities(line: Line) -> None:
    jobs = line.jobs
    for tenant, person, drive, number, priority in (
        ("A", "ann", "one", 60, 0),
        ("A", "ann", "two", 60, 0),
        ("A", "ben", "one", 60, BULK),
        ("B", "cem", "one", 60, BULK),
    ):
        first = [
            new(f"{drive} {n}", drive=drive, tenant=tenant, person=person, size=LARGE, priority=priority)
            for n in range(number)
        ]
        await order(jobs, *first, tenant=tenant, person=person)
    seen: Counter[str] = Counter()
    for _ in range(12):
        seen.update(f"{row['tenant']} {row['person']} {row['lane'][-3:]}" for row in await line.round(4))
    assert seen == {"A ann one": 6, "A ann two": 6, "A ben one": 12, "B cem one": 24}


async def test_an_account_has_so_many_places_and_its_neighbours_theirs(line: Line) -> None:
    for drive in ("one", "two"):
        await order(line.jobs, *[new(f"{drive} {n}", drive=drive, size=LARGE) for n in range(PLACES + 10)])
    async with line.jobs.database.write() as tx:
        await tx.execute(update(lanes).where(lanes.c.id == lane(SCHOOL, PERSON, "one")).values(concurrency=3))
    rows = await line.claim(64)
    assert Counter(row["lane"][-3:] for row in rows) == {"one": 3, "two": PLACES}
    assert await line.claim(64) == [], "all places are taken"
    await line.end([row for row in rows if row["lane"].endswith("one")][:1])
    assert [row["lane"][-3:] for row in await line.claim(64)] == ["one"]


async def at_work(jobs: Jobs) -> Counter[str]:
    """How many items are at work in each account, as its first or its second."""
    async with jobs.database.read() as tx:
        rows = (await tx.execute(select(items.c.lane, items.c.other).where(items.c.state == "running"))).all()
    return Counter(name[-3:] for row in rows for name in row if name is not None)


async def test_an_account_that_many_others_write_to_has_no_more_places_for_that(line: Line) -> None:
    to = lane(SCHOOL, PERSON, "two")
    for drive in ("one", "six"):
        await order(line.jobs, *[new(f"{drive} {n}", drive=drive, other=to, size=LARGE) for n in range(PLACES)])
    await order(line.jobs, *[new(f"beside {n}", drive="two", size=LARGE) for n in range(PLACES)])
    for places in (5, 5, 128, 128):
        await line.claim(places)
    found = await at_work(line.jobs)
    assert found["two"] == PLACES
    assert found["one"] > 0
    assert found["six"] > 0


async def test_work_that_must_wait_for_its_second_account_takes_nobodys_turn(line: Line) -> None:
    to = lane(SCHOOL, PERSON, "two")
    await order(line.jobs, *[new(f"{n}", drive="one", other=to, size=LARGE) for n in range(20)])
    await order(line.jobs, *[new(f"beside {n}", drive="two", size=LARGE) for n in range(8)])
    await order(line.jobs, *[new(f"free {n}", drive="six", size=LARGE) for n in range(20)])
    async with line.jobs.database.write() as tx:
        await queue.park(tx, to, line.now, 30.0)
    assert {row["lane"][-3:] for row in await line.claim(8)} == {"six"}
    assert (await at_work(line.jobs))["six"] == 8, "all places went to whoever could use them"


async def test_an_account_that_was_asked_to_pause_rests_and_nobody_else_does(line: Line) -> None:
    for drive in ("one", "two"):
        await order(line.jobs, *[new(f"{drive} {n}", drive=drive, size=LARGE) for n in range(4)])
    async with line.jobs.database.write() as tx:
        until = await queue.park(tx, lane(SCHOOL, PERSON, "one"), line.now, 30.0)
    assert {row["lane"][-3:] for row in await line.round(8)} == {"two"}
    assert await line.round(8) == []
    line.now = until
    assert len(await line.round(8)) == 4
