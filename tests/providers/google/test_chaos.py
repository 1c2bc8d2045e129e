"""Google Drive through random trouble: the whole suite, and no result is another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from tests.conformance.storms import Chaotic
from tests.providers.google.conftest import Open
from tests.providers.google.test_conformance import TestGoogle as Suite


class TestChaos(Chaotic, Suite):
    """What a caller sees who retries as it is written."""

    @pytest.fixture
    def calm(self, open_drive: Open, page_size: int) -> Callable[[], Drive]:
        return lambda: open_drive(page_size=page_size)


del Suite  # or it would be collected here, too
