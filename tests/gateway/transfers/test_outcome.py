"""What a job says of itself at its end: as much stays at the source as it says, and 'all' means all."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.jobs import outcome
from gateway.jobs.model import JobView
from gateway.transfers import Conflict
from providers.drive import Kind
from providers.errors import Refused
from tests.gateway.transfers.filedrive import body
from tests.gateway.transfers.support import House

pytestmark = pytest.mark.both


def said(view: JobView) -> tuple[str | None, int | None]:
    return outcome.of(view.state, view.counts, view.kept), view.kept


def number(tree: dict[str, Any]) -> int:
    """How many items a tree has."""
    return sum(1 + (number(below) if isinstance(below, dict) else 0) for below in tree.values())


async def test_all_that_was_asked_for(house: House) -> None:
    top = house.left.folder("top", "Year")
    house.left.put(top, "a.txt", b"a")
    copied, _ = await house.do(house.order("copy", top))
    moved, _ = await house.do(house.order("move", top))
    assert said(copied) == said(moved) == ("all", 0)
    assert house.left.tree() == {}


async def test_done_before_is_all_as_well(house: House) -> None:
    file = house.left.put("top", "a.txt", body("a", 40))
    await house.do(house.order("copy", file))
    again, _ = await house.do(house.order("copy", file, conflict=Conflict.SKIP))
    assert (again.counts.skipped, *said(again)) == (1, "all", 0)


async def test_each_original_that_stays_is_counted_and_so_are_its_folders(house: House) -> None:
    top = house.left.folder("top", "Mixed")
    house.left.put(house.left.folder(top, "Whole"), "a.txt", b"a")
    house.left.put(house.left.folder(top, "Held"), "Link", kind=Kind.SHORTCUT)
    house.left.put(top, "essay.doc", b"words", media_type="application/msword")
    view, _ = await house.do(house.order("move", top))
    assert said(view) == ("with_problems", number(house.left.tree()))
    assert view.counts.unsupported == 1
    copied, _ = await house.do(house.order("copy", top))
    assert said(copied) == ("with_problems", 0), "a copy leaves every original, that is no news"


async def test_a_source_that_could_not_be_removed_is_no_success(house: House) -> None:
    file = house.left.put("top", "owned.txt", b"by somebody else")
    for nth in range(1, 9):
        house.trip.fail("trash", nth, Refused)
    view, _ = await house.do(house.order("move", file))
    assert (view.counts.copied, *said(view)) == (1, "with_problems", 1)


async def test_nothing_arrived(house: House) -> None:
    house.right.put("top", "a.txt", b"another")
    file = house.left.put("top", "a.txt", b"a")
    view, _ = await house.do(house.order("move", file, conflict=Conflict.FAIL))
    assert said(view) == ("nothing", 1)


async def test_what_is_not_known_yet_is_not_said(house: House) -> None:
    job = await house.transfers.create(house.order("move", house.left.put("top", "a.txt", b"a")))
    view = await house.jobs.get("school-one", "person-one", job)
    assert view is not None
    assert said(view) == (None, None)
