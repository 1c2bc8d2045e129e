"""OneDrive does what every drive must do: at a school, at home, and in a library of a site."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

import pytest

from providers.drive import Drive, Ref
from providers.errors import NameTaken
from providers.sandbox.microsoft.pictures import picture
from providers.verbs import CanRestore, HasQuota, HasSpaces, View
from tests.conformance import (
    Changing,
    Conformance,
    Copying,
    Filling,
    Picturing,
    Restoring,
    Searching,
    Spanning,
    Versioning,
    Views,
)
from tests.conformance.base import get, put, verb
from tests.providers.onedrive.conftest import HOME, STUDENT, TEACHER, Open
from tests.sandboxes import Running


class TestSchool(Conformance, Copying, Filling, Searching, Changing, Versioning, Spanning, Picturing, Views):
    """Against the stand-in, a business drive."""

    user = TEACHER
    sharer = STUDENT

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    def drive(self, open_drive: Open, page_size: int) -> Drive:
        return open_drive(self.user, page_size=page_size)

    @pytest.fixture
    def again(self, open_drive: Open) -> Callable[[], Drive]:
        return lambda: open_drive(self.user)

    @pytest.fixture
    async def pictured(self, drive: Drive, folder: Ref) -> Ref:
        """A photograph."""
        return (await put(drive, folder, "leaf.png", picture(64, 64))).ref

    @pytest.fixture
    async def shown(self, open_drive: Open, microsoft: Running) -> Mapping[View, Ref]:
        """Somebody else's folder, shared for this test."""
        other, name = open_drive(self.sharer), secrets.token_hex(8)
        made = await other.make_folder(await other.root(), name)
        told = {"drive": self.sharer, "path": name, "with": [self.user], "right": "read"}
        await microsoft.control("POST", "microsoft/share", told)
        return {View.SHARED: made.ref}


class TestHome(TestSchool, Restoring):
    """Against the stand-in, a personal drive: other ids, other tags, more hashes, no sites."""

    user = HOME
    sharer = "mia.chen@hillcrest.example"

    async def test_each_has_a_name_and_a_top_folder(self, drive: Drive) -> None:
        assert await verb(drive, HasSpaces).spaces() == []

    async def test_what_lies_in_one_knows_where(self, drive: Drive) -> None:
        """There is none."""
        await self.test_each_has_a_name_and_a_top_folder(drive)

    async def test_beside_a_namesake_both_are_kept(self, drive: Drive, folder: Ref) -> None:
        """Nobody tells which name it had, so none beside it can be chosen; it stays where it is."""
        made = await put(drive, folder, "leaf.bin", b"old")
        await drive.trash(made.ref)
        other = await put(drive, folder, "leaf.bin", b"new")
        with pytest.raises(NameTaken):
            await verb(drive, CanRestore).restore(made.ref)
        await drive.relocate(other.ref, None, "moved.bin")
        assert await get(drive, (await verb(drive, CanRestore).restore(made.ref)).ref) == b"old"
        assert await get(drive, other.ref) == b"new"


class TestLibrary(TestSchool):
    """Against the stand-in, in a document library of a site: every item has its drive's id."""

    @pytest.fixture
    async def folder(self, drive: Drive) -> Ref:
        """A fresh folder there."""
        space = (await verb(drive, HasSpaces).spaces())[-1]
        return (await drive.make_folder(space.root, secrets.token_hex(8))).ref

    async def test_what_is_stored_counts(self, drive: Drive, folder: Ref) -> None:
        """But not on the account: the site has a quota of its own."""
        before = await verb(drive, HasQuota).quota()
        await put(drive, folder, "counted.bin", b"counted")
        assert await verb(drive, HasQuota).quota() == before
