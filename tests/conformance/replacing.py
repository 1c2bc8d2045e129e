"""New content for an existing file, by name or by ref and version."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref, UploadSession
from providers.errors import Changed, NotFound
from tests.conformance.base import (
    MODIFIED,
    MORE_THAN_SIMPLE,
    REPLACE,
    Base,
    content,
    digest,
    everything,
    get,
    gone,
    names,
    new_file,
    push,
    put,
    step,
)


class Replacing(Base):
    """`NewFile.replaces` and `OnConflict.REPLACE`."""

    @pytest.mark.parametrize("size", [0, 1000, MORE_THAN_SIMPLE])
    async def test_the_version_it_is_meant_for(self, drive: Drive, folder: Ref, size: int) -> None:
        old = await put(drive, folder, "doc.bin", b"old")
        data = content(size, seed=3)
        new = await put(
            drive, folder, "doc.bin", data, piece=step(drive.traits) if size else None, replaces=(old.ref, old.version)
        )
        assert new.ref == old.ref
        assert new.version != old.version
        assert new.hashes[drive.traits.hash] == digest(drive.traits, data)
        assert abs((new.modified - MODIFIED).total_seconds()) < 1
        assert await get(drive, old.ref) == data
        assert [entry.ref for entry in await everything(drive, folder)] == [old.ref]

    @pytest.mark.parametrize("size", [1000, MORE_THAN_SIMPLE])
    async def test_another_version_is_left_alone(self, drive: Drive, folder: Ref, size: int) -> None:
        old = await put(drive, folder, "doc.bin", b"old")
        now = await put(drive, folder, "doc.bin", b"now", replaces=(old.ref, old.version))
        with pytest.raises(Changed):
            await put(
                drive,
                folder,
                "doc.bin",
                content(size),
                piece=step(drive.traits),
                replaces=(old.ref, old.version),
            )
        assert await get(drive, now.ref, version=now.version) == b"now"
        assert await names(drive, folder) == ["doc.bin"]

    async def test_what_is_gone_cannot_be_replaced(self, drive: Drive, folder: Ref) -> None:
        missing = await gone(drive, folder)
        with pytest.raises((NotFound, Changed)):
            await put(drive, folder, "gone.bin", b"new", replaces=(missing, "1"))
        assert await names(drive, folder) == []

    @pytest.mark.parametrize("size", [1000, MORE_THAN_SIMPLE])
    async def test_by_name(self, drive: Drive, folder: Ref, size: int) -> None:
        old = await put(drive, folder, "doc.bin", b"old")
        data = content(size, seed=4)
        new = await put(drive, folder, "doc.bin", data, piece=step(drive.traits), on_conflict=REPLACE)
        assert new.version != old.version
        assert await get(drive, new.ref) == data
        assert await names(drive, folder) == ["doc.bin"]

    async def test_by_name_where_there_is_none(self, drive: Drive, folder: Ref) -> None:
        new = await put(drive, folder, "first.bin", b"first", on_conflict=REPLACE)
        assert await get(drive, new.ref) == b"first"

    @pytest.mark.parametrize("size", [1000, MORE_THAN_SIMPLE])
    async def test_a_lost_answer_is_found(self, drive: Drive, folder: Ref, size: int) -> None:
        old = await put(drive, folder, "doc.bin", b"old")
        data = content(size, seed=5)
        session = await drive.begin(new_file(folder, "doc.bin", size, replaces=(old.ref, old.version)))
        lost = await push(drive, session, data, piece=step(drive.traits))
        assert lost.done is not None
        progress = await drive.progress(UploadSession.load(session.dump()))
        assert progress.done is not None
        assert progress.done.version == lost.done.version
