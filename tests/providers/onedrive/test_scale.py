"""100,000 children in one folder of OneDrive list completely, a page at a time; trouble on the way is no end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from providers.drive import Drive, Ref
from tests.conformance import Scale
from tests.providers.onedrive.conftest import TEACHER, Open
from tests.sandboxes import Running

LISTINGS = {"match": {"method": "GET", "path": "/v1.0/*/children"}, "do": {"status": 500}}


class TestScale(Scale):
    """Against the stand-in, which has them on its disk: the files are made at its control address."""

    @pytest.fixture
    def drive(self, open_drive: Open) -> Drive:
        return open_drive(page_size=3)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return lambda: open_drive(page_size=1000)

    @pytest.fixture
    async def crowded(self, microsoft: Running, drive: Drive, folder: Ref, crowd: int) -> Ref:
        return await self._filled(microsoft, drive, folder, crowd)

    @pytest.fixture
    async def small(self, microsoft: Running, drive: Drive, folder: Ref) -> Ref:
        return await self._filled(microsoft, drive, folder, 7)

    @staticmethod
    async def _filled(microsoft: Running, drive: Drive, folder: Ref, many: int) -> Ref:
        name = (await drive.stat(folder)).name
        await microsoft.control("POST", "microsoft/items", {"drive": TEACHER, "path": name, "fill": many})
        return folder

    @pytest.fixture
    def failing(self, microsoft: Running) -> Callable[[], AbstractAsyncContextManager[None]]:
        @asynccontextmanager
        async def entered() -> AsyncIterator[None]:
            async with microsoft.faults(LISTINGS):
                yield

        return entered
