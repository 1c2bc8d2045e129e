"""Google Drive does what every drive must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from providers.google import GoogleDrive
from providers.verbs import CanCopy, HasQuota
from tests.conformance import Conformance
from tests.providers.google.conftest import Open


class TestGoogle(Conformance):
    """Against the stand-in."""

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    def drive(self, open_drive: Open, page_size: int) -> Drive:
        return open_drive(page_size=page_size)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return open_drive


def test_it_copies_and_tells_its_quota(drive: GoogleDrive) -> None:
    assert isinstance(drive, CanCopy)
    assert isinstance(drive, HasQuota)
