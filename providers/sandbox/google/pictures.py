"""Small real pictures, drawn from what a file holds: the same for the same seed. For thumbnails and picture exports."""

from __future__ import annotations

import hashlib
import struct
import zlib

BARS = 8


def png(width: int, height: int, seed: str) -> bytes:
    """Coloured bars on white, as PNG."""
    digest = hashlib.sha256(seed.encode()).digest()
    rows = []
    for line in range(height):
        bar = line * BARS // max(1, height)
        ink = width * (64 + digest[bar] // 2) // 256 if line * BARS % height < height * 3 // 4 else 0
        colour = digest[8 + bar : 9 + bar] + digest[16 + bar : 17 + bar] + digest[24:25]
        rows.append(b"\0" + colour * ink + b"\xff\xff\xff" * (width - ink))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(rows), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(width: int, height: int) -> bytes:
    """An even grey, as baseline JPEG: each block is two zero bits by tables of one code each."""
    tables = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    for kind in (b"\x00", b"\x10"):
        tables += b"\xff\xc4\x00\x14" + kind + b"\x01" + bytes(15) + b"\x00"
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    bits = 2 * -(-width // 8) * -(-height // 8)
    scan = bytes(bits // 8) + (bytes([0xFF >> bits % 8]) if bits % 8 else b"")
    return b"\xff\xd8" + tables + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + scan + b"\xff\xd9"


def svg(width: int, height: int, text: str) -> bytes:
    """A line of text, as SVG. The text is escaped already."""
    shape = f'<text x="10" y="{height // 2}" font-family="sans-serif">{text}</text>'
    size = f'width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{shape}</svg>'.encode()
