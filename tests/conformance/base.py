"""What the suites share: default fixtures, deterministic bytes, and an upload done the way a job does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from providers import hashes
from providers.drive import Drive, Entry, NewFile, OnConflict, Page, Progress, Ref, Traits, UploadSession
from providers.verbs import supports

Verb = TypeVar("Verb")

MODIFIED = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
"""A moment with whole seconds: some drives keep no finer ones."""

MORE_THAN_SIMPLE = 6 * 1024 * 1024 + 12345
"""Bytes of a file that no drive takes in one simple request."""


class Base:
    """The optional fixtures, with their defaults."""

    @pytest.fixture
    def again(self, drive: Drive) -> Callable[[], Drive]:
        """Gives a drive object for the same account, as a process started anew would have it."""
        return lambda: drive

    @pytest.fixture
    def page_size(self) -> int | None:
        """How many children a page holds at most."""
        return None


def content(size: int, seed: int = 1) -> bytes:
    """That many bytes that look random and are the same in every run."""
    block = b"".join(((n * 2654435761 + seed * 40503) & 0xFFFFFFFF).to_bytes(4, "big") for n in range(4096))
    return (block * (size // len(block) + 1))[:size]


def new_file(parent: Ref, name: str, size: int | None, **other: Any) -> NewFile:
    """A specification with the defaults of the suites."""
    known: dict[str, Any] = {"media_type": "application/octet-stream", "modified": MODIFIED, **other}
    return NewFile(parent=parent, name=name, size=size, **known)


async def chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """The data in pieces of an awkward size."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def step(traits: Traits, wanted: int = 1024 * 1024) -> int:
    """A piece size that the drive allows, near the wanted one."""
    most = min(wanted, traits.max_piece or wanted)
    return max(most - most % traits.alignment, traits.alignment)


async def push(
    drive: Drive,
    session: UploadSession,
    data: bytes,
    offset: int = 0,
    *,
    piece: int | None = None,
    pieces: int = 10_000,
) -> Progress:
    """Sends from ``offset`` on, at most ``pieces`` pieces, and goes where each answer says. The last Progress."""
    progress = Progress(offset)
    for _ in range(pieces):
        start = progress.offset
        part = data[start : start + piece] if piece else data[start:]
        progress = await drive.send(session, start, chunks(part), len(part), last=start + len(part) == len(data))
        if progress.done is not None:
            break
    return progress


async def put(
    drive: Drive, parent: Ref, name: str, data: bytes, *, piece: int | None = None, known: bool = True, **other: Any
) -> Entry:
    """Uploads and gives the finished entry. ``known`` False: the size is not told beforehand."""
    if piece is None and drive.traits.max_piece is not None and len(data) > drive.traits.max_piece:
        piece = step(drive.traits, drive.traits.max_piece)
    session = await drive.begin(new_file(parent, name, len(data) if known else None, **other))
    progress = await push(drive, session, data, piece=piece)
    assert progress.done is not None
    assert progress.offset == len(data)
    return progress.done


async def get(drive: Drive, ref: Ref, start: int = 0, stop: int | None = None, **other: Any) -> bytes:
    """Downloads; checks that no piece is too large and that the promised length is kept."""
    async with drive.read(ref, start, stop, **other) as read:
        parts = []
        async for piece in read:
            assert len(piece) <= 256 * 1024
            parts.append(bytes(piece))
        data = b"".join(parts)
        assert read.start == start
        assert read.length in (None, len(data))
        return data


async def names(drive: Drive, folder: Ref) -> list[str]:
    """All names in a folder, sorted."""
    return sorted(entry.name for entry in await everything(drive, folder))


async def everything(drive: Drive, folder: Ref) -> list[Entry]:
    """All children, page after page."""
    return await collected(lambda cursor: drive.children(folder, cursor))


async def collected(turn: Callable[[str | None], Awaitable[Page]]) -> list[Entry]:
    """All entries of a list that is told in pages; ``turn`` gives the page behind a cursor."""
    found: list[Entry] = []
    cursor = None
    for _ in range(1000):
        page = await turn(cursor)
        assert page.complete
        found += page.entries
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("a listing without an end")


def verb(drive: object, protocol: Callable[..., Verb]) -> Verb:
    """The drive as one that has this optional verb: a suite of a verb that it lacks fails."""
    found = supports(drive, protocol)
    assert found is not None, "this suite is for drives that have the verb"
    return found


def digest(traits: Traits, data: bytes) -> bytes:
    """The drive's own hash of the data."""
    made = hashes.new(traits.hash)
    made.update(data)
    return made.digest()


async def gone(drive: Drive, folder: Ref) -> Ref:
    """The ref of something that was there and is no more."""
    entry = await put(drive, folder, "gone.bin", b"gone")
    await drive.delete(entry.ref)
    return entry.ref


RENAME = OnConflict.RENAME
REPLACE = OnConflict.REPLACE
