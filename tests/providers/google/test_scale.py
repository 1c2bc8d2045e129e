"""100,000 children in one folder of Google Drive list completely, a page at a time; trouble on the way is no end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from providers.drive import Drive, Ref
from tests.conformance import Scale
from tests.providers.google.conftest import Open
from tests.sandboxes import Running

LISTINGS = {"match": {"method": "GET", "path": "/drive/v3/files"}, "do": {"status": 500}}


class TestScale(Scale):
    """Against the stand-in, whose files there are worked out when they are asked for."""

    @pytest.fixture
    def drive(self, open_drive: Open) -> Drive:
        return open_drive(page_size=3)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return open_drive

    @pytest.fixture
    async def crowded(self, google: Running, folder: Ref, crowd: int) -> Ref:
        await google.control("POST", "google", {"grow": {folder.id: crowd}})
        return folder

    @pytest.fixture
    async def small(self, google: Running, folder: Ref) -> Ref:
        await google.control("POST", "google", {"grow": {folder.id: 7}})
        return folder

    @pytest.fixture
    def failing(self, google: Running) -> Callable[[], AbstractAsyncContextManager[None]]:
        @asynccontextmanager
        async def entered() -> AsyncIterator[None]:
            async with google.faults(LISTINGS):
                yield

        return entered
