"""quickXorHash, the one content hash that every OneDrive gives. This stand-in's own, written from the definition.

The hash puts byte j at bit 11·j (mod 160) of a 160-bit ring and XORs. The pattern of positions repeats every 160
bytes, so the stream is first XORed down to one row (as big integers, in steps that fit a processor's first cache),
and that row is placed at the end: 11 bits apart no two bytes meet, so all of them are one long number to fold.
"""

from __future__ import annotations

ROW = 160
_ROW_BITS = 8 * ROW
_STEP = 64 * ROW
_RING = 160
_SPREAD = [f"{byte:011b}" for byte in range(256)]


class QuickXor:
    """Like hashlib's objects: `update` any number of bytes, `digest` gives 20."""

    def __init__(self) -> None:
        self._rows, self._length = 0, 0

    def update(self, data: bytes, /) -> None:
        """Takes more bytes; they need not line up with anything."""
        view, rows = memoryview(data), 0
        for at in range(0, len(data), _STEP):
            rows ^= int.from_bytes(view[at : at + _STEP], "little")
        self._rows ^= rows << 8 * (self._length % ROW)
        self._length += len(data)

    def digest(self) -> bytes:
        """The 20 bytes; the length of the stream is XORed into the last eight."""
        row = _folded(self._rows, _ROW_BITS).to_bytes(ROW, "little")
        placed = int("".join([_SPREAD[byte] for byte in reversed(row)]), 2)
        return (_folded(placed, _RING) ^ self._length << 96).to_bytes(20, "little")


def _folded(value: int, bits: int) -> int:
    """The number cut into pieces of so many bits, all of them XORed."""
    folded, mask = 0, (1 << bits) - 1
    while value:
        folded ^= value & mask
        value >>= bits
    return folded
