"""The order, and each page of a listing, is one entry of the ledger, stored with its items before anything is made."""

from __future__ import annotations

import json
from typing import Any

from gateway.jobs.model import JobState
from providers.drive import Ref
from tests.gateway.transfers.filedrive import body
from tests.gateway.transfers.support import House, order


def leaves(house: House) -> list[Any]:
    """What the covers were told of: kind, mode, source drive, item's id, destination drive, step, name."""
    told = [json.loads(leaf) for leaf in house.drives.leaves]
    assert {leaf[0] for leaf in told} == {1}
    return [[*leaf[1:4], Ref.parse(leaf[4]).id, *leaf[5:]] for leaf in told]


async def test_each_item_of_a_page_is_a_leaf_and_files_are_written_under_the_cover(house: House) -> None:
    top = house.left.folder("top", "Year")
    files = [house.left.put(top, f"{n}.txt", body(f"{n}", 50)) for n in range(5)]
    inner = house.left.folder(top, "Inner")
    view, _ = await house.do(house.order("copy", top))
    assert (view.state, view.counts.copied) == (JobState.DONE, 7)
    ordered, *found = leaves(house)
    assert ordered == ["folder", "copy", "left", top, "right", None, "Year"]
    assert sorted(leaf[3] for leaf in found) == sorted([*files, inner])
    assert {tuple(leaf[1:3]) for leaf in found} == {("copy", "left")}
    assert {leaf[5] for leaf in found} - {None}, "each names the folder step that it belongs to"
    assert sorted(leaf[6] for leaf in found) == [*(f"{n}.txt" for n in range(5)), "Inner"]
    first, *pages = [action for action, _ in house.drives.covers]
    assert (first, set(pages)) == ("transfer.ordered", {"transfer.batch"})
    assert house.drives.covered == 5, "the folders have entries of their own beside it"


async def test_what_a_person_chose_is_covered_by_the_order(house: House) -> None:
    files = [house.left.put("top", f"{n}.txt", body(f"{n}", 50)) for n in range(3)]
    view, _ = await house.do(house.order("copy", *files))
    assert view.counts.copied == 3
    assert sorted(leaf[3] for leaf in leaves(house)) == sorted(files)
    assert ([action for action, _ in house.drives.covers], house.drives.covered) == (["transfer.ordered"], 3)


async def test_an_order_that_makes_nothing_is_told_too(house: House) -> None:
    moved = house.left.put("top", "one.txt", body("one", 50))
    folder = house.left.folder("top", "Folder")
    view, _ = await house.do(order("move", "left", [Ref("", moved)], "left", Ref("", folder)))
    assert view.counts.copied == 1
    assert [leaf[0] for leaf in leaves(house)] == ["relocate"]
    assert house.drives.covered == 0, "moving has an entry of its own"
