"""OneDrive through random trouble, each kind of it: the whole suite, and no result is another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance.storms import Chaotic
from tests.providers.onedrive import test_conformance as suites
from tests.providers.onedrive.conftest import TEACHER, Open
from tests.soak import FACTOR


class Storm(Chaotic):
    """What a caller sees who retries as it is written."""

    user = TEACHER

    @pytest.fixture
    def calm(self, open_drive: Open, page_size: int) -> Callable[[], Drive]:
        return lambda: open_drive(self.user, page_size=page_size)


class TestChaos(Storm, suites.TestSchool):
    """A school's."""


@pytest.mark.skipif(FACTOR == 1, reason="in ./scripts/soak")
class TestChaosAtHome(Storm, suites.TestHome):
    """A personal one."""

    user = suites.TestHome.user


@pytest.mark.skipif(FACTOR == 1, reason="in ./scripts/soak")
class TestChaosInALibrary(Storm, suites.TestLibrary):
    """Every item has its drive's id."""
