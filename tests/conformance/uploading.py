"""begin and send: sizes, pieces, names, conflicts; verified by the drive's own hash."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import DriveError, NameRefused, NameTaken, NotFound, SizeRequired, TooLarge, Untrusted
from tests.conformance.base import (
    MODIFIED,
    MORE_THAN_SIMPLE,
    RENAME,
    Base,
    chunks,
    content,
    digest,
    get,
    names,
    new_file,
    push,
    put,
    step,
)


class Uploading(Base):
    """`Drive.begin`, `Drive.send` and `Drive.abort`."""

    @pytest.mark.parametrize("size", [0, 1, 1000, 262_144, 700_001])
    async def test_small_files(self, drive: Drive, folder: Ref, size: int) -> None:
        data = content(size)
        entry = await put(drive, folder, "small.bin", data)
        assert entry.size == size
        assert entry.name == "small.bin"
        assert entry.parent == folder
        assert entry.hashes[drive.traits.hash] == digest(drive.traits, data)
        assert abs((entry.modified - MODIFIED).total_seconds()) < 1
        assert await get(drive, entry.ref) == data

    async def test_several_pieces(self, drive: Drive, folder: Ref) -> None:
        data = content(MORE_THAN_SIMPLE)
        entry = await put(drive, folder, "pieces.bin", data, piece=step(drive.traits))
        assert entry.size == len(data)
        assert entry.hashes[drive.traits.hash] == digest(drive.traits, data)
        assert abs((entry.modified - MODIFIED).total_seconds()) < 1
        assert await get(drive, entry.ref) == data

    async def test_pieces_that_end_exactly(self, drive: Drive, folder: Ref) -> None:
        piece = step(drive.traits, 4 * 1024 * 1024)
        data = content(2 * piece)
        entry = await put(drive, folder, "even.bin", data, piece=piece)
        assert entry.hashes[drive.traits.hash] == digest(drive.traits, data)

    @pytest.mark.parametrize("size", [0, 10, MORE_THAN_SIMPLE])
    async def test_a_size_that_is_not_known(self, drive: Drive, folder: Ref, size: int) -> None:
        data = content(size)
        if drive.traits.needs_size:
            with pytest.raises(SizeRequired):
                await drive.begin(new_file(folder, "unknown.bin", None))
            return
        entry = await put(drive, folder, "unknown.bin", data, piece=step(drive.traits), known=False)
        assert entry.size == size
        assert entry.hashes[drive.traits.hash] == digest(drive.traits, data)
        assert abs((entry.modified - MODIFIED).total_seconds()) < 1

    async def test_an_unknown_end_told_by_an_empty_last_piece(self, drive: Drive, folder: Ref) -> None:
        if drive.traits.needs_size:
            return
        piece = step(drive.traits)
        data = content(piece)
        session = await drive.begin(new_file(folder, "late end.bin", None))
        progress = await drive.send(session, 0, chunks(data), piece, last=False)
        assert progress.done is None
        assert progress.offset == piece
        progress = await drive.send(session, piece, chunks(b""), 0, last=True)
        assert progress.done is not None
        assert progress.done.hashes[drive.traits.hash] == digest(drive.traits, data)

    async def test_a_taken_name_is_refused(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "taken.bin", b"first")
        with pytest.raises(NameTaken):
            await put(drive, folder, "taken.bin", b"second")
        assert await get(drive, first.ref) == b"first"
        assert await names(drive, folder) == ["taken.bin"]

    async def test_a_free_name_is_found(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "taken.bin", b"first")
        second = await put(drive, folder, "taken.bin", b"second", on_conflict=RENAME)
        assert second.ref != first.ref
        assert second.name != "taken.bin"
        assert await names(drive, folder) == sorted(["taken.bin", second.name])
        assert await get(drive, first.ref) == b"first"
        assert await get(drive, second.ref) == b"second"

    async def test_case_matters_only_where_the_drive_says_so(self, drive: Drive, folder: Ref) -> None:
        await put(drive, folder, "Case.bin", b"first")
        if drive.traits.unique_names and not drive.traits.case_sensitive:
            with pytest.raises(NameTaken):
                await put(drive, folder, "cASE.bin", b"second")
        else:
            await put(drive, folder, "cASE.bin", b"second")
            assert await names(drive, folder) == ["Case.bin", "cASE.bin"]

    async def test_names_that_the_drive_forbids(self, drive: Drive, folder: Ref) -> None:
        bad = [f"a{char}b" for char in sorted(drive.traits.forbidden)] + sorted(drive.traits.reserved) + [""]
        for name in [*bad, "x" * (drive.traits.max_name + 1)]:
            with pytest.raises(NameRefused):
                await drive.begin(new_file(folder, name, 1))

    async def test_too_large(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(TooLarge):
            await drive.begin(new_file(folder, "huge.bin", drive.traits.max_size + 1))

    async def test_a_missing_parent(self, drive: Drive, folder: Ref) -> None:
        inner = await drive.make_folder(folder, "inner")
        await drive.delete(inner.ref)
        with pytest.raises(NotFound):
            await put(drive, inner.ref, "lost.bin", b"lost")
        with pytest.raises(NotFound):
            await put(drive, inner.ref, "lost.bin", content(MORE_THAN_SIMPLE), piece=step(drive.traits))

    @pytest.mark.parametrize("off", [-1, 1])
    async def test_a_source_that_breaks_its_promise(self, drive: Drive, folder: Ref, off: int) -> None:
        data = content(100_000)
        session = await drive.begin(new_file(folder, "promise.bin", len(data)))
        with pytest.raises((Untrusted, ValueError)):
            await drive.send(session, 0, chunks(content(len(data) + off)), len(data), last=True)
        assert await names(drive, folder) == []

    async def test_an_abandoned_upload_leaves_nothing(self, drive: Drive, folder: Ref) -> None:
        piece = step(drive.traits)
        session = await drive.begin(new_file(folder, "given up.bin", MORE_THAN_SIMPLE))
        await push(drive, session, content(MORE_THAN_SIMPLE), piece=piece, pieces=1)
        await drive.abort(session)
        await drive.abort(session)
        assert await names(drive, folder) == []
        with pytest.raises(DriveError):
            await push(drive, session, content(MORE_THAN_SIMPLE), piece, piece=piece)
        assert await names(drive, folder) == []

    async def test_an_upload_that_was_never_begun_can_be_abandoned(self, drive: Drive, folder: Ref) -> None:
        session = await drive.begin(new_file(folder, "small.bin", 10))
        await drive.abort(session)
        assert await names(drive, folder) == []
