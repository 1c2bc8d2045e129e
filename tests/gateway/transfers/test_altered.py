"""Files that the provider changes as it stores them: their contents are compared, and the original always stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState
from gateway.transfers import Conflict
from providers.drive import Traits
from providers.errors import Busy, Refused
from tests.gateway.transfers.filedrive import STRICT, FileDrive
from tests.gateway.transfers.support import House, Mode, open_house
from tests.gateway.transfers.test_members import LESSON, packed

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
STAMPING = Traits(**{**{name: getattr(STRICT, name) for name in STRICT.__slots__}, "rewrites": frozenset({WORD})})


def stamped(house: House, **change: bytes) -> None:
    """The right drive packs documents anew, with a property of its own, and whatever else is said."""
    more = {name.replace("__", "/").replace("_dot_", "."): data for name, data in change.items()}

    def rewritten(blob: Path, media_type: str) -> Path:
        if media_type in STAMPING.rewrites:
            blob.write_bytes(packed({**LESSON, "docProps/custom.xml": b"<library/>", **more}, 0))
        return blob

    house.right._rewritten = rewritten  # type: ignore[method-assign]  # what the provider does on its own


@pytest.mark.parametrize(("mode", "reason"), [("copy", "altered_equal"), ("move", "altered_equal_kept")])
async def test_equal_members_are_told_and_the_original_stays(
    database: Database, tmp_path: Path, mode: Mode, reason: str
) -> None:
    async with open_house(database, tmp_path, right=STAMPING) as house:
        stamped(house)
        file = house.left.put("top", "Lesson.docx", packed(LESSON), media_type=WORD)
        _, report = await house.do(house.order(mode, file))
        assert (report["Lesson.docx"].state, report["Lesson.docx"].reason) == (ItemState.COPIED, reason)
        assert report["Lesson.docx"].advice
        assert list(house.left.tree()) == list(house.right.tree()) == ["Lesson.docx"]
        assert house.trip.calls["begin"] == 1, "it is never sent again on it"
        again, second = await house.do(house.order(mode, file, conflict=Conflict.RENAME))
        assert list(house.right.tree()) == ["Lesson.docx"], "the same order makes no second one"
        assert (second["Lesson.docx"].state, again.counts.copied) == (ItemState.SKIPPED, 0)
        assert house.left.trashed() == []


async def test_members_that_differ_are_unknown(database: Database, tmp_path: Path) -> None:
    async with open_house(database, tmp_path, right=STAMPING) as house:
        stamped(house, word__document_dot_xml=b"<w:document>other words</w:document>")
        file = house.left.put("top", "Lesson.docx", packed(LESSON), media_type=WORD)
        _, report = await house.do(house.order("move", file))
        assert report["Lesson.docx"].reason == "altered_kept"
        assert house.left.trashed() == []


async def test_what_is_no_zip_is_unknown(database: Database, tmp_path: Path) -> None:
    async with open_house(database, tmp_path, right=STAMPING) as house:
        stamped(house)
        file = house.left.put("top", "Lesson.docx", b"not a document at all", media_type=WORD)
        _, report = await house.do(house.order("move", file))
        assert report["Lesson.docx"].reason == "altered_kept"
        assert house.left.trashed() == []


async def test_a_copy_that_cannot_be_read_again_is_unknown(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(database, tmp_path, right=STAMPING) as house:
        stamped(house)

        def refused(self: FileDrive, *_: object, **__: object) -> object:
            raise Refused

        file = house.left.put("top", "Lesson.docx", packed(LESSON), media_type=WORD)
        monkeypatch.setattr(house.right, "read", refused.__get__(house.right))
        _, report = await house.do(house.order("move", file))
        assert report["Lesson.docx"].reason == "altered_kept"
        assert list(house.right.tree()) == ["Lesson.docx"]


async def test_a_throttled_comparison_goes_on_where_it_was(database: Database, tmp_path: Path) -> None:
    async with open_house(database, tmp_path, right=STAMPING) as house:
        stamped(house)
        file = house.left.put("top", "Lesson.docx", packed(LESSON), media_type=WORD)
        house.trip.fail("read", 2, lambda: Busy(retry_after=0.05))
        _, report = await house.do(house.order("move", file))
        assert report["Lesson.docx"].reason == "altered_equal_kept"
        assert (house.trip.calls["begin"], list(house.right.tree())) == (1, ["Lesson.docx"])
