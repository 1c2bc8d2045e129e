"""A zip that leaves as it is written: pieces go in, pieces come out, nothing is held but the directory at its end.

The standard library's writer into a file that cannot be sought: sizes follow each file, and what is larger than 4 GiB,
or lies behind that, is written as Zip64. It is fed and emptied by the event loop itself: no thread, no temporary file.
What lies in files is not compressed again, which would hold everybody else up; lists are.

In memory is one entry of the directory for each file, below 1 KiB; that is why a large export comes in parts. Each
entry carries the hash of its file as its comment, so the manifest says what was written, not what was meant to be.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from providers.names import free_name

LISTS: Final = 1
"""zlib's level for text that we wrote ourselves."""
AS_IT_IS: Final = 0
"""zlib's level for files: framed, not compressed, so that also readers that cannot seek know where each ends."""
_LONGEST: Final = 1024
_HASH: Final = b"sha256 "


class _Sink:
    """What the writer has written and nobody has taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing below it."""

    def take(self) -> bytes:
        """Everything since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the archive: ``size`` in bytes, ``sha256`` in hexadecimal."""

    name: str
    size: int
    sha256: str


class Archive:
    """One zip. Its bytes are what `add` and `end` give, in their order."""

    def __init__(self) -> None:
        self._sink = _Sink()
        # The sink has all of a file that the writer uses where it cannot seek.
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]

    async def add(
        self, name: str, content: AsyncIterator[bytes], modified: int, *, size: int | None = None, level: int = LISTS
    ) -> AsyncIterator[bytes]:
        """Write a file, ``modified`` in epoch ms; ``size`` None: not known before its end.

        ValueError where it has another size than was said.
        """
        info = zipfile.ZipInfo(self._free(name), _moment(modified))
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size or 0
        info._compresslevel = level  # type: ignore[attr-defined]  # noqa: SLF001  # its public name came with 3.13
        digest = hashlib.sha256()
        with self._zip.open(info, "w", force_zip64=size is None) as into:
            async for piece in content:
                into.write(piece)
                digest.update(piece)
                yield self._sink.take()
        if size is not None and info.file_size != size:
            raise ValueError("the file has another size")
        info.comment = _HASH + digest.hexdigest().encode()
        yield self._sink.take()

    def _free(self, name: str) -> str:
        """The name, or the first free one beside it."""
        name = name if len(name.encode()) <= _LONGEST else f"files/{hashlib.sha256(name.encode()).hexdigest()}"
        number, free = 2, name
        while free in self._zip.NameToInfo:
            free, number = free_name(name, number), number + 1
        return free

    def entries(self) -> Iterator[Entry]:
        """Every file that was written so far."""
        for info in self._zip.infolist():
            yield Entry(info.filename, info.file_size, info.comment.removeprefix(_HASH).decode())

    def last(self) -> Entry:
        """The file that was written last."""
        info = self._zip.infolist()[-1]
        return Entry(info.filename, info.file_size, info.comment.removeprefix(_HASH).decode())

    def end(self) -> bytes:
        """The directory; the archive is whole with it."""
        self._zip.close()
        return self._sink.take()


async def gathered(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces of about ``size`` or more: a header of some bytes is not worth a packet."""
    held: list[bytes] = []
    async with aclosing(pieces) as given:  # type: ignore[type-var]  # they are async generators
        async for piece in given:
            held.append(piece)
            if sum(map(len, held)) >= size:
                yield b"".join(held)
                held.clear()
    if held:
        yield b"".join(held)


def _moment(ms: int) -> tuple[int, int, int, int, int, int]:
    """A time as zips have it, in UTC: from 1980 to 2100."""
    at = datetime.fromtimestamp(max(0, min(ms, 4_102_444_800_000)) / 1000, UTC)
    return (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second)
