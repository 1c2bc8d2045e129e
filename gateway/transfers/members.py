"""The members of a zip document (OOXML, ODF) as digests, read by ranges and in bounded memory, trusting nothing in it.

Limits hold before anything is inflated: a directory of a bounded size, members that do not overlap, inflated bytes
counted as they come. Whatever does not fit is `Unreadable`: then nothing can be said of the document.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import struct
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Final

Ranged = Callable[[int, int], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Bytes start..stop of the document, in pieces of at most 256 KiB."""

MOST_MEMBERS: Final = 10_000
MOST_INFLATED: Final = 1 << 30
_DIRECTORY: Final = 4 << 20
_PART: Final = 1 << 20
"""The largest relations or content-types part that is looked into."""
_STEP: Final = 256 << 10
_END: Final = struct.Struct("<4s4H2LH")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_ADDED: Final = re.compile(r"docProps/|customXml/|docMetadata/|meta\.xml\Z|META-INF/manifest\.xml\Z", re.ASCII)
"""Where providers write their own properties."""
_LINKS: Final = re.compile(r"\[Content_Types\]\.xml\Z|.*\.rels\Z", re.ASCII | re.DOTALL)
_ELEMENT: Final = re.compile(rb"<(?:Relationship|Override|Default)\b[^<>]*>")
"""Stops at the next element too, or a part of nothing but beginnings would be read from each of them to its end."""
_OF_ADDED: Final = re.compile(rb"docProps|customXml|docMetadata|custom-properties|core-properties|extended-properties")


class Unreadable(Exception):
    """Not a zip document that can be compared within the limits."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    method: int
    packed: int
    size: int
    crc: int
    offset: int


async def members(read: Ranged, size: int) -> Mapping[str, bytes]:
    """A digest by member, without what providers add by themselves. Unreadable; what ``read`` raises.

    Of parts that only link other parts (relations, content types), the links to what providers add are left out.
    """
    found, begin = await _directory(read, size)
    _refuse_odd(found, begin)
    if sum(member.size for member in found) > MOST_INFLATED:
        raise Unreadable("too much to inflate")
    told = dict[str, bytes]()
    if not found:
        return told
    async with read(0, begin) as pieces:
        walk = _Walk(pieces)
        for member in found:
            if not member.name.endswith("/") and not _ADDED.match(member.name):
                told[member.name] = await _digest(walk, member)
    return told


class _Walk:
    """Forward through the document, once."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""
        self.at = 0

    async def next(self, most: int) -> bytes:
        """At least one byte, at most ``most``. Unreadable at the end."""
        if not self._left:
            self._left = await anext(self._pieces, b"")
            await asyncio.sleep(0)
            if not self._left:
                raise Unreadable("shorter than its directory says")
        piece, self._left = self._left[:most], self._left[most:]
        self.at += len(piece)
        return piece

    async def exactly(self, length: int) -> bytes:
        """So many bytes, few."""
        parts: list[bytes] = []
        while length > 0:
            parts.append(await self.next(length))
            length -= len(parts[-1])
        return b"".join(parts)

    async def go(self, position: int) -> None:
        """On to there. Unreadable where it lies behind."""
        if position < self.at:
            raise Unreadable("members that overlap")
        while self.at < position:
            await self.next(min(position - self.at, _STEP))


async def _directory(read: Ranged, size: int) -> tuple[list[_Member], int]:
    """The members as the central directory lists them, by place, and where the directory begins."""
    tail_at = max(size - _END.size - 0xFFFF, 0)
    tail = await _bytes(read, tail_at, size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise Unreadable("no end of a directory")
    _, disk, first, here, count, length, offset, _ = _END.unpack_from(tail, at)
    if disk or first or here != count or count > MOST_MEMBERS or length > _DIRECTORY or offset + length > tail_at + at:
        raise Unreadable("a directory that does not fit")
    raw, position, listed = await _bytes(read, offset, offset + length), 0, list[_Member]()
    for _ in range(count):
        if position + _ENTRY.size > len(raw) or raw[position : position + 4] != b"PK\x01\x02":
            raise Unreadable("a broken directory")
        fields = _ENTRY.unpack_from(raw, position)
        name_end = position + _ENTRY.size + fields[10]
        name = raw[position + _ENTRY.size : name_end].decode("utf-8", "surrogateescape")
        if fields[3] & 1 or fields[4] not in (0, 8):
            raise Unreadable("a member that cannot be read")
        listed.append(_Member(name, fields[4], fields[8], fields[9], fields[7], fields[16]))
        position = name_end + fields[11] + fields[12]
    return sorted(listed, key=lambda member: member.offset), offset


def _refuse_odd(found: list[_Member], end: int) -> None:
    """No two of a name, none that shares its bytes with another, none beyond the directory."""
    if len({member.name for member in found}) != len(found):
        raise Unreadable("two members of one name")
    limits = [member.offset for member in found[1:]] + [end]
    for member, limit in zip(found, limits, strict=False):
        if member.offset + _LOCAL.size + member.packed > limit:
            raise Unreadable("members that overlap")


async def _digest(walk: _Walk, member: _Member) -> bytes:
    await walk.go(member.offset)
    head = await walk.exactly(_LOCAL.size)
    if head[:4] != b"PK\x03\x04":
        raise Unreadable("a member without its head")
    *_, name_length, extra_length = _LOCAL.unpack(head)
    await walk.go(walk.at + name_length + extra_length)
    running, crc, size = hashlib.sha256(), 0, 0
    kept = bytearray() if _LINKS.match(member.name) and member.size <= _PART else None
    async with aclosing(_inflated(walk, member)) as pieces:
        async for piece in pieces:
            size += len(piece)
            if size > member.size:
                raise Unreadable("a member longer than it says")
            crc = zlib.crc32(piece, crc)
            running.update(piece)
            if kept is not None:
                kept += piece
            await asyncio.sleep(0)
    if size != member.size or crc != member.crc:
        raise Unreadable("a member that is not what it says")
    return (kept is not None and _links(bytes(kept))) or running.digest()


async def _inflated(walk: _Walk, member: _Member) -> AsyncGenerator[bytes, None]:
    """The member's bytes, at most 256 KiB at a time however well they were packed."""
    left, inflater = member.packed, zlib.decompressobj(-zlib.MAX_WBITS)
    while left > 0:
        piece = await walk.next(min(left, _STEP))
        left -= len(piece)
        if member.method == 0:
            yield piece
            continue
        try:
            while piece and not inflater.eof:
                yield inflater.decompress(piece, _STEP)
                piece = inflater.unconsumed_tail
        except zlib.error:
            raise Unreadable("a member that does not inflate") from None
    while member.method and not inflater.eof and (more := inflater.decompress(b"", _STEP)):
        yield more


def _links(part: bytes) -> bytes | None:
    """The digest of what a part links, in any order, without the links to what providers add. None: not understood."""
    found = _ELEMENT.findall(part)
    kept = sorted(one for one in found if not _OF_ADDED.search(one))
    return hashlib.sha256(b"\0".join(kept)).digest() if found else None


async def _bytes(read: Ranged, start: int, stop: int) -> bytes:
    if start >= stop:
        return b""
    async with read(start, stop) as pieces:
        return b"".join([piece async for piece in pieces])
