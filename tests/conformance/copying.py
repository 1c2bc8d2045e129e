"""copy: a file of its own, equal byte for byte, that outlives what it was made from."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import NameRefused, NameTaken, NotFound
from providers.verbs import CanCopy
from tests.conformance.base import MODIFIED, Base, content, digest, everything, get, gone, names, put, verb

DATA = content(700_001, seed=41)


class Copying(Base):
    """`CanCopy`."""

    async def test_it_is_equal_and_elsewhere(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        made = await put(drive, folder, "source.bin", DATA)
        copied = await verb(drive, CanCopy).copy(made.ref, inner.ref, "copied é.bin")
        assert copied.ref != made.ref
        assert (copied.name, copied.parent, copied.size) == ("copied é.bin", inner.ref, len(DATA))
        assert copied.media_type == made.media_type
        assert abs((copied.modified - MODIFIED).total_seconds()) < 1
        assert abs(((await drive.stat(copied.ref)).modified - MODIFIED).total_seconds()) < 1
        assert copied.hashes[drive.traits.hash] == digest(drive.traits, DATA)
        assert [entry.ref for entry in await everything(drive, inner.ref)] == [copied.ref]
        assert await get(drive, copied.ref) == DATA
        assert await get(drive, copied.ref, 300_000, 300_010) == DATA[300_000:300_010]
        assert await names(drive, folder) == ["inner", "source.bin"]

    async def test_a_copy_of_an_empty_file(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "empty.bin", b"")
        copied = await verb(drive, CanCopy).copy(made.ref, folder, "copied.bin")
        assert copied.size == 0
        assert await get(drive, copied.ref) == b""

    async def test_each_goes_its_own_way(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "source.bin", DATA)
        first = await verb(drive, CanCopy).copy(made.ref, folder, "first.bin")
        second = await verb(drive, CanCopy).copy(first.ref, folder, "second.bin")
        await put(drive, folder, "source.bin", b"new", replaces=(made.ref, made.version))
        await drive.delete(first.ref)
        assert await get(drive, second.ref) == DATA
        assert await get(drive, made.ref) == b"new"
        await drive.delete(made.ref)
        assert await get(drive, second.ref) == DATA
        await drive.delete(second.ref)
        assert await names(drive, folder) == []

    async def test_a_copy_under_a_taken_name(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "source.bin", b"source")
        if drive.traits.unique_names:
            with pytest.raises(NameTaken):
                await verb(drive, CanCopy).copy(made.ref, folder, "source.bin")
            assert await names(drive, folder) == ["source.bin"]
        else:
            await verb(drive, CanCopy).copy(made.ref, folder, "source.bin")
            assert await names(drive, folder) == ["source.bin", "source.bin"]

    async def test_a_copy_under_a_name_that_the_drive_forbids(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "source.bin", b"source")
        for name in [f"a{char}b" for char in sorted(drive.traits.forbidden)[:3]] + [""]:
            with pytest.raises(NameRefused):
                await verb(drive, CanCopy).copy(made.ref, folder, name)
        assert await names(drive, folder) == ["source.bin"]

    async def test_a_copy_of_or_into_what_is_not_there(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "source.bin", b"source")
        inner = await drive.make_folder(folder, "inner")
        await drive.delete(inner.ref)
        with pytest.raises(NotFound):
            await verb(drive, CanCopy).copy(await gone(drive, folder), folder, "copied.bin")
        with pytest.raises(NotFound):
            await verb(drive, CanCopy).copy(made.ref, inner.ref, "copied.bin")
        assert await names(drive, folder) == ["source.bin"]
