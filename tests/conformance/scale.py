"""children at scale: a huge folder lists completely, with nothing held between two pages, and trouble is no end.

Each page is asked of a drive object that knows nothing but the cursor, so what a listing needs is one page, however
large the folder is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from providers.drive import Drive, Page, Ref
from providers.errors import DriveError
from tests.conformance.base import Base, collected, everything

MOST = 1000
"""Entries of the largest page; a cursor has at most four times as many characters."""


class Scale(Base):
    """``crowded``: a folder of ``crowd`` children, in whose names the numbers 0 to ``crowd`` - 1 are the last digits.

    ``failing``: while it is entered, every listing fails; ``small``: a folder of several pages for it. All must be
    given; ``drive`` with its usual pages, a fixture to override where the others' are small.
    """

    @pytest.fixture
    def crowd(self) -> int:
        """How many there are."""
        return 100_000

    async def test_a_huge_folder_lists_completely(self, again: Callable[[], Drive], crowded: Ref, crowd: int) -> None:
        seen, cursor, pages = bytearray(crowd), None, 0
        ids = set[int]()
        while True:
            page = await again().children(crowded, cursor)
            _bounded(page)
            ids |= {hash(entry.ref) for entry in page.entries}
            for entry in page.entries:
                seen[_number(entry.name)] += 1
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
        assert seen == b"\1" * crowd, "each is there, and once"
        assert len(ids) == crowd
        assert pages >= crowd // MOST

    async def test_trouble_in_the_middle_is_no_end(
        self, drive: Drive, small: Ref, failing: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        whole = {entry.ref for entry in await everything(drive, small)}
        first = await drive.children(small)
        assert first.cursor is not None
        async with failing():
            with pytest.raises(DriveError):
                await drive.children(small, first.cursor)
            with pytest.raises(DriveError):
                await drive.children(small)
        found = list(first.entries) + await collected(lambda cursor: drive.children(small, cursor or first.cursor))
        assert {entry.ref for entry in found} == whole
        assert len(found) == len(whole)


def _bounded(page: Page) -> None:
    assert page.complete
    assert len(page.entries) <= MOST
    assert page.cursor is None or len(page.cursor) <= 4 * MOST


def _number(name: str) -> int:
    digits = re.findall(r"\d+", name)
    assert digits, "names hold their number"
    return int(digits[-1])
