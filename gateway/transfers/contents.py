"""Whether a file that the provider altered still holds what was sent: member by member, where it is a zip document.

The bytes are read again from both sides by ranges, so nothing is spooled for it. Of other kinds (PDF, HTML, the old
Office formats) nothing can honestly be said. Equal contents are told to the person; an original is never removed on it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from gateway.transfers.members import Ranged, Unreadable, members
from gateway.transfers.origin import Origin
from providers.drive import Drive, Entry

_ZIPPED: Final = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.", "application/vnd.ms-")
LARGEST: Final = 256 << 20
"""Files above it are not read a second time only to tell more about them, bytes."""


async def same_contents(drive: Drive, entry: Entry, origin: Origin, media_type: str) -> bool:
    """True only where every member of both is known to be the same. DriveError where one side cannot be read."""
    if not media_type.startswith(_ZIPPED) or max(entry.size or 0, origin.size) > LARGEST or not entry.size:
        return False
    try:
        there = await members(_of_drive(drive, entry), entry.size)
        return bool(there) and there == await members(_of_origin(origin), origin.size)
    except Unreadable:
        return False


def _of_drive(drive: Drive, entry: Entry) -> Ranged:
    @asynccontextmanager
    async def read(start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async with drive.read(entry.ref, start, stop, version=entry.version) as opened:
            yield aiter(opened)

    return read


def _of_origin(origin: Origin) -> Ranged:
    @asynccontextmanager
    async def read(start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async with origin.read(start) as pieces, aclosing(_cut(pieces, stop - start)) as cut:
            yield cut

    return read


async def _cut(pieces: AsyncIterator[bytes], length: int) -> AsyncGenerator[bytes, None]:
    """The first ``length`` bytes."""
    async for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return
