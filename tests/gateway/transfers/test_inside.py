"""Copies and moves inside one account: the drive copies, not a byte passes through, and nothing is made twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Conflict, Order
from providers.drive import Kind, Ref
from providers.errors import Offline, Refused
from tests.gateway.transfers.copyingdrive import CopyingDrive
from tests.gateway.transfers.filedrive import LOOSE, STRICT, body
from tests.gateway.transfers.support import House, Mode, open_house, order

pytestmark = pytest.mark.both


@pytest.fixture(params=["unique names", "any names"])
async def house(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> AsyncIterator[House]:
    traits = STRICT if request.param == "unique names" else LOOSE
    async with open_house(database, tmp_path, kind=CopyingDrive, right=traits) as opened:
        yield opened


def within(mode: Mode, *items: str, to: str, conflict: Conflict = Conflict.RENAME) -> Order:
    """Items of the right drive into a folder of the same."""
    return order(mode, "right", [Ref("", item) for item in items], "right", Ref("", to), conflict)


def school(house: House) -> str:
    """A folder with a file, a document and a folder in it."""
    top = house.right.folder("top", "Class")
    house.right.put(top, "a.txt", body("a", 5000))
    house.right.put(top, "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    house.right.put(house.right.folder(top, "Inner"), "b.txt", b"b")
    return top


CLASS = {"a.txt": body("a", 5000), "Plan": b"plan", "Inner": {"b.txt": b"b"}}


async def test_a_tree_is_copied_by_the_drive_itself(house: House) -> None:
    top, to = school(house), house.right.folder("top", "Copies")
    view, report = await house.do(within("copy", top, to=to))
    assert house.right.tree() == {"Class": CLASS, "Copies": {"Class": CLASS}}
    assert (view.state, view.counts.copied, view.counts.found) == (JobState.DONE, 5, 5)
    assert report["Class/Plan"].renamed_to is None, "a document stays a document"
    assert (house.trip.calls["copy"], house.trip.calls["begin"], house.trip.calls["read"]) == (3, 0, 0)
    again, _ = await house.do(within("copy", top, to=to))
    assert house.right.tree() == {"Class": CLASS, "Copies": {"Class": CLASS}}, "the same again makes nothing twice"
    assert (again.counts.failed, again.counts.skipped) == (0, 3)


async def test_a_document_is_exported_only_on_request(house: House) -> None:
    top, to = school(house), house.right.folder("top", "Copies")
    await house.do(replace(within("copy", top, to=to), exports={"application/doc": "office"}))
    assert set(house.right.tree(to)["Class"]) == {"a.txt", "Plan.docx", "Inner"}


async def test_a_copy_beside_itself_takes_a_number_each_time(house: House) -> None:
    file = house.right.put("top", "sheet.txt", b"sheet")
    for _ in range(2):
        await house.do(within("copy", file, to="top"))
    assert set(house.right.tree()) == {"sheet.txt", "sheet (2).txt", "sheet (3).txt"}


async def test_a_copy_whose_answer_was_lost_is_found_again(house: House) -> None:
    top, to = school(house), house.right.folder("top", "Copies")
    for nth in (1, 2, 3):
        house.trip.fail("copy", nth, Offline, after=True)
    view, _ = await house.do(within("copy", top, to=to))
    assert house.right.tree() == {"Class": CLASS, "Copies": {"Class": CLASS}}
    assert (view.counts.copied, house.trip.calls["copy"]) == (5, 3)


async def test_a_source_that_changed_is_copied_as_it_is_now(house: House) -> None:
    file, to = house.right.put("top", "a.txt", b"first"), house.right.folder("top", "Copies")
    made = await house.transfers.check(within("copy", file, to=to))
    house.right.change(file, b"second")
    async with house.database.write() as tx:
        job = await house.transfers.store(tx, within("copy", file, to=to), made)
    async with house.working():
        await house.ended(job)
    assert house.right.tree(to) == {"a.txt": b"second"}


async def test_a_copy_that_is_not_equal_is_taken_away(house: House) -> None:
    file, to = house.right.put("top", "a.txt", b"right"), house.right.folder("top", "Copies")
    other = house.right.put("top", "b.txt", b"wrong")
    honest = house.right.copy  # type: ignore[attr-defined]  # these drives copy

    async def lying(ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> object:  # noqa: A002
        return await honest(Ref("", other), parent, name, id=id)

    house.right.copy = lying  # type: ignore[attr-defined]  # as above
    view, report = await house.do(within("copy", file, to=to))
    assert (view.state, report["a.txt"].reason) == (JobState.FAILED, "unverified")
    assert house.right.tree(to) == {}


async def test_what_may_not_be_moved_across_is_copied_and_only_then_trashed(house: House) -> None:
    top, to = school(house), house.right.folder("top", "Shared drive")
    file = house.right.put("top", "single.txt", b"single")
    house.right.foreign.add(to)  # type: ignore[attr-defined]  # these drives have such folders
    view, report = await house.do(within("move", top, file, to=to))
    assert house.right.tree() == {"Shared drive": {"Class": CLASS, "single.txt": b"single"}}
    assert (view.state, view.counts.copied, view.counts.found) == (JobState.DONE, 6, 6)
    assert house.right.trashed() == sorted(["Class", "a.txt", "Plan", "Inner", "b.txt", "single.txt"])
    assert (report["Class"].reason, report["single.txt"].reason) == ("across_own", "across_own")
    assert "belongs to you" in (report["single.txt"].advice or "")
    assert house.trip.calls["begin"] == 0


async def test_another_refusal_is_no_reason_to_copy(house: House) -> None:
    file, to = house.right.put("top", "a.txt", b"a"), house.right.folder("top", "To")
    house.trip.fail("relocate", 1, lambda: Refused(reason="insufficientFilePermissions"))
    _, report = await house.do(within("move", file, to=to))
    assert (report["a.txt"].state, report["a.txt"].reason) == (ItemState.FAILED, "refused")
    assert (house.right.tree(to), house.trip.calls["copy"]) == ({}, 0)


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.REPLACE])
async def test_a_moved_folder_goes_on_in_the_one_that_is_there(house: House, conflict: Conflict) -> None:
    top, to = school(house), house.right.folder("top", "Archive")
    there = house.right.folder(to, "Class")
    house.right.put(there, "a.txt", b"older")
    house.right.put(there, "kept.txt", b"kept")
    view, report = await house.do(within("move", top, to=to, conflict=conflict))
    merged = house.right.tree(to)["Class"]
    assert (merged["kept.txt"], merged["Plan"], merged["Inner"]) == (b"kept", b"plan", {"b.txt": b"b"})
    if conflict is Conflict.SKIP:
        assert (merged["a.txt"], report["Class/a.txt"].reason) == (b"older", "name_taken")
        assert house.right.tree()["Class"] == {"a.txt": body("a", 5000)}
        assert (view.counts.failed, view.counts.copied) == (1, 3)
    else:
        assert merged["a.txt"] == body("a", 5000)
        assert report["Class/a.txt"].reason == "replaced"
        assert set(house.right.tree()) == {"Archive"}
        assert (view.counts.failed, view.counts.copied) == (0, 4)
