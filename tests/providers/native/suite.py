"""What the native drive must do, wherever its rows and blobs are: small pages and parts, so that a file has several."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive
from providers.native import Allowance
from tests.conformance import (
    Changing,
    Conformance,
    Copying,
    Filling,
    Restoring,
    Searching,
    Trashing,
    Versioning,
    Views,
)
from tests.providers.native.conftest import School

AS_USUAL = Allowance(versions=10, bytes=10**9, school=10**10, trash_days=30)
"""As the gateway has it, with every limit set."""


class NativeSuite(Conformance, Changing, Copying, Filling, Restoring, Searching, Trashing, Versioning, Views):
    """Every suite but pictures and spaces."""

    @pytest.fixture
    def school(self, school: School) -> School:
        school.allowance = AS_USUAL
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
