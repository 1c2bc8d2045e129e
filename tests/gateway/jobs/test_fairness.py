"""Whose turn it is: a school, a person or an account with a thousand items does not hold up one with a single item."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.db.engine import Database
from gateway.db.tables_work import PLACES
from gateway.jobs.lanes import LONGEST_REST, Lane, rest, turns
from gateway.jobs.model import PLACE, SMALL, ItemState, Outcome
from gateway.jobs.service import lane
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import QUICK, SCHOOL, Steered, ended, make_jobs, new, order

LARGE = SMALL + 1


def test_schools_take_turns_then_people_then_accounts() -> None:
    waiting = [
        Lane("a1", "A", "p", 0, 9),
        Lane("a2", "A", "p", 0, 9),
        Lane("a3", "A", "q", 0, 9),
        Lane("b", "B", "r", 0, 9),
    ]
    assert turns(waiting, 8) == {"a1": 1, "a2": 1, "a3": 2, "b": 4}


def test_the_longest_unserved_goes_first() -> None:
    waiting = [Lane("late", "A", "p", 20, 5), Lane("early", "B", "q", 10, 5)]
    assert turns(waiting, 1) == {"early": 1}


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from("pqr"), st.integers(0, 5), st.integers(0, 4)), max_size=8
    ),
    st.integers(0, 20),
)
def test_nobody_gets_more_than_there_is_room_for(rows: list[tuple[str, str, int, int]], slots: int) -> None:
    waiting = [
        Lane(f"{n}", school, school + person, served, free) for n, (school, person, served, free) in enumerate(rows)
    ]
    given_ = turns(waiting, slots)
    assert sum(given_.values()) == min(slots, sum(one.free for one in waiting))
    assert all(given_.get(one.id, 0) <= one.free for one in waiting)
    per_school = Counter({"A": 0, "B": 0})
    room = Counter({"A": 0, "B": 0})
    for one in waiting:
        per_school[one.tenant] += given_.get(one.id, 0)
        room[one.tenant] += one.free
    for school, other in (("A", "B"), ("B", "A")):
        assert per_school[school] >= min(room[school], per_school[other] - 1), "a school with room was passed over"


def test_a_lane_rests_as_long_as_asked_or_longer_each_time() -> None:
    assert rest(7.5, 3) == 7.5
    assert [rest(None, strikes) for strikes in (0, 1, 2)] == [2.0, 4.0, 8.0]
    assert rest(None, 50) == LONGEST_REST
    assert rest(1e9, 0) == 86_400.0


@pytest.mark.both
async def test_one_item_of_another_school_overtakes_a_crowd(database: Database) -> None:
    done: list[str] = []

    async def slowly(turn: Turn) -> Outcome:
        await asyncio.sleep(0.01)
        done.append(turn.item.tenant)
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(slowly)}, slots=2, timing=QUICK)
    crowd = await order(jobs, *[new(f"{n}", size=LARGE) for n in range(40)])
    single = await order(jobs, new("x", tenant="other", person="q", size=LARGE), tenant="other", person="q")
    await worker.start()
    await ended(jobs, single, "other", "q")
    await ended(jobs, crowd)
    await worker.stop()
    assert done.index("other") < 6


@pytest.mark.both
async def test_an_account_has_only_so_many_items_at_work(database: Database) -> None:
    async def slowly(_turn: Turn) -> Outcome:
        await asyncio.sleep(0.01)
        return Outcome(ItemState.COPIED)

    jobs, executor = make_jobs(database), Steered(slowly)
    worker = Worker(jobs, {"copy": executor}, slots=PLACES + 10, timing=QUICK)
    job = await order(jobs, *[new(f"{n}", size=LARGE) for n in range(PLACES + 20)])
    await worker.start()
    await ended(jobs, job)
    await worker.stop()
    assert executor.most_at_once == PLACES


@pytest.mark.both
async def test_small_files_share_a_place_and_a_large_one_still_gets_its_own(database: Database) -> None:
    sizes: list[int | None] = []
    together = asyncio.Event()

    async def until_all_are_there(turn: Turn) -> Outcome:
        sizes.append(turn.item.size)
        if len(sizes) == 2 * PLACE:
            together.set()
        await together.wait()
        return Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    executor = Steered(until_all_are_there)
    worker = Worker(jobs, {"copy": executor}, slots=2, timing=QUICK)
    job = await order(jobs, *[new(f"{n}", size=SMALL) for n in range(2 * PLACE)], new("large", size=SMALL + 1))
    await worker.start()
    assert (await ended(jobs, job)).counts.copied == 2 * PLACE + 1
    await worker.stop()
    assert executor.most_at_once == 2 * PLACE, "two places"
    assert sizes[-1] == SMALL + 1


def test_lanes_of_two_people_differ() -> None:
    assert lane(SCHOOL, "p", "native") != lane(SCHOOL, "q", "native")
