"""changes: everything that happened since a cursor, whoever did it, and an honest word where that is not known."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Entry, Ref
from providers.errors import Changed
from providers.verbs import CanRestore, HasChanges, supports
from tests.conformance.base import Base, put, verb


async def since(drive: Drive, cursor: str, space: str = "") -> tuple[dict[Ref, Entry | None], str]:
    """What is so at last, by item, and the next cursor."""
    latest: dict[Ref, Entry | None] = {}
    for _ in range(1000):
        told = await verb(drive, HasChanges).changes(cursor, space)
        latest |= {change.ref: change.entry for change in told.items}
        assert all(change.entry is None or change.entry.ref == change.ref for change in told.items)
        cursor = told.cursor
        if not told.more:
            return latest, cursor
    raise AssertionError("changes without an end")


class Changing(Base):
    """`HasChanges`, in the tree that ``folder`` lies in."""

    async def now(self, drive: Drive, folder: Ref) -> str:
        """The cursor of this moment."""
        told = await verb(drive, HasChanges).changes(None, folder.space)
        assert list(told.items) == []
        assert not told.more
        return told.cursor

    async def test_nothing_happened(self, drive: Drive, folder: Ref) -> None:
        await put(drive, folder, "before.bin", b"before")
        cursor = await self.now(drive, folder)
        latest, cursor = await since(drive, cursor, folder.space)
        assert latest == {}
        assert (await since(drive, cursor, folder.space))[0] == {}

    async def test_what_was_made(self, drive: Drive, folder: Ref) -> None:
        cursor = await self.now(drive, folder)
        inner = await drive.make_folder(folder, "inner")
        made = await put(drive, inner.ref, "made.bin", b"made")
        latest, _ = await since(drive, cursor, folder.space)
        assert {inner.ref, made.ref} <= set(latest)
        told = latest[made.ref]
        assert told is not None
        known = await drive.stat(made.ref)
        assert (told.name, told.size, told.version, told.parent) == ("made.bin", 4, known.version, inner.ref)

    async def test_what_was_renamed_moved_and_written_anew(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        renamed, moved, written = [await put(drive, folder, f"{n}.bin", b"old") for n in range(3)]
        still = await put(drive, folder, "still.bin", b"still")
        cursor = await self.now(drive, folder)
        await drive.relocate(renamed.ref, None, "renamed.bin")
        await drive.relocate(moved.ref, inner.ref, None)
        new = await put(drive, folder, "2.bin", b"newer", replaces=(written.ref, written.version))
        latest, _ = await since(drive, cursor, folder.space)
        entries = {ref: entry for ref, entry in latest.items() if entry is not None}
        assert {renamed.ref, moved.ref, written.ref} <= set(entries)
        assert still.ref not in latest
        assert entries[renamed.ref].name == "renamed.bin"
        assert entries[moved.ref].parent == inner.ref
        assert (entries[written.ref].version, entries[written.ref].size) == (new.version, 5)

    async def test_what_was_trashed_restored_and_deleted(self, drive: Drive, folder: Ref) -> None:
        trashed, deleted, both = [await put(drive, folder, f"{n}.bin", b"x") for n in range(3)]
        tree = await drive.make_folder(folder, "tree")
        await put(drive, tree.ref, "leaf.bin", b"leaf")
        cursor = await self.now(drive, folder)
        await drive.trash(trashed.ref)
        await drive.delete(deleted.ref)
        await drive.trash(both.ref)
        await drive.delete(both.ref)
        await drive.delete(tree.ref)
        latest, later = await since(drive, cursor, folder.space)
        for entry in (trashed, deleted, both, tree):
            assert entry.ref in latest
            assert latest[entry.ref] is None
        restoring = supports(drive, CanRestore)
        if restoring is not None:
            await restoring.restore(trashed.ref)
            for old in (later, cursor):
                back = (await since(drive, old, folder.space))[0][trashed.ref]
                assert back is not None
                assert (back.ref, "trashed" in back.flags) == (trashed.ref, False)

    async def test_more_than_one_answer_holds(self, drive: Drive, folder: Ref, page_size: int | None) -> None:
        cursor = await self.now(drive, folder)
        made = {(await drive.make_folder(folder, f"folder {n:02}")).ref for n in range((page_size or 3) * 3 + 1)}
        latest, _ = await since(drive, cursor, folder.space)
        assert made <= set(latest)

    async def test_a_cursor_can_be_used_again(self, drive: Drive, folder: Ref) -> None:
        cursor = await self.now(drive, folder)
        first = await put(drive, folder, "first.bin", b"1")
        assert first.ref in (await since(drive, cursor, folder.space))[0]
        second = await put(drive, folder, "second.bin", b"2")
        assert {first.ref, second.ref} <= set((await since(drive, cursor, folder.space))[0])

    @pytest.mark.parametrize("cursor", ["no cursor of these changes", "", "AAAA"])
    async def test_a_cursor_that_is_not_known(self, drive: Drive, folder: Ref, cursor: str) -> None:
        with pytest.raises(Changed) as changed:
            await verb(drive, HasChanges).changes(cursor, folder.space)
        assert changed.value.reason == "resync"
