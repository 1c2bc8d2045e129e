"""Documents compared member by member: what providers add is no difference, anything else is, and no bomb goes off."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from gateway.transfers import members as room
from gateway.transfers.members import Ranged, Unreadable, members

RELS = '<Relationships><Relationship Id="r1" Target="a.png"/><Relationship Id="r2" Target="../customXml/i.xml"/>'
LESSON: Mapping[str, bytes] = {
    "[Content_Types].xml": b'<Types><Default Extension="xml"/><Override PartName="/word/document.xml"/></Types>',
    "word/document.xml": b"<w:document>words</w:document>" * 400,
    "word/media/a.png": bytes(range(256)) * 40,
    "docProps/core.xml": b"<by>me</by>",
}


def packed(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip document."""
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return box.getvalue()


def ranged(raw: bytes, piece: int = 1000) -> Ranged:
    @asynccontextmanager
    async def read(start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(start, min(stop, len(raw)), piece):
                yield raw[at : min(at + piece, stop)]

        yield pieces()

    return read


async def told(raw: bytes) -> Mapping[str, bytes]:
    return await members(ranged(raw), len(raw))


async def test_properties_and_packing_are_no_difference() -> None:
    added = {
        **LESSON,
        "docProps/core.xml": b"<by>the library</by>",
        "customXml/item1.xml": b"<tags/>",
        "[Content_Types].xml": b'<Types><Override PartName="/customXml/item1.xml"/>'
        b'<Override PartName="/word/document.xml"/><Default Extension="xml"/></Types>',
    }
    assert await told(packed(LESSON)) == await told(packed(dict(reversed(added.items())), zipfile.ZIP_STORED))


@pytest.mark.parametrize(
    "change",
    [
        {"word/document.xml": b"<w:document>other</w:document>"},
        {"word/media/b.png": b"one more"},
        {"[Content_Types].xml": b'<Types><Override PartName="/word/other.xml"/></Types>'},
    ],
)
async def test_anything_else_is_a_difference(change: Mapping[str, bytes]) -> None:
    assert await told(packed(LESSON)) != await told(packed({**LESSON, **change}))


async def test_links_count_but_not_those_to_added_parts() -> None:
    one = packed({"word/_rels/document.xml.rels": RELS.encode()})
    assert await told(one) == await told(
        packed({"word/_rels/document.xml.rels": RELS.split('<Relationship Id="r2')[0].encode()})
    )
    assert await told(one) != await told(
        packed({"word/_rels/document.xml.rels": RELS.replace("a.png", "b.png").encode()})
    )


def _broken(change: Callable[[bytearray], object]) -> bytes:
    raw = bytearray(packed(LESSON))
    change(raw)
    return bytes(raw)


def _entry(raw: bytearray) -> int:
    return raw.index(b"PK\x01\x02")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no zip at all",
        packed(LESSON)[:-30],
        packed(LESSON)[40:],
        _broken(lambda raw: raw.__setitem__(slice(60, 70), b"\0" * 10)),
        _broken(lambda raw: struct.pack_into("<L", raw, _entry(raw) + 24, 10)),
        _broken(lambda raw: struct.pack_into("<L", raw, _entry(raw) + 42, 30)),
        _broken(lambda raw: struct.pack_into("<H", raw, _entry(raw) + 10, 99)),
        _broken(lambda raw: struct.pack_into("<H", raw, _entry(raw) + 8, 1)),
        _broken(lambda raw: struct.pack_into("<H", raw, raw.rindex(b"PK\x05\x06") + 10, 9)),
    ],
)
async def test_malformed_documents_tell_nothing(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        await told(raw)


async def test_a_part_of_beginnings_is_read_once_and_not_from_each_to_its_end() -> None:
    """A megabyte of them: read from each to the end that would be sixty thousand million steps, and no test end."""
    links = b"<Default " * ((1 << 20) // 9)
    assert await told(packed({"[Content_Types].xml": links})) == {"[Content_Types].xml": hashlib.sha256(links).digest()}


async def test_a_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_INFLATED", 1 << 20)
    with pytest.raises(Unreadable, match="too much"):
        await told(packed({"word/document.xml": bytes(2 << 20)}))


async def test_a_bomb_that_lies_about_its_size_stops_where_it_said() -> None:
    raw = bytearray(packed({"word/document.xml": bytes(8 << 20)}))
    struct.pack_into("<L", raw, _entry(raw) + 24, 100)
    with pytest.raises(Unreadable, match="longer than it says"):
        await told(bytes(raw))
