"""How several values become one byte string without ambiguity.

Everything that is authenticated beside a ciphertext, or fed to a key derivation, passes through `enc`: with a length
before every field no two different lists of fields can give the same bytes.
"""

from __future__ import annotations

import struct

Part = bytes | str | int | None


def enc(*fields: Part) -> bytes:
    """Each field with its length (u32, big-endian) before it: text as UTF-8, a number as 8 bytes, None as nothing."""
    out = bytearray()
    for field in fields:
        raw = _raw(field)
        out += struct.pack(">I", len(raw)) + raw
    return bytes(out)


def _raw(field: Part) -> bytes:
    if field is None:
        return b""
    if isinstance(field, int):
        return struct.pack(">Q", field)
    return field.encode() if isinstance(field, str) else field
