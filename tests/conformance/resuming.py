"""Uploads that another process continues: a session is a value, and the provider knows what has arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from providers.drive import Drive, Ref, UploadSession
from tests.conformance.base import (
    MORE_THAN_SIMPLE,
    Base,
    chunks,
    content,
    digest,
    everything,
    get,
    names,
    new_file,
    push,
    step,
)

DATA = content(MORE_THAN_SIMPLE, seed=2)


class Crash(Exception):
    """The source, or the process, dies."""


async def crashing(data: bytes) -> AsyncIterator[bytes]:
    """Gives the data and then dies."""
    async for chunk in chunks(data):
        yield chunk
    raise Crash


class Resuming(Base):
    """`Drive.progress` after a crash."""

    async def test_nothing_sent_yet(self, drive: Drive, folder: Ref, again: Callable[[], Drive]) -> None:
        for size in (10, len(DATA)):
            session = await drive.begin(new_file(folder, f"{size}.bin", size))
            progress = await again().progress(UploadSession.load(session.dump()))
            assert progress.offset == 0
            assert progress.done is None
        assert await names(drive, folder) == []

    async def test_it_goes_on_where_the_provider_says(
        self, drive: Drive, folder: Ref, again: Callable[[], Drive]
    ) -> None:
        piece = step(drive.traits)
        session = await drive.begin(new_file(folder, "resumed.bin", len(DATA)))
        sent = await push(drive, session, DATA, piece=piece, pieces=2)
        assert sent.done is None
        other, saved = again(), UploadSession.load(session.dump())
        progress = await other.progress(saved)
        assert progress.done is None
        assert progress.offset == sent.offset == 2 * piece
        progress = await push(other, saved, DATA, progress.offset, piece=piece)
        assert progress.done is not None
        assert progress.done.hashes[drive.traits.hash] == digest(drive.traits, DATA)
        assert await get(drive, progress.done.ref) == DATA

    async def test_a_piece_that_broke_off(self, drive: Drive, folder: Ref, again: Callable[[], Drive]) -> None:
        piece = step(drive.traits)
        session = await drive.begin(new_file(folder, "broken.bin", len(DATA)))
        await push(drive, session, DATA, piece=piece, pieces=1)
        with pytest.raises(Crash):
            await drive.send(session, piece, crashing(DATA[piece : piece + 600_000]), 2 * piece, last=False)
        other, saved = again(), UploadSession.load(session.dump())
        progress = await other.progress(saved)
        assert piece <= progress.offset <= piece + 600_000
        assert progress.offset % drive.traits.alignment == 0
        progress = await push(other, saved, DATA, progress.offset, piece=piece)
        assert progress.done is not None
        assert await get(drive, progress.done.ref) == DATA
        assert await names(drive, folder) == ["broken.bin"]

    async def test_an_unknown_size(self, drive: Drive, folder: Ref, again: Callable[[], Drive]) -> None:
        if drive.traits.needs_size:
            return
        piece = step(drive.traits)
        session = await drive.begin(new_file(folder, "unknown.bin", None))
        await push(drive, session, DATA, piece=piece, pieces=1)
        other, saved = again(), UploadSession.load(session.dump())
        progress = await other.progress(saved)
        assert progress.offset == piece
        progress = await push(other, saved, DATA, piece, piece=piece)
        assert progress.done is not None
        assert progress.done.hashes[drive.traits.hash] == digest(drive.traits, DATA)

    @pytest.mark.parametrize("size", [0, 1000, len(DATA)])
    async def test_a_success_whose_answer_was_lost(
        self, drive: Drive, folder: Ref, again: Callable[[], Drive], size: int
    ) -> None:
        session = await drive.begin(new_file(folder, "lost answer.bin", size))
        lost = await push(drive, session, DATA[:size], piece=step(drive.traits) if size else None)
        assert lost.done is not None
        progress = await again().progress(UploadSession.load(session.dump()))
        assert progress.done is not None
        assert progress.done.ref == lost.done.ref
        assert progress.offset == size
        assert [entry.ref for entry in await everything(drive, folder)] == [lost.done.ref]

    async def test_sending_again_what_has_arrived_makes_no_twin(
        self, drive: Drive, folder: Ref, again: Callable[[], Drive]
    ) -> None:
        session = await drive.begin(new_file(folder, "twice.bin", 1000))
        first = await push(drive, session, DATA[:1000])
        second = await push(again(), UploadSession.load(session.dump()), DATA[:1000])
        assert first.done is not None
        assert second.done is not None
        assert first.done.ref == second.done.ref
        assert await names(drive, folder) == ["twice.bin"]
