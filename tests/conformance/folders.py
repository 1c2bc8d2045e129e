"""make_folder: names and conflicts."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Kind, OnConflict, Ref
from providers.errors import NameRefused, NameTaken, NotFound
from tests.conformance.base import Base, gone, names, put


class Folders(Base):
    """`Drive.make_folder`."""

    async def test_folders_in_folders(self, drive: Drive, folder: Ref) -> None:
        at = folder
        for name in ("Year 7", "الرياضيات", "week 1"):
            made = await drive.make_folder(at, name)
            assert made.kind is Kind.FOLDER
            assert made.name == name
            assert made.parent == at
            assert await names(drive, at) == [name]
            at = made.ref
        assert await names(drive, at) == []

    async def test_a_taken_folder_name_is_refused(self, drive: Drive, folder: Ref) -> None:
        await drive.make_folder(folder, "unit")
        with pytest.raises(NameTaken):
            await drive.make_folder(folder, "unit", OnConflict.FAIL)
        assert await names(drive, folder) == ["unit"]

    async def test_a_free_folder_name_is_found(self, drive: Drive, folder: Ref) -> None:
        first = await drive.make_folder(folder, "unit")
        second = await drive.make_folder(folder, "unit", OnConflict.RENAME)
        assert second.ref != first.ref
        assert second.name != "unit"
        assert await names(drive, folder) == sorted(["unit", second.name])

    async def test_replace_gives_the_folder_that_is_there(self, drive: Drive, folder: Ref) -> None:
        first = await drive.make_folder(folder, "unit", OnConflict.REPLACE)
        await put(drive, first.ref, "inside.bin", b"inside")
        second = await drive.make_folder(folder, "unit", OnConflict.REPLACE)
        assert second.ref == first.ref
        assert await names(drive, first.ref) == ["inside.bin"]
        assert await names(drive, folder) == ["unit"]

    async def test_folder_names_that_the_drive_forbids(self, drive: Drive, folder: Ref) -> None:
        for name in [f"a{char}b" for char in sorted(drive.traits.forbidden)] + [""]:
            with pytest.raises(NameRefused):
                await drive.make_folder(folder, name)
        assert await names(drive, folder) == []

    async def test_a_folder_in_what_is_not_there(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        await drive.delete(inner.ref)
        with pytest.raises(NotFound):
            await drive.make_folder(inner.ref, "lost")
        with pytest.raises(NotFound):
            await drive.make_folder(await gone(drive, folder), "lost")
