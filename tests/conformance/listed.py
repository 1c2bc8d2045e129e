"""Reading what was listed without another look: the bytes alone must tell a changed file from the one that was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.drive import Drive, Entry, Ref
from providers.errors import Changed, NotFound
from providers.verbs import ReadsListed
from tests.conformance.base import Base, content, everything, new_file, push, put, verb


async def read(drive: Drive, entry: Entry) -> bytes:
    """The whole of it."""
    async with verb(drive, ReadsListed).read_listed(entry) as opened:
        assert (opened.start, opened.length, opened.total) == (0, entry.size, entry.size)
        assert opened.version == entry.version
        return b"".join([piece async for piece in opened])


class ReadingListed(Base):
    """`ReadsListed`."""

    @pytest.mark.parametrize("size", [0, 1, 300_000])
    async def test_what_was_listed_is_read(self, drive: Drive, folder: Ref, size: int) -> None:
        data = content(size)
        await put(drive, folder, "listed.bin", data)
        [entry] = await everything(drive, folder)
        assert await read(drive, entry) == data

    @pytest.mark.parametrize("size", [5_000, 5_001])
    async def test_what_changed_since_never_ends_well(self, drive: Drive, folder: Ref, size: int) -> None:
        await put(drive, folder, "listed.bin", content(5_000))
        [entry] = await everything(drive, folder)
        new = replace(new_file(folder, "listed.bin", size), replaces=(entry.ref, entry.version))
        assert (await push(drive, await drive.begin(new), content(size, seed=2))).done is not None
        with pytest.raises(Changed):
            await read(drive, entry)

    async def test_what_was_listed_and_is_gone(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "gone.bin", content(10))
        await drive.delete(made.ref)
        with pytest.raises(NotFound):
            await read(drive, made)

    async def test_nothing_that_proves_the_version(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "bare.bin", content(10))
        for bare in (replace(made, hashes={}), replace(made, size=None)):
            with pytest.raises(ValueError, match="prove"):
                await read(drive, bare)
