"""Plans of any size: told whole, in memory that does not grow, with the time that such work really took lately."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs import queue
from gateway.jobs.bulk import BULK, MANY
from gateway.jobs.model import JobState
from gateway.jobs.service import lane
from gateway.transfers import Conflict, survey
from gateway.transfers.estimate import SAMPLES, Work
from providers.drive import Ref
from tests.gateway.transfers.filedrive import LOOSE
from tests.gateway.transfers.generated import Generated, Shape
from tests.gateway.transfers.support import PERSON, SCHOOL, House, open_house
from tests.gateway.transfers.test_preflight import planned


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, tmp_path, left=LOOSE, right=LOOSE, kind=Generated) as opened:
        yield opened


def generate(house: House, **shapes: Shape) -> None:
    assert isinstance(house.left, Generated)
    house.left.generate(shapes)


@pytest.mark.slow
async def test_a_hundred_thousand_items_are_planned_and_never_more_than_a_few_pages_are_held(house: House) -> None:
    generate(house, year=Shape(50_000, {"a": Shape(25_000), "b": Shape(24_997)}))
    async with house.working():
        job = await house.transfers.preflight(house.order("copy", "year/"))
        view = await house.ended(job, within=120)
    plan = await house.transfers.plan(view, SCHOOL, PERSON)
    assert (plan.complete, plan.items) == (True, {"file": 99_997, "folder": 3, "document": 0, "shortcut": 0})
    assert (plan.bytes, plan.shared) == (999_970, 10_000)
    assert isinstance(house.left, Generated)
    assert 0 < house.left.alive < 6 * house.left.large_page, "three folders, the page at hand and the one before"


@pytest.mark.both
@pytest.mark.slow
async def test_a_transfer_lists_any_number_and_never_holds_more_than_a_few_pages(house: House) -> None:
    """While its destination rests: everything is found and stored, nothing begun, and a cancel ends all of it."""
    generate(house, year=Shape(12_000, {"a": Shape(7_998)}))
    async with house.working(slots=4):
        order = house.order("move", "year/")
        first = await house.transfers.check(order)
        async with house.database.write() as tx:
            job = await house.transfers.store(tx, order, first)
            await queue.park(tx, lane(SCHOOL, PERSON, "right"), await house.database.now(tx), 3600.0)
        house.jobs.wake(job)
        async with asyncio.timeout(120):
            while (view := await house.jobs.get(SCHOOL, PERSON, job)) is None or view.counts.found < 20_000:
                await asyncio.sleep(0.2)
        assert view.counts.waiting == 20_000
        assert isinstance(house.left, Generated)
        assert 0 < house.left.alive < 6 * house.left.large_page
        async with house.database.write() as tx:
            assert await house.jobs.cancel(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        view = await house.ended(job, within=60)
    assert (view.state, view.counts.skipped, view.kept) == (JobState.CANCELLED, 20_000, 20_000)
    assert house.left.trashed() == []
    assert house.right.tree() == {}


@pytest.mark.both
async def test_conflicts_are_told_in_every_folder_that_goes_on_and_in_no_other(house: House) -> None:
    left, right = house.left, house.right
    top, there = left.folder("top", "Year"), right.folder("top", "Year")
    inner, inner_there = left.folder(top, "Maths"), right.folder(there, "Maths")
    left.put(inner, "sheet.txt", b"a")
    right.put(inner_there, "sheet.txt", b"other")
    left.put(left.folder(top, "New"), "sheet.txt", b"a")
    left.put(top, "History", b"a file here")
    right.folder(there, "History")
    for conflict, paths in (
        (Conflict.SKIP, {"Year/Maths/sheet.txt", "Year/History"}),
        (Conflict.REPLACE, {"Year/Maths/sheet.txt", "Year/History"}),
        (Conflict.RENAME, {"Year"}),
        (Conflict.FAIL, {"Year"}),
    ):
        _, plan, found = await planned(house, house.order("copy", top, conflict=conflict))
        assert {one["path"] for one in found if one["code"] == "conflict"} == paths, conflict
        assert plan.found == {"conflict": len(paths)}


async def test_more_names_than_are_held_against_it_make_the_plan_incomplete(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, there = house.left.folder("top", "Year"), house.right.folder("top", "Year")
    for number in range(7):
        house.right.put(there, f"{number}.txt", b"x")
    monkeypatch.setattr(survey, "MOST_NAMES", 6)
    _, plan, _ = await planned(house, house.order("copy", top, conflict=Conflict.SKIP))
    assert plan.complete is False
    monkeypatch.setattr(survey, "MOST_NAMES", 8)
    _, plan, _ = await planned(house, house.order("copy", top, conflict=Conflict.SKIP))
    assert plan.complete is True


async def lasted(house: House, job: str, seconds: float) -> None:
    """Let a job have taken so long."""
    async with house.database.write() as tx:
        await tx.exec_driver_sql(f"UPDATE jobs SET ended = created + {round(seconds * 1000)} WHERE id = '{job}'")


@pytest.mark.both
async def test_the_time_is_what_the_last_ones_between_these_drives_took(house: House) -> None:
    top = house.left.folder("top", "Year")
    for number in range(12):
        house.left.put(top, f"{number}.txt", b"x" * 10)
    order = house.order("copy", top, conflict=Conflict.SKIP)

    async def seconds(wanted: object = order) -> int:
        assert isinstance(wanted, type(order))
        return (await planned(house, wanted))[1].seconds

    usual = Work(13, 120).usual
    assert await seconds() == round(usual)
    for number, factor in enumerate((5, 900, 5)):  # one of them was paused over night
        other = replace(order, destination=replace(order.destination, item=folder(house, f"{number}")))
        view, _ = await house.do(other)
        await lasted(house, view.id, factor * usual)
    assert await seconds() == round(5 * usual)
    assert await seconds(replace(order, mode="move")) == round(usual), "a move was not measured yet"
    assert SAMPLES % 2 == 1, "the median is one that happened"


def folder(house: House, name: str) -> str:
    """A new folder of the right drive, as an order names it."""
    return str(Ref("", house.right.folder("top", name)))


async def test_a_transfer_whose_plan_is_large_may_be_overtaken_from_its_first_item(house: House) -> None:
    generate(house, many=Shape(MANY), few=Shape(MANY - 1))
    found = dict[str, set[int]]()
    for name in ("many/", "few/"):
        order = house.order("copy", name)
        job, _, _ = await planned(house, order)
        made = await house.transfers.create(order, job)
        async with house.database.read() as tx:
            rows = await tx.exec_driver_sql(f"SELECT priority FROM items WHERE job = '{made}'")
            found[name] = set(rows.scalars())
        async with house.database.write() as tx:
            await house.jobs.cancel(tx, SCHOOL, PERSON, made)
    assert min(found["many/"]) == min(found["few/"]) + BULK > max(found["few/"])
