"""relocate: rename, move, both; never onto something else."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import Changed, NameRefused, NameTaken, NotFound
from tests.conformance.base import Base, get, gone, names, put


class Moving(Base):
    """`Drive.relocate`."""

    async def test_rename(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "before.bin", b"bytes")
        moved = await drive.relocate(made.ref, None, "after é.bin")
        assert moved.ref == made.ref
        assert moved.name == "after é.bin"
        assert moved.parent == folder
        assert await names(drive, folder) == ["after é.bin"]
        assert await get(drive, made.ref) == b"bytes"

    async def test_move(self, drive: Drive, folder: Ref) -> None:
        source = await drive.make_folder(folder, "source")
        target = await drive.make_folder(folder, "target")
        made = await put(drive, source.ref, "file.bin", b"bytes")
        moved = await drive.relocate(made.ref, target.ref, None)
        assert moved.ref == made.ref
        assert moved.parent == target.ref
        assert moved.name == "file.bin"
        assert await names(drive, source.ref) == []
        assert await names(drive, target.ref) == ["file.bin"]

    async def test_move_and_rename(self, drive: Drive, folder: Ref) -> None:
        target = await drive.make_folder(folder, "target")
        made = await put(drive, folder, "file.bin", b"bytes")
        moved = await drive.relocate(made.ref, target.ref, "renamed.bin", version=made.version)
        assert (moved.parent, moved.name) == (target.ref, "renamed.bin")
        assert await names(drive, target.ref) == ["renamed.bin"]

    async def test_a_folder_takes_its_content_along(self, drive: Drive, folder: Ref) -> None:
        target = await drive.make_folder(folder, "target")
        tree = await drive.make_folder(folder, "tree")
        await put(drive, tree.ref, "leaf.bin", b"leaf")
        moved = await drive.relocate(tree.ref, target.ref, None)
        assert moved.ref == tree.ref
        assert await names(drive, folder) == ["target"]
        assert await names(drive, tree.ref) == ["leaf.bin"]

    async def test_nothing_to_change(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "same.bin", b"same")
        same = await drive.relocate(made.ref, folder, "same.bin")
        assert (same.ref, same.parent, same.name) == (made.ref, folder, "same.bin")

    async def test_a_taken_name(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "first.bin", b"first")
        second = await put(drive, folder, "second.bin", b"second")
        if drive.traits.unique_names:
            with pytest.raises(NameTaken):
                await drive.relocate(second.ref, None, "first.bin")
        else:
            await drive.relocate(second.ref, None, "first.bin")
            assert await names(drive, folder) == ["first.bin", "first.bin"]
        assert await get(drive, first.ref) == b"first"
        assert await get(drive, second.ref) == b"second"

    async def test_a_name_that_the_drive_forbids(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "good.bin", b"x")
        for name in [f"a{char}b" for char in sorted(drive.traits.forbidden)] + [""]:
            with pytest.raises(NameRefused):
                await drive.relocate(made.ref, None, name)
        assert await names(drive, folder) == ["good.bin"]

    async def test_another_version_stays_where_it_is(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "doc.bin", b"old")
        await put(drive, folder, "doc.bin", b"new", replaces=(made.ref, made.version))
        with pytest.raises(Changed):
            await drive.relocate(made.ref, None, "renamed.bin", version=made.version)
        assert await names(drive, folder) == ["doc.bin"]

    async def test_a_move_of_or_into_what_is_not_there(self, drive: Drive, folder: Ref) -> None:
        missing = await gone(drive, folder)
        with pytest.raises(NotFound):
            await drive.relocate(missing, None, "name.bin")
        made = await put(drive, folder, "here.bin", b"here")
        inner = await drive.make_folder(folder, "inner")
        await drive.delete(inner.ref)
        with pytest.raises(NotFound):
            await drive.relocate(made.ref, inner.ref, None)
        assert await names(drive, folder) == ["here.bin"]
