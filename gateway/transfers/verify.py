"""Is what the destination holds what was sent? Asked of the destination's own hash, or of its bytes where it has none.

Only `Verdict.EQUAL` is ever a reason to remove an original.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

from providers import hashes
from providers.drive import Entry, Kind, Source

_PATIENCE: Final = (0.5, 1.0, 2.0)


class Verdict(StrEnum):
    """ALTERED: the provider is known to rewrite files of this type, so a difference proves nothing.

    ALTERED_EQUAL: every member of the document is the same all the same. CONVERTED: it is a document of the drive's
    own kind now and exports again. LIKELY: what was there already has the same size and time.
    """

    EQUAL = "equal"
    ALTERED = "altered"
    ALTERED_EQUAL = "altered_equal"
    CONVERTED = "converted"
    LIKELY = "likely"
    DIFFERENT = "different"


async def verify(drive: Source, entry: Entry, size: int, expected: bytes, media_type: str) -> tuple[Verdict, Entry]:
    """Compare the finished entry with the size and the hash (`Traits.hash`) of what was sent. DriveError.

    ``media_type`` is what was sent. A provider may need a moment until it states a hash; after that the file is read
    back. Returns the entry with which it was compared.
    """
    entry, stated = await _stated(drive, entry)
    if stated is None:
        stated = await read_back(drive, entry)
    if entry.size == size and stated == expected:
        return Verdict.EQUAL, entry
    if drive.traits.rewrites & {entry.media_type, media_type}:
        return Verdict.ALTERED, entry
    return Verdict.DIFFERENT, entry


async def verify_converted(drive: Source, entry: Entry) -> tuple[Verdict, Entry]:
    """Whether it is a document that can be exported again: all that can be known of a conversion. DriveError."""
    entry = await drive.stat(entry.ref)
    if entry.kind is not Kind.DOCUMENT or not entry.exports:
        return Verdict.DIFFERENT, entry
    async with drive.read(entry.ref, export=entry.exports[0].id) as opened:
        async for piece in opened:
            if piece:
                return Verdict.CONVERTED, entry
    return Verdict.DIFFERENT, entry


async def read_back(drive: Source, entry: Entry) -> bytes:
    """The hash of the bytes that the destination gives out now. Changed where they are not that entry's."""
    running = hashes.new(drive.traits.hash)
    async with drive.read(entry.ref, version=entry.version) as opened:
        async for piece in opened:
            running.update(piece)
            await asyncio.sleep(0)
    return running.digest()


async def _stated(drive: Source, entry: Entry) -> tuple[Entry, bytes | None]:
    for pause in _PATIENCE:
        if drive.traits.hash in entry.hashes:
            break
        await asyncio.sleep(pause)
        entry = await drive.stat(entry.ref)
    return entry, entry.hashes.get(drive.traits.hash)
