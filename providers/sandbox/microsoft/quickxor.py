"""quickXorHash, the one content hash that every OneDrive gives. This stand-in's own, written from the definition.

The hash puts byte j at bit 11·j (mod 160) of a 160-bit ring and XORs. The pattern of positions repeats every 160
bytes, so the stream is first XORed down to one row of 160 bytes (as a big integer) and placed bit by bit at the end.
"""

from __future__ import annotations

ROW = 160
_ROW_BITS = 8 * ROW
_RING = 160
_MASK = (1 << _RING) - 1


class QuickXor:
    """Like hashlib's objects: `update` any number of bytes, `digest` gives 20."""

    def __init__(self) -> None:
        self._row, self._length = 0, 0

    def update(self, data: bytes, /) -> None:
        """Takes more bytes; they need not line up with anything."""
        value = int.from_bytes(data, "little") << 8 * (self._length % ROW)
        self._length += len(data)
        while (bits := value.bit_length()) > _ROW_BITS:
            half = -(-bits // (2 * _ROW_BITS)) * _ROW_BITS
            value = (value >> half) ^ (value & ((1 << half) - 1))
        self._row ^= value

    def digest(self) -> bytes:
        """The 20 bytes; the length of the stream is XORed into the last eight."""
        ring = 0
        for position, byte in enumerate(self._row.to_bytes(ROW, "little")):
            placed = byte << (11 * position % _RING)
            ring ^= (placed & _MASK) | (placed >> _RING)
        return (ring ^ self._length << 96).to_bytes(20, "little")
