"""The hashes that providers state about a file, so that a transfer can be verified by the destination's own.

MD5 and SHA-1 are here because Google and Microsoft publish them, never for security. quickXorHash is Microsoft's own
and the only hash on both personal and business OneDrive; it is computed here without a dependency. This module knows
no drive: which hash a drive verifies with is one of its `Traits`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Protocol

NAMES = frozenset({"sha256", "sha1", "md5", "quickxor"})

_BLOCK = 160
"""The bit position of byte i is 11·i mod 160, so the pattern repeats every 160 bytes."""
_WIDTH = 160
"""The digest's length in bits."""
_MASK = (1 << _WIDTH) - 1
_LANE = 1024 * _BLOCK
"""Bytes folded at once: large enough that the interpreter's share vanishes, small enough for the processor's cache."""
_SHIFTED = tuple(
    itemgetter(*(pow(11, -1, _WIDTH) * (8 * place + shift) % _WIDTH for place in range(_WIDTH // 8)))
    for shift in range(8)
)
"""For each shift of 0 to 7 bits the bytes of a row that stand at it, by their places: 11·i = 8·place + shift."""


class Hash(Protocol):
    """What hashlib's objects look like, as far as a transfer needs them."""

    def update(self, data: bytes, /) -> None:
        """The next bytes of the stream, in pieces of any size."""
        ...

    def digest(self) -> bytes:
        """The digest of all bytes so far; more may follow."""
        ...


class QuickXor:
    """Microsoft's quickXorHash of a stream, 20 bytes.

    Every byte is XORed into a 160-bit circle at 11·i bits. XOR commutes, so whole stretches of the stream are XORed
    onto one another as big integers (about 1 GB/s in plain Python) and the bits are placed once, at the end.
    """

    def __init__(self) -> None:
        self._folded = 0
        self._length = 0
        self._waiting = bytearray()

    def update(self, data: bytes, /) -> None:
        """The next bytes; small pieces are gathered first, because folding costs the same for one byte as for many."""
        self._waiting += data
        if len(self._waiting) >= _LANE:
            self._fold(len(self._waiting) // _LANE * _LANE)

    def digest(self) -> bytes:
        """20 bytes; base64 of them is what Microsoft Graph states."""
        whole = self._folded ^ int.from_bytes(self._waiting, "little")
        circle = _place(_rows(whole))
        length = self._length + len(self._waiting)
        return (circle ^ (length << (_WIDTH - 64)) & _MASK).to_bytes(_WIDTH // 8, "little")

    def _fold(self, stop: int) -> None:
        with memoryview(self._waiting) as view:
            for start in range(0, stop, _LANE):
                self._folded ^= int.from_bytes(view[start : start + _LANE], "little")
        del self._waiting[:stop]
        self._length += stop


def _rows(whole: int) -> bytes:
    """The 160-byte rows of a lane, XORed onto one row by halving: of a whole lane of 1024 rows ten times."""
    rows = 1 << (max(-(-whole.bit_length() // (_BLOCK * 8)), 1) - 1).bit_length()
    while rows > 1:
        rows //= 2
        bits = rows * _BLOCK * 8
        whole = (whole >> bits) ^ (whole & ((1 << bits) - 1))
    return whole.to_bytes(_BLOCK, "little")


def _place(row: bytes) -> int:
    """The circle of 160 bits with every byte of one row in its place."""
    circle = 0
    for shift, bytes_of in enumerate(_SHIFTED):
        placed = int.from_bytes(bytes(bytes_of(row)), "little") << shift
        circle ^= (placed & _MASK) | (placed >> _WIDTH)
    return circle


def new(name: str) -> Hash:
    """A fresh hash: 'sha256', 'sha1', 'md5' or 'quickxor'. ValueError for any other name."""
    if name == "quickxor":
        return QuickXor()
    if name not in NAMES:
        raise ValueError(f"no hash named {name!r}")
    return hashlib.new(name, usedforsecurity=False)


class Hashes:
    """Several hashes over one pass of a stream; none of them where nobody verifies."""

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes: Mapping[str, Hash] = {name: new(name) for name in names}

    def update(self, data: bytes, /) -> None:
        """The next bytes for each of them."""
        for each in self._hashes.values():
            each.update(data)

    def digests(self) -> dict[str, bytes]:
        """The digests by name."""
        return {name: each.digest() for name, each in self._hashes.items()}
