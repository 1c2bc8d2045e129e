"""children: complete, paged, without trash; an error and never an empty page."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Kind, Ref
from providers.errors import NotFound
from tests.conformance.base import Base, everything, gone, names, put

UNICODE = [
    "naïve café.txt",
    "日本語 資料.txt",
    "اختبار.txt",
    "school 🎒 bag.txt",
    "a'b's & c.txt",
    "100% +x (1) [2] {3}.txt",
    "semi;colon,comma=equals.txt",
    "no suffix",
]


class Listing(Base):
    """`Source.children`."""

    async def test_a_new_folder_is_empty(self, drive: Drive, folder: Ref) -> None:
        page = await drive.children(folder)
        assert list(page.entries) == []
        assert page.cursor is None
        assert page.complete

    async def test_files_and_folders_are_told_apart(self, drive: Drive, folder: Ref) -> None:
        await drive.make_folder(folder, "unit 1")
        await put(drive, folder, "notes.bin", b"12345")
        found = {entry.name: entry for entry in await everything(drive, folder)}
        assert set(found) == {"unit 1", "notes.bin"}
        assert found["unit 1"].kind is Kind.FOLDER
        assert found["notes.bin"].kind is Kind.FILE
        assert found["notes.bin"].size == 5
        assert {entry.parent for entry in found.values()} == {folder}

    async def test_a_listed_entry_is_what_stat_says(self, drive: Drive, folder: Ref) -> None:
        await put(drive, folder, "same.bin", b"same")
        [listed] = await everything(drive, folder)
        known = await drive.stat(listed.ref)
        assert (known.ref, known.name, known.size, known.version) == (
            listed.ref,
            listed.name,
            listed.size,
            listed.version,
        )
        assert known.hashes[drive.traits.hash] == listed.hashes[drive.traits.hash]

    async def test_more_children_than_a_page(self, drive: Drive, folder: Ref, page_size: int | None) -> None:
        expected = [f"folder {n:03}" for n in range((page_size or 5) * 2 + 1)]
        for name in expected:
            await drive.make_folder(folder, name)
        first = await drive.children(folder)
        if page_size is not None:
            assert len(first.entries) <= page_size
            assert first.cursor is not None
        entries = await everything(drive, folder)
        assert sorted(entry.name for entry in entries) == expected
        assert len({entry.ref for entry in entries}) == len(expected)

    async def test_only_direct_children(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        await put(drive, inner.ref, "deep.bin", b"deep")
        assert await names(drive, folder) == ["inner"]
        assert await names(drive, inner.ref) == ["deep.bin"]

    async def test_names_of_all_scripts_come_back_as_they_were(self, drive: Drive, folder: Ref) -> None:
        for name in UNICODE:
            await put(drive, folder, name, name.encode())
        assert await names(drive, folder) == sorted(UNICODE)

    async def test_trashed_items_are_left_out(self, drive: Drive, folder: Ref) -> None:
        kept = await put(drive, folder, "kept.bin", b"1")
        dropped = await put(drive, folder, "dropped.bin", b"2")
        await drive.trash(dropped.ref)
        assert [entry.ref for entry in await everything(drive, folder)] == [kept.ref]

    async def test_a_missing_folder_is_not_an_empty_one(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        await drive.delete(inner.ref)
        with pytest.raises(NotFound):
            await drive.children(inner.ref)
        with pytest.raises(NotFound):
            await drive.children(await gone(drive, folder))
