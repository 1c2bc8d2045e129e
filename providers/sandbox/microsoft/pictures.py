"""Small real pictures: PNG gradients of any size, the same every time."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache


@lru_cache(maxsize=64)
def picture(width: int, height: int, tint: int = 128) -> bytes:
    """A PNG from dark to bright, left to right and top to bottom, with this much (0-255) blue."""
    row = bytes(value for x in range(width) for value in (255 * x // width, 0, tint))
    rows = b"".join(b"\0" + row[:1] + _lit(row[1:], 255 * y // height) for y in range(height))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _lit(row: bytes, green: int) -> bytes:
    """The row with its green, every third byte, set."""
    lit = bytearray(row)
    lit[::3] = bytes([green]) * len(lit[::3])
    return bytes(lit)
