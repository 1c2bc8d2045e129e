"""What a listing finds is covered by one entry of the ledger, stored with it, before anything is made."""

from __future__ import annotations

import json

from gateway.jobs.model import JobState
from providers.drive import Ref
from tests.gateway.transfers.filedrive import body
from tests.gateway.transfers.support import House


async def test_each_file_of_a_page_is_a_leaf_and_is_written_under_the_cover(house: House) -> None:
    top = house.left.folder("top", "Year")
    files = [house.left.put(top, f"{n}.txt", body(f"{n}", 50)) for n in range(5)]
    house.left.folder(top, "Inner")
    view, _ = await house.do(house.order("copy", top))
    assert (view.state, view.counts.copied) == (JobState.DONE, 7)
    leaves = [json.loads(leaf) for leaf in house.drives.leaves]
    assert sorted(Ref.parse(leaf[2]).id for leaf in leaves) == sorted(files)
    assert {(leaf[0], leaf[1], leaf[3]) for leaf in leaves} == {("copy", "left", "right")}
    assert sorted(leaf[5] for leaf in leaves) == [f"{n}.txt" for n in range(5)]
    assert house.drives.covered == 5, "the folders have entries of their own"


async def test_what_a_person_chose_itself_has_an_entry_of_its_own(house: House) -> None:
    one = house.left.put("top", "one.txt", body("one", 50))
    view, _ = await house.do(house.order("copy", one))
    assert view.counts.copied == 1
    assert (house.drives.leaves, house.drives.covered) == ([], 0)
