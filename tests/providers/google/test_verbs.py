"""Optional verbs of Google Drive: search by name and text, and the way back out of the trash."""

from __future__ import annotations

import secrets

import pytest

from providers.drive import Entry, Ref
from providers.errors import Changed, NotFound
from providers.google import GoogleDrive
from providers.verbs import CanCopy, CanRestore, CanSearch, HasQuota, supports
from tests.conformance.base import everything, names, put
from tests.providers.google.conftest import Open


async def _found(drive: GoogleDrive, text: str) -> list[Entry]:
    found, cursor = list[Entry](), None
    while True:
        page = await drive.search(text, cursor)
        found += page.entries
        if page.cursor is None:
            return found
        cursor = page.cursor


def test_verbs_are_found(drive: GoogleDrive) -> None:
    searching = supports(drive, CanSearch)
    assert searching is drive
    assert supports(drive, CanRestore) is drive
    assert supports(drive, CanCopy) is drive
    assert supports(drive, HasQuota) is drive
    assert supports(object(), CanSearch) is None


async def test_names_and_texts_are_searched(drive: GoogleDrive) -> None:
    assert "Lesson plan" in {entry.name for entry in await _found(drive, "Lesson")}
    assert {entry.name for entry in await _found(drive, "Mitosis")} >= {"Lesson plan", "Mitosis in pictures"}


async def test_a_search_goes_on_page_by_page_and_leaves_the_trash_out(open_drive: Open, folder: Ref) -> None:
    drive, word = open_drive(page_size=2), secrets.token_hex(6)
    made = [await put(drive, folder, f"{word} {number}.bin", b"x") for number in range(5)]
    assert {entry.ref for entry in await _found(drive, word)} == {entry.ref for entry in made}
    await drive.trash(made[0].ref)
    assert len(await _found(drive, word)) == 4


@pytest.mark.parametrize("tricky", ["'", "\\", "x' or name != '", "it's \\'"])
async def test_words_cannot_widen_the_search(drive: GoogleDrive, folder: Ref, tricky: str) -> None:
    word = secrets.token_hex(6)
    made = await put(drive, folder, f"{word} {tricky}.bin", b"x")
    assert [entry.ref for entry in await _found(drive, f"{word} {tricky}")] == [made.ref]


async def test_no_words_and_a_foreign_cursor(drive: GoogleDrive) -> None:
    with pytest.raises(ValueError):
        await drive.search("  ")
    with pytest.raises(Changed):
        await drive.search("Lesson", "no cursor of this search")


async def test_out_of_the_trash(drive: GoogleDrive, folder: Ref) -> None:
    made = await put(drive, folder, "leaf.bin", b"leaf")
    await drive.trash(made.ref)
    assert await everything(drive, folder) == []
    back = await drive.restore(made.ref)
    assert (back.ref, back.version, back.flags) == (made.ref, made.version, frozenset())
    assert await names(drive, folder) == ["leaf.bin"]
    assert await drive.restore(made.ref) == back
    await drive.delete(made.ref)
    with pytest.raises(NotFound):
        await drive.restore(made.ref)
