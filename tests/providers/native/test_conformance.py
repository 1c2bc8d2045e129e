"""The native drive is a drive, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance import Conformance
from tests.providers.native.conftest import School


@pytest.mark.both
class TestNativeDrive(Conformance):
    """Small pages and small parts, so that every file has several."""

    @pytest.fixture
    def again(self, school: School) -> Callable[[], Drive]:
        """A process started anew: nothing of an upload in its memory."""
        return school.drive

    @pytest.fixture
    def page_size(self) -> int | None:
        return 3
