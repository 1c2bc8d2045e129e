"""Under drive.file Google Drive does what every drive must do, with what this application made itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from providers.drive import Drive
from providers.http import Outbound
from tests import conformance as suites
from tests.providers.google.conftest import Open
from tests.providers.google.narrow import Narrow, application
from tests.sandboxes import Running


class TestNarrow(
    suites.Listing,
    suites.Stat,
    suites.Folders,
    suites.Moving,
    suites.Deleting,
    suites.Replacing,
    suites.Changing,
    suites.Copying,
    suites.Restoring,
    suites.Searching,
    suites.Trashing,
    suites.Versioning,
):
    """Against the stand-in."""

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    async def drive(self, google: Running, open_drive: Open, page_size: int) -> AsyncIterator[Drive]:
        outbound = Outbound([google.url])
        yield open_drive(page_size=page_size, tokens=Narrow(application(google, outbound)), picked=True)
        await outbound.close()

    @pytest.fixture
    def again(self, drive: Drive) -> Callable[[], Drive]:
        return lambda: drive
