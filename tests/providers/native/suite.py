"""What the native drive must do, wherever its rows and blobs are: small pages and parts, so that a file has several."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from providers.native import Allowance
from tests.conformance import Conformance, Filling, Restoring, Versioning
from tests.providers.native.conftest import School


class NativeSuite(Conformance, Filling, Restoring, Versioning):
    """As the gateway has it: with versions."""

    @pytest.fixture
    def school(self, school: School) -> School:
        school.allowance = Allowance(versions=10)
        return school

    @pytest.fixture
    def drive(self, school: School) -> Drive:
        return school.drive()

    @pytest.fixture
    def again(self, school: School) -> Callable[[], Drive]:
        """A process started anew: nothing of an upload in its memory."""
        return school.drive

    @pytest.fixture
    def page_size(self) -> int | None:
        return 3
