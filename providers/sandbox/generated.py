"""Made-up bytes: any amount, quickly, always the same for the same name, and not compressible."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

BLOCK = 1 << 20


def blocks(size: int, name: str) -> Iterator[bytes]:
    """The bytes in blocks of at most 1 MiB; each block differs from the others in its first 32 bytes."""
    pattern = hashlib.shake_256(name.encode()).digest(BLOCK)
    for number in range(-(-size // BLOCK)):
        mark = hashlib.sha256(f"{name}/{number}".encode()).digest()
        yield (mark + pattern[32:])[: size - number * BLOCK]


def generated(size: int, name: str) -> bytes:
    """The same bytes as one."""
    return b"".join(blocks(size, name))
