"""Near misses: what looks like the copy and is not, so that no original goes and nothing of anybody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState
from gateway.transfers import Conflict
from providers.drive import Entry, Kind, Ref
from providers.errors import Offline
from tests.gateway.transfers.copyingdrive import CopyingDrive
from tests.gateway.transfers.filedrive import LOOSE, STRICT
from tests.gateway.transfers.support import House, open_house, order


@pytest.fixture(params=["unique names", "any names"])
async def inside(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose right drive copies inside itself."""
    traits = STRICT if request.param == "unique names" else LOOSE
    async with open_house(database, tmp_path, kind=CopyingDrive, right=traits) as opened:
        yield opened


@pytest.mark.parametrize("conflict", Conflict)
async def test_a_file_is_not_its_own_copy_through_another_connection(house: House, conflict: Conflict) -> None:
    """Two accounts see one shared folder, and the drive says only at the end of an upload that the name is taken."""
    file = house.right.put("top", "a.txt", b"the only one")
    house.drives.drives = {"left": house.right, "right": house.right}
    look = house.right._see_free
    house.right._see_free = lambda parent, name, *, last=False: look(parent, name, last=True) if last else None  # type: ignore[method-assign]  # as Graph does
    _, report = await house.do(order("move", "left", [Ref("", file)], "right", Ref("", "top"), conflict))
    assert b"the only one" in house.right.tree().values()
    assert house.right.trashed() == []
    assert (report["a.txt"].state, report["a.txt"].reason) == (ItemState.SKIPPED, "already_there")


async def test_two_of_one_name_in_one_order_do_not_replace_each_other(inside: House) -> None:
    one = inside.right.put(inside.right.folder("top", "Monday"), "notes.txt", b"monday")
    two = inside.right.put(inside.right.folder("top", "Friday"), "notes.txt", b"friday")
    far, to = inside.left.put("top", "notes.txt", b"from afar"), inside.right.folder("top", "To")
    wanted = order("move", "right", [Ref("", one), Ref("", two)], "right", Ref("", to), Conflict.REPLACE)
    more = order("move", "left", [Ref("", far)], "right", Ref("", to)).sources
    wanted = replace(wanted, sources=[*wanted.sources, *more])
    await inside.do(wanted)
    left = {**inside.right.tree(), **inside.left.tree()}
    assert sorted(_contents(left)) == [b"friday", b"from afar", b"monday"]


def _contents(tree: dict[str, Any]) -> list[bytes]:
    found: list[bytes] = []
    for inner in tree.values():
        found += _contents(inner) if isinstance(inner, dict) else [inner]
    return found


async def _copy_while_somebody_else_is_quicker(house: House, to: str, body: bytes, kind: Kind, media_type: str) -> None:
    """The first request to copy is lost, and meanwhile somebody else's item has come to stand there."""
    real = house.right.copy  # type: ignore[attr-defined]  # these drives copy

    async def lost(ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        house.right.copy = real  # type: ignore[attr-defined]  # as above
        house.right.put(to, name, body, kind, media_type)
        raise Offline

    house.right.copy = lost  # type: ignore[attr-defined]  # as above


async def test_a_document_of_somebody_else_is_no_proof_of_a_copy(inside: House) -> None:
    plan = inside.right.put("top", "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    to = inside.right.folder("top", "Shared drive")
    inside.right.foreign.add(to)  # type: ignore[attr-defined]  # these drives have such folders
    await _copy_while_somebody_else_is_quicker(inside, to, b"of a pupil", Kind.DOCUMENT, "application/doc")
    _, report = await inside.do(order("move", "right", [Ref("", plan)], "right", Ref("", to)))
    assert inside.right.tree()["Plan"] == b"plan"
    assert report["Plan"].reason == "same_kept"


async def test_a_file_of_somebody_else_is_not_taken_away(inside: House) -> None:
    file, to = inside.right.put("top", "a.txt", b"mine"), inside.right.folder("top", "Copies")
    await _copy_while_somebody_else_is_quicker(inside, to, b"hers", Kind.FILE, "text/plain")
    await inside.do(order("copy", "right", [Ref("", file)], "right", Ref("", to)))
    assert inside.right.trashed() == []
    assert inside.right.tree(to) == {"a.txt": b"hers", "a (2).txt": b"mine"}


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.RENAME, Conflict.REPLACE])
@pytest.mark.parametrize("late", [False, True])
async def test_a_picture_turned_upside_down_is_no_copy(
    database: Database, tmp_path: Path, conflict: Conflict, late: bool
) -> None:
    """Rows of 160 bytes in another order: quickXorHash and size are the same, and so is the name."""
    rows = [bytes([number]) * 160 for number in range(20)]
    picture, turned = b"".join(rows), b"".join(reversed(rows))
    async with open_house(database, tmp_path, left=STRICT, right=STRICT) as house:
        file = house.left.put("top", "flag.bmp", picture)
        house.right.put("top", "flag.bmp", turned)
        look = house.right._see_free
        if late:  # told at the end of the upload only, as Graph may
            house.right._see_free = lambda parent, name, *, last=False: look(parent, name, last=True) if last else None  # type: ignore[method-assign]
        await house.do(house.order("move", file, conflict=conflict))
        kept = [*house.left.tree().values(), *house.right.tree().values()]
        assert picture in kept
