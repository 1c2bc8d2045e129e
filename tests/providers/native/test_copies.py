"""Copies share sealed bytes: they cost none, count in full, and each is readable until it goes itself."""

from __future__ import annotations

import pytest

from providers import native
from providers.drive import Ref
from providers.errors import DriveError, NameTaken, NotFound, QuotaFull, Refused, Unsupported
from providers.native import Allowance, NativeDrive
from tests.conformance.base import REPLACE, content, get, names, put
from tests.providers.native.conftest import School

DATA = content(900_000)


@pytest.mark.both
async def test_bytes_stay_as_long_as_a_copy_needs_them(school: School, folder: Ref) -> None:
    school.allowance = Allowance(versions=1)
    drive = school.drive()
    made = await put(drive, folder, "a.bin", DATA)
    stored = school.blobs()
    copied = await drive.copy(made.ref, folder, "b.bin")
    assert school.blobs() == stored
    assert await drive.quota() == (2 * len(DATA), None)
    for _ in range(2):
        await put(drive, folder, "a.bin", b"new", on_conflict=REPLACE)
    await school.vault.sweep(100)
    assert await get(drive, copied.ref) == DATA
    assert await drive.quota() == (len(DATA) + 6, None)
    await drive.delete(copied.ref)
    await school.vault.sweep(100)
    assert len(school.blobs()) == 2
    assert await drive.quota() == (6, None)


async def test_the_trashs_end_takes_only_its_own(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    copied = await drive.copy(made.ref, folder, "b.bin")
    await drive.trash(made.ref)
    school.database.ahead = 60_000
    assert await native.empty(school.vault, school.database, 1000, 10) == 1
    await school.vault.sweep(100)
    assert await get(drive, copied.ref) == DATA


@pytest.mark.both
async def test_both_go_with_the_person(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    copied = await drive.copy(made.ref, folder, "b.bin")
    async with school.database.write() as tx:
        await school.vault.shred(tx, school.scope)
    for entry in (made, copied):
        with pytest.raises(DriveError):
            await get(drive, entry.ref)
    async with school.database.write() as tx:
        assert await native.erase(tx, school.scope) == 3
    await school.vault.sweep(100)
    assert school.blobs() == []


async def test_an_id_made_beforehand_makes_no_twin(drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    first = await drive.copy(made.ref, folder, "b.bin", id="c" * 32)
    assert await drive.copy(made.ref, folder, "b.bin", id="c" * 32) == first
    assert first.ref.id == "c" * 32
    assert await names(drive, folder) == ["a.bin", "b.bin"]
    assert await drive.quota() == (2 * len(DATA), None)
    other = await put(drive, folder, "other.bin", b"other")
    with pytest.raises(NameTaken):
        await drive.copy(other.ref, folder, "c.bin", id="c" * 32)
    with pytest.raises(Refused):
        await drive.copy(other.ref, folder, "c.bin", id="../x")


async def test_folders_are_not_copied_nor_what_is_in_the_trash(drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", b"a")
    with pytest.raises(Unsupported):
        await drive.copy(folder, await drive.root(), "copy")
    await drive.trash(made.ref)
    with pytest.raises(NotFound):
        await drive.copy(made.ref, folder, "b.bin")


async def test_a_copy_that_has_no_room(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    for allowance in (Allowance(bytes=2 * len(DATA) - 1), Allowance(school=2 * len(DATA) - 1)):
        school.allowance = allowance
        with pytest.raises(QuotaFull):
            await school.drive().copy(made.ref, folder, "b.bin")
    assert await names(drive, folder) == ["a.bin"]
    assert await drive.quota() == (len(DATA), None)
