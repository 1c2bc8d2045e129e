"""Google Drive does what every drive must do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

import pytest

from providers.drive import Drive, Ref
from providers.verbs import View
from tests import conformance as suites
from tests.conformance.base import put
from tests.providers.google.conftest import STUDENT, TEACHER, Open
from tests.providers.google.says import PNG, says
from tests.sandboxes import Running


class TestGoogle(
    suites.Conformance,
    suites.Changing,
    suites.Copying,
    suites.Filling,
    suites.Picturing,
    suites.ReadingListed,
    suites.Restoring,
    suites.Searching,
    suites.Spanning,
    suites.Trashing,
    suites.Versioning,
    suites.Views,
):
    """Against the stand-in."""

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    def drive(self, open_drive: Open, page_size: int) -> Drive:
        return open_drive(page_size=page_size)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return open_drive

    @pytest.fixture
    async def shown(self, google: Running, open_drive: Open, folder: Ref) -> Mapping[View, Ref]:
        student = open_drive(STUDENT)
        shared = await put(student, await student.root(), f"{secrets.token_hex(8)}.bin", b"shared")
        starred = await put(open_drive(), folder, "starred.bin", b"starred")
        await google.control("POST", "google", {"shared": {shared.ref.id: {TEACHER: "reader"}}})
        await says(google, TEACHER, "PATCH", f"files/{starred.ref.id}", {"starred": True})
        return {View.SHARED: shared.ref, View.STARRED: starred.ref}

    @pytest.fixture
    async def pictured(self, open_drive: Open, folder: Ref) -> Ref:
        return (await put(open_drive(), folder, "dot.png", PNG, media_type="image/png")).ref
