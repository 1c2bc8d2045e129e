"""The plan of a transfer: the same judgement as the transfer's own, bounded, and nothing is moved or made by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import JobState
from gateway.jobs.service import PLAN_KEPT_MS
from gateway.transfers import Order, OrderRefused, survey
from gateway.transfers.preflight import Plan, Sums
from providers.drive import Kind
from providers.errors import NotFound
from tests.gateway.files.conftest import Clock
from tests.gateway.transfers.filedrive import LOOSE, STRICT, FileDrive
from tests.gateway.transfers.support import PERSON, SCHOOL, House, open_house

pytestmark = pytest.mark.both


class Small(FileDrive):
    """A drive with little room."""

    async def quota(self) -> tuple[int, int | None]:
        return 90, 100


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    right = replace(STRICT, max_path=45, max_size=1000, converts=frozenset({"application/word"}))
    async with open_house(database, tmp_path, left=LOOSE, right=right, kind=Small) as opened:
        yield opened


async def planned(house: House, order: Order) -> tuple[str, Plan, list[dict[str, object]]]:
    """The plan's job, the plan at its end, and all findings."""
    async with house.working():
        job = await house.transfers.preflight(order)
        view = await house.ended(job)
    found, after = list[dict[str, object]](), 0
    while True:
        page, more = await house.transfers.findings(SCHOOL, PERSON, job, after, 2)
        found += [dict(one) for one in page]
        if more is None:
            return job, await house.transfers.plan(view, SCHOOL, PERSON), found
        after = more


def mixed(house: House) -> str:
    left, top = house.left, house.left.folder("top", "a:b")
    left.put(top, "plain.txt", b"x" * 20)
    left.put(top, "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    left.put(top, "Lesson.docx", b"words", media_type="application/word")
    left.put(top, "essay.doc", b"old", media_type="application/msword")
    left.put(top, "large.bin", b"x" * 2000)
    left.put(top, "Notes", kind=Kind.PACKAGE)
    left.shortcut(left.folder(top, "Inner"), "Nowhere", "gone")
    left.put(left.folder(left.folder(top, "A long name of a folder"), "and one more"), "deep.txt", b"d")
    return top


async def test_a_plan_tells_what_will_happen_and_does_nothing(house: House) -> None:
    house.right.folder("top", "a‛：b")
    top = mixed(house)
    job, plan, found = await planned(house, replace(house.order("copy", top), convert=True))
    assert (plan.state, plan.complete) == (JobState.DONE, True)
    assert plan.items == {"file": 4, "folder": 4, "document": 1, "shortcut": 1}
    assert (plan.bytes, plan.unknown_sizes) == (20 + 5 + 3 + 1, 2)
    assert plan.found == {
        "altered": 1, "conflict": 1, "converted": 1, "exported": 1, "path_too_long": 1, "renamed": 1, "too_large": 1,
        "unsupported": 1,
    }  # fmt: skip
    assert (plan.used, plan.limit, plan.fits, plan.sharing_lost) == (90, 100, False, True)
    told = {(one["code"], one["path"]): one["name"] for one in found}
    assert told["renamed", "a:b"] == "a‛：b"
    assert told["exported", "a:b/Plan"] == "Plan.docx"
    assert told["converted", "a:b/Lesson.docx"] == "Lesson"
    assert ("too_large", "a:b/large.bin") in told
    assert house.right.tree() == {"a‛：b": {}}
    assert house.trip.calls["make_folder"] == house.trip.calls["begin"] == house.trip.calls["trash"] == 0
    view, _ = await house.jobs.items(SCHOOL, PERSON, job)
    assert view == [], "its steps are no items of a person"


async def test_a_move_inside_a_drive_needs_no_room_and_loses_no_sharing(house: House) -> None:
    order = house.order("move", mixed(house), to=house.left.folder("top", "To"))
    order = replace(order, destination=replace(order.destination, drive="left"))
    _, plan, _ = await planned(house, order)
    assert (plan.items["folder"], plan.fits, plan.sharing_lost, plan.found) == (1, True, False, {})


async def test_a_large_folder_is_summed_up_whole_and_told_in_part(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "MOST_FINDINGS", 5)
    top = house.left.folder("top", "Many")
    for number in range(20):
        house.left.put(top, f"what {number}?.txt", b"x")
    _, plan, found = await planned(house, house.order("copy", top))
    assert (plan.items["file"], plan.found, len(found)) == (20, {"renamed": 20}, 5)


async def test_a_listing_that_failed_makes_the_plan_incomplete(house: House) -> None:
    top = house.left.folder("top", "Class")
    house.trip.fail("children", 2, NotFound)
    _, plan, _ = await planned(house, house.order("copy", top))
    assert plan.complete is False


async def test_a_transfer_confirms_the_plan_of_its_own_order(house: House) -> None:
    file, other = house.left.put("top", "a.txt", b"a"), house.left.put("top", "b.txt", b"b")
    job, _, _ = await planned(house, house.order("copy", file))
    for order, plan in ((house.order("copy", other), job), (house.order("copy", file), "0" * 32)):
        with pytest.raises(OrderRefused) as refused:
            await house.transfers.create(order, plan)
        assert refused.value.code == "preflight_unfit"
    async with house.working():
        await house.ended(await house.transfers.create(house.order("copy", file), job))
    assert house.right.tree() == {"a.txt": b"a"}


async def test_a_plan_ends_after_a_day(house: House) -> None:
    file = house.left.put("top", "a.txt", b"a")
    job, _, _ = await planned(house, house.order("copy", file))
    assert await house.jobs.sweep(10) == 0
    async with house.database.write() as tx:
        await tx.exec_driver_sql(f"UPDATE jobs SET ended = ended - {PLAN_KEPT_MS + 1000}")
    assert await house.jobs.sweep(10) == 1
    assert await house.jobs.get(SCHOOL, PERSON, job) is None


async def test_who_looks_again_and_again_has_nothing_summed_up_twice(house: House) -> None:
    job, plan, _ = await planned(house, house.order("copy", mixed(house)))
    asked, real, clock = list[str](), house.jobs.steps, Clock()

    async def steps(*what: object) -> object:
        asked.append("steps")
        clock.now += 2
        return await real(*what)  # type: ignore[arg-type]  # as it was called

    house.jobs.steps = steps  # type: ignore[method-assign, assignment]  # counts
    view = await house.jobs.get(SCHOOL, PERSON, job)
    assert view is not None
    sums = Sums(house.jobs, clock)
    assert [await sums.of(SCHOOL, PERSON, view) for _ in range(3)] == [await sums.of(SCHOOL, PERSON, view)] * 3
    assert ((await sums.of(SCHOOL, PERSON, view))["bytes"], len(asked)) == (plan.bytes, 1)
    under_way = replace(view, ended=None)
    for at, count in ((0.0, 2), (19.9, 2), (0.2, 3)):
        clock.now += at
        await sums.of(SCHOOL, PERSON, under_way)
        assert len(asked) == count
