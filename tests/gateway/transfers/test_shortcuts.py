"""Shortcuts in a transferred tree: what they point to arrives, is never moved, never doubled, never goes in circles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Source
from providers.drive import Kind, Ref
from tests.gateway.transfers.support import House

pytestmark = pytest.mark.both


async def test_what_shortcuts_point_to_is_copied(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    shared = left.folder("top", "Shared with me")
    left.shortcut(top, "Sheet", left.put(shared, "sheet.txt", b"sheet"))
    left.shortcut(top, "Plan", left.put(shared, "Plan of all", b"plan", Kind.DOCUMENT, "application/doc"))
    folder = left.folder("top", "Foreign")
    left.put(left.folder(folder, "Inner"), "in.txt", b"in")
    left.shortcut(top, "Materials", folder)
    view, report = await house.do(house.order("copy", top))
    made = house.right.tree()["Class"]
    assert (made["Sheet"], made["Materials"]) == (b"sheet", {"Inner": {"in.txt": b"in"}})
    assert made["Plan.docx"].endswith(b"plan")
    assert (view.state, view.counts.found, view.counts.copied) == (JobState.DONE, 6, 6)
    assert report["Class/Materials/Inner/in.txt"].state is ItemState.COPIED


async def test_a_move_takes_the_shortcut_and_leaves_what_it_points_to(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    foreign = left.folder("top", "Foreign")
    left.put(foreign, "in.txt", b"in")
    left.shortcut(top, "Sheet", left.put("top", "sheet.txt", b"sheet"))
    left.shortcut(top, "Materials", foreign)
    _, report = await house.do(house.order("move", top))
    assert house.right.tree() == {"Class": {"Sheet": b"sheet", "Materials": {"in.txt": b"in"}}}
    assert left.trashed() == ["Sheet"]
    assert (left.tree(foreign), left.tree()["sheet.txt"]) == ({"in.txt": b"in"}, b"sheet")
    assert report["Class/Materials"].reason == "shortcut_kept"


async def test_a_shortcut_into_the_same_tree_doubles_nothing(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    inner = left.folder(top, "Inner")
    left.shortcut(top, "To a file", left.put(inner, "in.txt", b"in"))
    left.shortcut(inner, "To the top", top)
    view, report = await house.do(house.order("copy", top))
    assert house.right.tree() == {"Class": {"Inner": {"in.txt": b"in"}}}
    assert {report[f"Class/{path}"].reason for path in ("To a file", "Inner/To the top")} == {"shortcut_inside"}
    assert (view.counts.found, view.counts.copied, view.counts.skipped) == (5, 3, 2)


async def test_circles_of_foreign_folders_end(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    one, two = left.folder("top", "One"), left.folder("top", "Two")
    left.put(one, "1.txt", b"1")
    left.put(two, "2.txt", b"2")
    left.shortcut(one, "Two", two)
    left.shortcut(two, "One", one)
    left.shortcut(two, "Class", top)
    left.shortcut(top, "One", one)
    view, report = await house.do(house.order("copy", top))
    assert house.right.tree() == {"Class": {"One": {"1.txt": b"1", "Two": {"2.txt": b"2"}}}}
    assert report["Class/One/Two/One"].reason == report["Class/One/Two/Class"].reason == "shortcut_inside"
    assert view.counts.found == view.counts.copied + view.counts.skipped == 7


async def test_a_foreign_folder_is_followed_once(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    shared = left.folder("top", "Shared")
    left.put(shared, "in.txt", b"in")
    for name in ("First", "Second"):
        left.shortcut(left.folder(top, f"In {name}"), name, shared)
    async with house.working(slots=1):
        job = await house.transfers.create(house.order("copy", top))
        await house.ended(job)
    report = await house.report(job)
    assert [item.reason for item in report.values() if item.state is ItemState.SKIPPED] == ["shortcut_again"]
    assert str(house.right.tree()).count("in.txt") == 1


@pytest.mark.parametrize("far", ["itself", "above"])
async def test_a_shortcut_to_where_it_all_goes_is_not_followed(house: House, far: str) -> None:
    """It would copy the copy, and that one's copy."""
    left, materials = house.left, house.left.folder("top", "Materials")
    archive = left.folder(materials, "Archive")
    top = left.folder("top", "Class")
    left.put(top, "a.txt", b"a")
    left.shortcut(top, "Our materials", archive if far == "itself" else materials)
    wanted = house.order("copy", top)
    wanted = replace(wanted, destination=Source("left", str(Ref("", archive))))
    view, report = await house.do(wanted)
    assert left.tree(archive) == {"Class": {"a.txt": b"a"}}
    told = report["Class/Our materials"]
    assert (told.state, told.reason) == (ItemState.SKIPPED, "shortcut_around")
    assert told.advice is not None
    assert (view.counts.found, view.counts.copied, view.counts.skipped) == (3, 2, 1)


async def test_dangling_shortcuts_are_told(house: House) -> None:
    left, top = house.left, house.left.folder("top", "Class")
    gone, trashed = left.put("top", "gone"), left.put("top", "trashed")
    for name, target in (("Gone", gone), ("Trashed", trashed)):
        left.shortcut(top, name, target)
    itself = left.shortcut(top, "Itself", "later")
    left._db.execute("DELETE FROM items WHERE id=?", (gone,))
    left._db.execute("UPDATE items SET trashed=1 WHERE id=?", (trashed,))
    left._db.execute("UPDATE items SET target=(SELECT target FROM items WHERE name='Itself') WHERE id=?", (itself,))
    view, report = await house.do(house.order("move", top))
    kept = [report[f"Class/{name}"] for name in ("Gone", "Trashed", "Itself")]
    assert {(item.state, item.reason) for item in kept} == {(ItemState.UNSUPPORTED, "shortcut_dangling")}
    assert all(item.advice for item in kept)
    assert (view.counts.unsupported, left.trashed()) == (3, ["trashed"])


async def test_a_notebook_is_never_taken_along_or_away(house: House) -> None:
    top = house.left.folder("top", "Class")
    house.left.put(top, "Notes", kind=Kind.PACKAGE)
    house.left.put(top, "a.txt", b"a")
    house.left.shortcut(top, "Link", house.left.put("top", "Other notes", kind=Kind.PACKAGE))
    view, report = await house.do(house.order("move", top))
    assert {report[f"Class/{name}"].reason for name in ("Notes", "Link")} == {"unsupported"}
    assert set(house.left.tree()["Class"]) == {"Notes", "Link"}
    assert (view.counts.copied, view.counts.unsupported) == (2, 2)
