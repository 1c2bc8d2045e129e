"""OneDrive does what every drive must do, at a school and at home."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance import Conformance, Copying, Filling
from tests.providers.onedrive.conftest import HOME, TEACHER, Open


class TestSchool(Conformance, Copying, Filling):
    """Against the stand-in, a business drive."""

    user = TEACHER

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    def drive(self, open_drive: Open, page_size: int) -> Drive:
        return open_drive(self.user, page_size=page_size)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return lambda: open_drive(self.user)


class TestHome(TestSchool):
    """Against the stand-in, a personal drive: other ids, other tags, more hashes."""

    user = HOME
