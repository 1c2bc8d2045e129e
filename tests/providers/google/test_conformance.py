"""Google Drive does what every drive must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance import Conformance, Copying, Filling, Restoring, Searching, Spanning
from tests.providers.google.conftest import Open


class TestGoogle(Conformance, Copying, Filling, Restoring, Searching, Spanning):
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
