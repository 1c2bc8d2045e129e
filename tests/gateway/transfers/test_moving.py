"""Moves: nothing is removed before it is proven to have arrived, and never because a listing failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Source, scan
from providers.drive import Kind, Page, Ref
from providers.errors import NotFound, Offline, Refused
from tests.gateway.transfers.filedrive import UNIT, Trip, body
from tests.gateway.transfers.support import House

pytestmark = pytest.mark.both


async def test_a_moved_tree_leaves_nothing_behind(house: House) -> None:
    top = house.left.folder("top", "Year 7")
    inner = house.left.folder(top, "Maths")
    house.left.folder(inner, "Empty")
    data = body("sheet", 3 * UNIT + 1)
    house.left.put(inner, "sheet.bin", data)
    house.left.put(top, "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    house.left.put("top", "stays.txt", b"not chosen")
    view, _ = await house.do(house.order("move", top))
    assert view.state is JobState.DONE
    assert (view.counts.found, view.counts.copied) == (5, 5)
    assert house.left.tree() == {"stays.txt": b"not chosen"}
    assert house.left.trashed() == sorted(["Year 7", "Maths", "Empty", "sheet.bin", "Plan"])
    year = house.right.tree()["Year 7"]
    assert year["Maths"] == {"Empty": {}, "sheet.bin": data}
    assert year["Plan.docx"].endswith(b"plan")


async def test_a_folder_keeps_what_could_not_be_moved(house: House) -> None:
    top = house.left.folder("top", "Mixed")
    house.left.put(house.left.folder(top, "Whole"), "a.txt", b"a")
    house.left.put(house.left.folder(top, "Held"), "Link", kind=Kind.SHORTCUT)
    view, report = await house.do(house.order("move", top))
    assert house.left.tree() == {"Mixed": {"Held": {"Link": b""}}}
    assert report["Mixed/Held/Link"].state is ItemState.UNSUPPORTED
    assert (view.counts.found, view.counts.copied, view.counts.unsupported) == (5, 4, 1)


async def test_a_listing_error_never_empties_a_folder(house: House) -> None:
    top = house.left.folder("top", "Big")
    for number in range(7):
        house.left.put(top, f"{number}.txt", b"x")
    house.left.trip = Trip()
    for nth in range(2, 50):  # the first page is listed, nothing after it
        house.left.trip.fail("children", nth, NotFound)
    view, report = await house.do(house.order("move", top))
    assert "Big" not in house.left.trashed()
    assert len(house.left.tree()["Big"]) == 4
    assert house.left.trashed() == ["0.txt", "1.txt", "2.txt"]
    assert view.counts.failed == 1
    assert [item.reason for item in report.values() if item.state is ItemState.FAILED] == ["not_found"]


async def test_an_incomplete_listing_is_said_and_empties_nothing(house: House) -> None:
    top = house.left.folder("top", "Shared")
    house.left.put(top, "seen.txt", b"x")
    house.left.incomplete.add(top)
    view, _ = await house.do(house.order("move", top))
    items, _ = await house.jobs.items("school-one", "person-one", view.id)
    assert "incomplete_listing" in {item.reason for item in items}
    assert house.left.trashed() == ["seen.txt"]
    assert view.counts.failed == 1


async def test_a_listing_without_an_end_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    top = house.left.folder("top", "Circle")
    house.left.put(top, "seen.txt", b"x")
    honest, asked = house.left.children, 0

    async def circling(ref: Ref, cursor: str | None = None) -> Page:
        nonlocal asked
        asked += 1
        return replace(await honest(ref), cursor="b" if cursor == "a" else "a")

    monkeypatch.setattr(house.left, "children", circling)
    monkeypatch.setattr(scan, "MOST_PAGES", 20)
    view, _ = await house.do(house.order("move", top))
    items, _ = await house.jobs.items("school-one", "person-one", view.id)
    assert "incomplete_listing" in {item.reason for item in items}
    assert house.right.tree() == {"Circle": {"seen.txt": b"x"}}, "what was seen is there once"
    assert "Circle" not in house.left.trashed()
    assert asked == 20


async def test_what_the_provider_alters_keeps_its_original(house: House) -> None:
    essay = house.left.put("top", "essay.doc", b"words", media_type="application/msword")
    view, report = await house.do(house.order("move", essay))
    assert house.right.tree() == {"essay.doc": b"words stamped by the provider"}
    assert house.left.tree() == {"essay.doc": b"words"}
    assert (report["essay.doc"].state, report["essay.doc"].reason) == (ItemState.COPIED, "altered_kept")
    assert view.counts.copied == 1


async def test_what_arrives_broken_is_taken_away_and_keeps_its_original(house: House) -> None:
    file = house.left.put("top", "sum.bin", body("sum", UNIT))
    real = house.right._entry

    def lies(row: object) -> object:
        entry = real(row)  # type: ignore[arg-type]  # a row as the drive itself has it
        return replace(entry, hashes={"quickxor": b"0" * 20}) if entry.kind is Kind.FILE else entry

    house.right._entry = lies  # type: ignore[method-assign, assignment]  # the provider stores something else
    view, report = await house.do(house.order("move", file))
    assert house.right.tree() == {}
    assert house.left.tree() == {"sum.bin": body("sum", UNIT)}
    assert (view.state, report["sum.bin"].reason) == (JobState.FAILED, "unverified")


async def test_a_source_that_cannot_be_trashed_is_reported(house: House) -> None:
    file = house.left.put("top", "owned.txt", b"by somebody else")
    for nth in range(1, 9):
        house.trip.fail("trash", nth, Refused)
    view, report = await house.do(house.order("move", file))
    assert (report["owned.txt"].state, report["owned.txt"].reason) == (ItemState.COPIED, "source_kept")
    assert house.left.tree() == house.right.tree() == {"owned.txt": b"by somebody else"}
    assert view.state is JobState.DONE


async def test_a_move_inside_one_drive_copies_nothing(house: House) -> None:
    to = house.right.folder("top", "Archive")
    file = house.right.put("top", "a.txt", b"a")
    house.right.put(to, "A.txt", b"other")
    order = replace(house.order("move", to=to), sources=[Source("right", str(Ref("", file)))])
    house.trip.fail("relocate", 1, Offline)
    view, report = await house.do(order)
    assert house.right.tree() == {"Archive": {"A.txt": b"other", "a (2).txt": b"a"}}
    assert report["a.txt"].renamed_to == "a (2).txt"
    assert house.trip.calls["begin"] == 0
    again, _ = await house.do(order)
    assert (view.counts.copied, again.counts.skipped) == (1, 1)


async def test_pages_that_shift_while_files_leave_lose_nothing(house: House) -> None:
    top = house.left.folder("top", "Long")
    for number in range(14):
        house.left.put(top, f"{number}.txt", b"x")
    view, _ = await house.do(house.order("move", top))
    assert view.counts.found == view.counts.copied == 15
    assert house.left.tree() == {}
    assert len(house.right.tree()["Long"]) == 14
