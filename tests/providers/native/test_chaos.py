"""The native drive through random trouble: the whole suite, and no result is another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance.storms import Chaotic
from tests.providers.native.conftest import School
from tests.providers.native.suite import NativeSuite


class TestChaos(Chaotic, NativeSuite):
    """What a caller sees who retries as it is written."""

    @pytest.fixture
    def calm(self, school: School) -> Callable[[], Drive]:
        return school.drive
