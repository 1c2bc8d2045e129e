"""read: any range, exactly, of exactly the version that was asked for."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import Changed, DriveError, NotFound
from providers.verbs import HasVersions
from tests.conformance.base import MORE_THAN_SIMPLE, REPLACE, Base, content, get, gone, put, step

DATA = content(300_007)


class Reading(Base):
    """`Source.read`."""

    async def test_ranges(self, drive: Drive, folder: Ref) -> None:
        ref = (await put(drive, folder, "ranges.bin", DATA)).ref
        for start, stop in [
            (0, None),
            (0, 1),
            (0, len(DATA)),
            (1, 2),
            (len(DATA) - 1, None),
            (len(DATA) - 1, len(DATA)),
            (100_000, 262_145),
            (262_144, None),
            (5, 5),
            (len(DATA), None),
        ]:
            assert await get(drive, ref, start, stop) == DATA[start:stop], (start, stop)

    async def test_a_stop_beyond_the_end_is_the_end(self, drive: Drive, folder: Ref) -> None:
        ref = (await put(drive, folder, "short.bin", b"0123456789")).ref
        assert await get(drive, ref, 7, 99) == b"789"

    async def test_a_start_beyond_the_end_is_refused(self, drive: Drive, folder: Ref) -> None:
        ref = (await put(drive, folder, "short.bin", b"0123456789")).ref
        with pytest.raises(ValueError):
            await get(drive, ref, 11)

    async def test_it_tells_what_it_gives(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "told.bin", b"0123456789")
        async with drive.read(made.ref, 2, 6) as read:
            assert (read.start, read.length, read.total) == (2, 4, 10)
            assert read.version == made.version
            assert b"".join([piece async for piece in read]) == b"2345"

    async def test_an_empty_file(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "empty.bin", b"")
        assert made.size == 0
        assert await get(drive, made.ref) == b""

    async def test_several_megabytes(self, drive: Drive, folder: Ref) -> None:
        data = content(MORE_THAN_SIMPLE)
        ref = (await put(drive, folder, "large.bin", data, piece=step(drive.traits, 4 * 1024 * 1024))).ref
        assert await get(drive, ref) == data
        assert await get(drive, ref, 3_000_001, 5_000_003) == data[3_000_001:5_000_003]

    async def test_a_reader_may_leave_early(self, drive: Drive, folder: Ref) -> None:
        data = content(MORE_THAN_SIMPLE)
        ref = (await put(drive, folder, "left.bin", data, piece=step(drive.traits, 4 * 1024 * 1024))).ref
        for _ in range(3):
            async with drive.read(ref) as read:
                async for piece in read:
                    assert data.startswith(piece)
                    break
        assert await get(drive, ref, 0, 10) == data[:10]

    async def test_the_version_that_was_asked_for(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "versions.bin", b"first")
        assert await get(drive, first.ref, version=first.version) == b"first"
        second = await put(drive, folder, "versions.bin", b"second", on_conflict=REPLACE)
        assert second.version != first.version
        kept = await drive.versions(first.ref) if isinstance(drive, HasVersions) else ()
        if first.version in [one.id for one in kept]:
            assert await get(drive, first.ref, version=first.version) == b"first"
            return
        with pytest.raises(Changed):
            await get(drive, first.ref, version=first.version)
        assert await get(drive, second.ref, version=second.version) == b"second"

    async def test_a_new_name_is_not_a_new_version(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "before.bin", b"bytes")
        renamed = await drive.relocate(made.ref, None, "after.bin")
        assert await get(drive, renamed.ref, version=made.version) == b"bytes"

    async def test_what_has_no_bytes(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(NotFound):
            await get(drive, await gone(drive, folder))
        with pytest.raises(DriveError):
            await get(drive, folder)
