"""trashed and restore: what was put into the trash is there, comes back as it was, or is gone for good."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Entry, Ref
from providers.errors import Changed, NotFound
from providers.verbs import CanRestore, HasTrash
from tests.conformance.base import Base, collected, everything, get, gone, names, put, verb


async def in_trash(drive: Drive) -> list[Entry]:
    """All of the trash."""
    showing = verb(drive, HasTrash)
    return await collected(showing.trashed)


class Restoring(Base):
    """`CanRestore`."""

    async def test_a_file_comes_back_as_it_was(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "leaf.bin", b"leaf")
        await drive.trash(made.ref)
        assert await names(drive, folder) == []
        back = await verb(drive, CanRestore).restore(made.ref)
        assert (back.ref, back.name, back.parent, back.version) == (made.ref, "leaf.bin", folder, made.version)
        assert "trashed" not in back.flags
        assert await names(drive, folder) == ["leaf.bin"]
        assert await get(drive, back.ref) == b"leaf"

    async def test_a_folder_comes_back_with_everything_below(self, drive: Drive, folder: Ref) -> None:
        tree = await drive.make_folder(folder, "tree")
        inner = await drive.make_folder(tree.ref, "inner")
        leaf = await put(drive, inner.ref, "leaf.bin", b"leaf")
        await drive.trash(tree.ref)
        await verb(drive, CanRestore).restore(tree.ref)
        assert await names(drive, folder) == ["tree"]
        assert [entry.ref for entry in await everything(drive, inner.ref)] == [leaf.ref]
        assert await get(drive, leaf.ref) == b"leaf"

    async def test_what_is_in_no_trash_stays_as_it_is(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "leaf.bin", b"leaf")
        await drive.trash(made.ref)
        first = await verb(drive, CanRestore).restore(made.ref)
        assert await verb(drive, CanRestore).restore(made.ref) == first
        other = await put(drive, folder, "other.bin", b"other")
        assert (await verb(drive, CanRestore).restore(other.ref)).ref == other.ref
        assert await names(drive, folder) == ["leaf.bin", "other.bin"]

    async def test_beside_a_namesake_both_are_kept(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "leaf.bin", b"old")
        await drive.trash(made.ref)
        other = await put(drive, folder, "leaf.bin", b"new")
        back = await verb(drive, CanRestore).restore(made.ref)
        assert {entry.ref for entry in await everything(drive, folder)} == {back.ref, other.ref}
        assert await get(drive, back.ref) == b"old"
        assert await get(drive, other.ref) == b"new"
        if drive.traits.unique_names:
            assert len(set(await names(drive, folder))) == 2

    async def test_what_is_gone_for_good(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(NotFound):
            await verb(drive, CanRestore).restore(await gone(drive, folder))
        made = await put(drive, folder, "leaf.bin", b"leaf")
        await drive.trash(made.ref)
        await drive.delete(made.ref)
        with pytest.raises(NotFound):
            await verb(drive, CanRestore).restore(made.ref)


class Trashing(Base):
    """`HasTrash`."""

    async def test_it_lists_what_was_put_there_itself(self, drive: Drive, folder: Ref) -> None:
        tree = await drive.make_folder(folder, "tree")
        inner = await drive.make_folder(tree.ref, "inner")
        leaf = await put(drive, inner.ref, "leaf.bin", b"leaf")
        file = await put(drive, folder, "file.bin", b"file")
        kept = await put(drive, folder, "kept.bin", b"kept")
        await drive.trash(tree.ref)
        await drive.trash(file.ref)
        there = {entry.ref: entry for entry in await in_trash(drive)}
        assert {tree.ref, file.ref} <= set(there)
        assert not {inner.ref, leaf.ref, kept.ref} & set(there)
        assert all("trashed" in entry.flags for entry in there.values())
        assert (there[file.ref].name, there[file.ref].size) == ("file.bin", 4)
        assert all(entry.ends is None or entry.ends.tzinfo is not None for entry in there.values())

    async def test_the_trash_goes_on_page_by_page(self, drive: Drive, folder: Ref, page_size: int | None) -> None:
        made = [(await drive.make_folder(folder, f"folder {n:02}")).ref for n in range((page_size or 3) * 2 + 1)]
        for ref in made:
            await drive.trash(ref)
        there = [entry.ref for entry in await in_trash(drive)]
        assert set(made) <= set(there)
        assert len(set(there)) == len(there)

    async def test_what_was_restored_or_deleted_is_no_longer_there(self, drive: Drive, folder: Ref) -> None:
        first, second = [await put(drive, folder, f"{n}.bin", b"x") for n in range(2)]
        for entry in (first, second):
            await drive.trash(entry.ref)
        await verb(drive, CanRestore).restore(first.ref)
        await drive.delete(second.ref)
        assert not {first.ref, second.ref} & {entry.ref for entry in await in_trash(drive)}

    async def test_the_trash_refuses_a_cursor_that_is_none(self, drive: Drive) -> None:
        with pytest.raises((ValueError, Changed)):
            await verb(drive, HasTrash).trashed("no cursor of this trash")
