"""Destination folders of any size: known in bounded memory, and the same order again makes no duplicates."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.db.engine import Database
from gateway.jobs.turn import Turn
from gateway.transfers import Conflict, places
from gateway.transfers.places import Places
from providers.drive import Entry, Ref
from tests.gateway.transfers.filedrive import LOOSE
from tests.gateway.transfers.generated import Generated, Shape
from tests.gateway.transfers.support import House, open_house


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, tmp_path, left=LOOSE, right=LOOSE, kind=Generated) as opened:
        yield opened


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def turn() -> Turn:
    """As far as a place asks for one."""
    return cast("Turn", SimpleNamespace(item=SimpleNamespace(job="j", folder=None, spec={})))


def alive() -> int:
    return sum(type(one) is Entry for one in gc.get_objects())


async def test_a_folder_of_a_hundred_thousand_is_known_by_name_and_held_in_part(house: House) -> None:
    drive = house.right
    assert isinstance(drive, Generated)
    drive.generate({"huge": Shape(100_000)})
    asked = list[Ref]()

    async def stat(ref: Ref) -> Entry:
        asked.append(ref)
        return await drive_stat(ref)

    async def drive_stat(ref: Ref) -> Entry:
        number = int(ref.id.removeprefix("huge/"))
        page = await drive.children(Ref("", "huge/"), str(number))
        return page.entries[0]

    drive.stat = stat  # type: ignore[method-assign]  # made-up items have no row
    kept, parent, before = Places(house.jobs, Clock()), Ref("", "huge/"), alive()
    names = await kept.taken(drive, turn(), parent)
    gc.collect()
    assert len(names) == 100_000
    assert alive() - before <= places.MOST_WHOLE + drive.large_page
    for number, requests in ((5, 0), (99_999, 1)):
        asked.clear()
        found = await kept.there(drive, turn(), parent, f"what {number:06}.txt")
        assert found is not None
        assert (found.name, found.hashes["md5"]) == (f"what {number:06}.txt", number.to_bytes(16, "big"))
        assert len(asked) == requests


@pytest.mark.both
async def test_several_large_folders_push_each_other_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = house.right
    assert isinstance(drive, Generated)
    monkeypatch.setattr(places, "_MOST_ENTRIES", 5_000)
    shapes = {f"f{number}": Shape(2_000) for number in range(6)}
    drive.generate(shapes)
    kept, before = Places(house.jobs, Clock()), alive()
    for name in shapes:
        assert len(await kept.taken(drive, turn(), Ref("", f"{name}/"))) == 2_000
    gc.collect()
    assert alive() - before <= 5_000 + drive.large_page


@pytest.mark.both
@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.REPLACE, Conflict.RENAME])
async def test_the_same_order_again_makes_no_duplicates_where_folders_are_only_known_in_part(
    house: House, conflict: Conflict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST_WHOLE", 2)
    top = house.left.folder("top", "Year")
    for number in range(9):
        house.left.put(top, f"{number}.txt", f"{number}".encode() * 50)
    order = house.order("copy", top, conflict=conflict)
    await house.do(order)
    before: dict[str, Any] = house.right.tree()
    house.left.put(top, "new.txt", b"new")
    again, _ = await house.do(order)
    assert house.right.tree() == {"Year": {**before["Year"], "new.txt": b"new"}}
    assert (again.counts.failed, again.counts.skipped) == (0, 9)
