"""search: what has the words and nothing else, whatever the words are made of."""

from __future__ import annotations

import secrets

import pytest

from providers.drive import Drive, Entry, Ref
from providers.errors import Changed
from providers.names import to_allowed
from providers.verbs import CanSearch
from tests.conformance.base import Base, collected, put, verb

TRICKY = [
    "it's",
    "'",
    "\\",
    "\\'",
    "x' or name != '",
    '"quoted"',
    '"',
    "100%",
    "_x_",
    "a*b?",
    "{}[]()",
    "&amp;=#%27",
    "café",
    "cafe\u0301",
    "日本語",
    "اختبار",
    "שלום עולם",
    "🎒👩\u200d🏫",
]


async def found(drive: Drive, text: str) -> list[Entry]:
    """All that a search finds."""
    searching = verb(drive, CanSearch)
    return await collected(lambda cursor: searching.search(text, cursor))


class Searching(Base):
    """`CanSearch`. Every test has a word of its own, so that others' files are never meant."""

    @pytest.fixture
    def word(self) -> str:
        """A word that stands in no other name."""
        return f"w{secrets.token_hex(6)}"

    async def test_it_finds_files_and_folders_wherever_they_lie(self, drive: Drive, folder: Ref, word: str) -> None:
        outer = await drive.make_folder(folder, f"{word} outer")
        inner = await drive.make_folder(outer.ref, "inner")
        deep = await put(drive, inner.ref, f"{word} deep.bin", b"deep")
        await put(drive, folder, "unrelated.bin", b"unrelated")
        assert {entry.ref for entry in await found(drive, word)} == {outer.ref, deep.ref}

    async def test_what_it_finds_is_what_stat_says(self, drive: Drive, folder: Ref, word: str) -> None:
        made = await put(drive, folder, f"{word}.bin", b"same")
        [entry] = await found(drive, word)
        known = await drive.stat(made.ref)
        assert (entry.ref, entry.name, entry.size, entry.version, entry.parent) == (
            known.ref,
            known.name,
            known.size,
            known.version,
            folder,
        )

    async def test_all_words_must_be_there_in_any_case(self, drive: Drive, folder: Ref, word: str) -> None:
        both = await put(drive, folder, f"{word} Lesson Plan.bin", b"1")
        await put(drive, folder, f"{word} lesson.bin", b"2")
        assert [entry.ref for entry in await found(drive, f"{word} lesson plan")] == [both.ref]
        assert {entry.ref for entry in await found(drive, f"{word.upper()} LESSON")} >= {both.ref}
        assert await found(drive, f"{word} lesson {word}nowhere") == []

    @pytest.mark.parametrize("tricky", TRICKY)
    async def test_words_of_any_kind_find_their_file_and_widen_nothing(
        self, drive: Drive, folder: Ref, word: str, tricky: str
    ) -> None:
        name = f"{word} {tricky}.bin"
        mapped = to_allowed(name, drive.traits)
        made = await put(drive, folder, mapped, b"x")
        await put(drive, folder, "unrelated.bin", b"x")
        refs = [entry.ref for entry in await found(drive, f"{word} {tricky}")]
        assert refs == [made.ref] or (mapped != name and refs == [])

    async def test_a_search_goes_on_page_by_page(
        self, drive: Drive, folder: Ref, word: str, page_size: int | None
    ) -> None:
        made = {(await drive.make_folder(folder, f"{word} {n:02}")).ref for n in range((page_size or 3) * 2 + 1)}
        entries = await found(drive, word)
        assert {entry.ref for entry in entries} == made
        assert len(entries) == len(made)

    async def test_the_trash_is_left_out(self, drive: Drive, folder: Ref, word: str) -> None:
        tree = await drive.make_folder(folder, f"{word} tree")
        await put(drive, tree.ref, f"{word} leaf.bin", b"1")
        dropped = await put(drive, folder, f"{word} dropped.bin", b"2")
        kept = await put(drive, folder, f"{word} kept.bin", b"3")
        await drive.trash(dropped.ref)
        await drive.trash(tree.ref)
        assert [entry.ref for entry in await found(drive, word)] == [kept.ref]

    async def test_a_new_name_counts_and_the_old_one_no_more(self, drive: Drive, folder: Ref, word: str) -> None:
        made = await put(drive, folder, f"{word} before.bin", b"1")
        await drive.relocate(made.ref, None, f"{word} after.bin")
        assert [entry.ref for entry in await found(drive, f"{word} after")] == [made.ref]
        assert await found(drive, f"{word} before") == []

    @pytest.mark.parametrize("text", ["", " ", "\t\n\u00a0"])
    async def test_no_words(self, drive: Drive, folder: Ref, text: str) -> None:
        with pytest.raises(ValueError):
            await verb(drive, CanSearch).search(text)

    async def test_a_search_refuses_a_cursor_that_is_none(self, drive: Drive, folder: Ref, word: str) -> None:
        with pytest.raises((ValueError, Changed)):
            await verb(drive, CanSearch).search(word, "no cursor of this search")
