"""quickXorHash: the published vector, the definition bit by bit, and any way of cutting the stream."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.sandbox.microsoft.quickxor import QuickXor

VECTORS = {  # of the definition: one byte stands alone at bit 11·j, the length in the last eight bytes
    b"": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    b"\x01": "AQAAAAAAAAAAAAAAAQAAAAAAAAA=",
    b"\x00\x01": "AAgAAAAAAAAAAAAAAgAAAAAAAAA=",
    b"hello world": "aCgDG9jwBhDc4Q1yawMZAAAAAAA=",  # published in rclone's and Microsoft's test material
}


def by_definition(data: bytes) -> bytes:
    """Bit by bit, as the definition reads: slow, and shares no idea with the code under test."""
    ring = [0] * 160
    for position, byte in enumerate(data):
        for bit in range(8):
            ring[(11 * position + bit) % 160] ^= byte >> bit & 1
    for bit in range(64):
        ring[96 + bit] ^= len(data) >> bit & 1
    return bytes(sum(ring[8 * at + bit] << bit for bit in range(8)) for at in range(20))


@pytest.mark.parametrize(("data", "expected"), VECTORS.items())
def test_vectors(data: bytes, expected: str) -> None:
    hasher = QuickXor()
    hasher.update(data)
    assert base64.b64encode(hasher.digest()).decode() == expected
    assert base64.b64encode(by_definition(data)).decode() == expected


@given(st.binary(max_size=2000), st.lists(st.integers(0, 500), max_size=8))
def test_cutting_the_stream_changes_nothing(data: bytes, cuts: list[int]) -> None:
    hasher, rest = QuickXor(), data
    for cut in cuts:
        hasher.update(rest[:cut])
        rest = rest[cut:]
    hasher.update(rest)
    assert hasher.digest() == by_definition(data)


def test_a_long_stream_in_large_pieces() -> None:
    data = bytes(range(256)) * 4099  # more than a mebibyte, and no multiple of the row
    whole, parts = QuickXor(), QuickXor()
    whole.update(data)
    for at in range(0, len(data), 262_144):
        parts.update(data[at : at + 262_144])
    assert whole.digest() == parts.digest() == by_definition(data)
