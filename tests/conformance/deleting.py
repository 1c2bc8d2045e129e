"""trash and delete: once and again, and only the version that was meant."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import Changed, NotFound
from tests.conformance.base import Base, get, names, put


class Deleting(Base):
    """`Drive.trash` and `Drive.delete`."""

    async def test_trash_twice(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "old.bin", b"old")
        await drive.trash(made.ref, version=made.version)
        assert await names(drive, folder) == []
        await drive.trash(made.ref)
        await drive.trash(made.ref, version=made.version)
        assert await names(drive, folder) == []

    async def test_a_trashed_name_is_free(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "again.bin", b"old")
        await drive.trash(made.ref)
        new = await put(drive, folder, "again.bin", b"new")
        assert new.ref != made.ref
        assert await get(drive, new.ref) == b"new"

    async def test_trash_a_folder(self, drive: Drive, folder: Ref) -> None:
        tree = await drive.make_folder(folder, "tree")
        await put(drive, tree.ref, "leaf.bin", b"leaf")
        await drive.trash(tree.ref)
        assert await names(drive, folder) == []

    async def test_delete_twice(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "old.bin", b"old")
        await drive.delete(made.ref, version=made.version)
        with pytest.raises(NotFound):
            await drive.stat(made.ref)
        await drive.delete(made.ref)
        await drive.delete(made.ref, version=made.version)
        assert await names(drive, folder) == []

    async def test_delete_a_folder_with_everything_below(self, drive: Drive, folder: Ref) -> None:
        tree = await drive.make_folder(folder, "tree")
        inner = await drive.make_folder(tree.ref, "inner")
        leaf = await put(drive, inner.ref, "leaf.bin", b"leaf")
        await drive.delete(tree.ref)
        assert await names(drive, folder) == []
        for ref in (tree.ref, inner.ref, leaf.ref):
            with pytest.raises(NotFound):
                await drive.stat(ref)

    async def test_delete_what_is_in_the_trash(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "old.bin", b"old")
        await drive.trash(made.ref)
        await drive.delete(made.ref)
        with pytest.raises(NotFound):
            await drive.stat(made.ref)

    async def test_another_version_is_kept(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "doc.bin", b"old")
        await put(drive, folder, "doc.bin", b"new", replaces=(made.ref, made.version))
        with pytest.raises(Changed):
            await drive.trash(made.ref, version=made.version)
        with pytest.raises(Changed):
            await drive.delete(made.ref, version=made.version)
        assert await names(drive, folder) == ["doc.bin"]
        assert await get(drive, made.ref) == b"new"
