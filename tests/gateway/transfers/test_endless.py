"""Drives that lead in circles, and folders in which one name is looked for: an end in any case, and little is held."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Conflict, plan
from gateway.transfers.access import everything_in
from gateway.transfers.survey import names_in
from providers.drive import Entry, Page, Ref
from tests.gateway.transfers.filedrive import LOOSE, FileDrive
from tests.gateway.transfers.generated import Generated, Shape
from tests.gateway.transfers.support import House, open_house
from tests.gateway.transfers.test_preflight import planned

HUGE = 100_000


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, tmp_path, left=LOOSE, right=LOOSE, kind=Generated) as opened:
        yield opened


def circling(drive: FileDrive, folder: str, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """From its first page on this folder leads A → B → A; the cursors that were asked for."""
    honest = drive.children
    asked = list[str | None]()

    async def children(ref: Ref, cursor: str | None = None) -> Page:
        if ref.id != folder:
            return await honest(ref, cursor)
        asked.append(cursor)
        assert len(asked) < 100, "for ever"
        return replace(await honest(ref), cursor="b" if cursor == "a" else "a")

    monkeypatch.setattr(drive, "children", children)
    return asked


@pytest.mark.both
async def test_a_plan_for_a_folder_that_leads_in_circles_ends_and_says_that_it_is_incomplete(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, there = house.left.folder("top", "Year"), house.right.folder("top", "Year")
    house.left.put(top, "sheet.txt", b"a")
    house.right.put(there, "sheet.txt", b"other")
    asked = circling(house.right, there, monkeypatch)
    _, told, found = await planned(house, house.order("copy", top, conflict=Conflict.SKIP))
    assert (told.state, told.complete) == (JobState.DONE, False)
    assert [one["path"] for one in found if one["code"] == "conflict"] == ["Year/sheet.txt"]
    assert len(asked) <= 9


async def test_a_circle_is_an_incomplete_listing_and_no_end_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = house.right.folder("top", "Year")
    file = house.right.put(there, "sheet.txt", b"a")
    circling(house.right, there, monkeypatch)
    found, whole = await everything_in(house.right, Ref("", there))
    assert ([one.ref.id for one in found], whole) == ([file], False)
    names, whole = await names_in(house.right, Ref("", there))
    assert (list(names), whole) == (["sheet.txt"], False)


async def test_a_move_into_a_folder_that_leads_in_circles_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a name is taken there cannot be known, and this drive would take a second of it."""
    there = house.right.folder("top", "Year")
    house.right.put(there, "sheet.txt", b"other")
    file = house.left.put("top", "sheet.txt", b"mine")
    circling(house.right, there, monkeypatch)
    _, report = await house.do(house.order("move", file, to=there))
    assert report["sheet.txt"].reason == "untrusted"
    assert house.left.tree() == {"sheet.txt": b"mine"}


async def test_folders_nested_without_an_end_are_followed_to_a_depth(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies deeper is told and stays, and with it the folders above it."""
    monkeypatch.setattr(plan, "DEEPEST", 5)
    top = at = house.left.folder("top", "0")
    for depth in range(1, 9):
        at = house.left.folder(at, str(depth))
    house.left.put(at, "deep.txt", b"deep")
    view, report = await house.do(house.order("move", top))
    assert (report["0/1/2/3/4/5"].state, report["0/1/2/3/4/5"].reason) == (ItemState.FAILED, "too_deep")
    assert house.right.tree() == {"0": {"1": {"2": {"3": {"4": {}}}}}}
    assert (view.counts.failed, house.left.trashed()) == (1, [])


async def test_of_a_hundred_thousand_only_those_of_the_name_are_held(house: House) -> None:
    drive = house.right
    assert isinstance(drive, Generated)
    drive.generate({"huge": Shape(HUGE)})
    before = sum(type(one) is Entry for one in gc.get_objects())
    found, whole = await everything_in(drive, Ref("", "huge/"), lambda one: one.name == "what 099999.txt")
    assert ([one.name for one in found], whole) == (["what 099999.txt"], True)
    assert drive.alive - before <= 3 * drive.large_page
