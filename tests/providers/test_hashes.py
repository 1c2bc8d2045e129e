"""The hashes against their published vectors and against a slow, literal reading of Microsoft's description."""

from __future__ import annotations

import base64
import hashlib
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers import hashes
from tests.soak import FACTOR

LANE = 1024 * 160


def literal_quickxor(data: bytes) -> bytes:
    """Microsoft's description, bit position by bit position: shift 11 more for each byte, the length into the end."""
    circle = bytearray(20)
    for index, byte in enumerate(data):
        for bit in range(8):
            if byte >> bit & 1:
                place = (11 * index + bit) % 160
                circle[place // 8] ^= 1 << place % 8
    for index, byte in enumerate(len(data).to_bytes(8, "little")):
        circle[12 + index] ^= byte
    return bytes(circle)


def quickxor(*pieces: bytes) -> bytes:
    hasher = hashes.new("quickxor")
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def test_the_published_vectors() -> None:
    assert base64.b64encode(quickxor(b"hello world")) == b"aCgDG9jwBhDc4Q1yawMZAAAAAAA="
    assert quickxor() == bytes(20)


@given(st.lists(st.binary(max_size=700), max_size=6))
def test_quickxor_is_the_literal_one_however_the_stream_is_cut(pieces: list[bytes]) -> None:
    assert quickxor(*pieces) == literal_quickxor(b"".join(pieces))


@settings(max_examples=25 * FACTOR)
@given(st.integers(-3, 3), st.integers(1, 3), st.integers(0, LANE))
def test_quickxor_agrees_around_the_lane(around: int, lanes: int, cut: int) -> None:
    data = (bytes(range(256)) * (lanes * LANE // 256 + 2))[: lanes * LANE + around]
    assert quickxor(data) == quickxor(data[:cut], data[cut:])
    assert quickxor(data[:cut], data[cut:]) == quickxor(*(data[i : i + 65_521] for i in range(0, len(data), 65_521)))


def test_quickxor_of_more_than_one_lane_is_the_literal_one() -> None:
    data = os.urandom(LANE + 161)
    assert quickxor(data[:100_001], data[100_001:]) == literal_quickxor(data)


def test_a_digest_can_be_taken_and_the_stream_go_on() -> None:
    hasher = hashes.new("quickxor")
    hasher.update(b"hello ")
    assert hasher.digest() == literal_quickxor(b"hello ")
    hasher.update(b"world")
    assert hasher.digest() == literal_quickxor(b"hello world")


def test_quickxor_keeps_up_with_a_fast_line() -> None:
    """500 MB/s is the aim; the floor here is low enough for a busy machine and high enough to catch a byte loop."""
    piece = os.urandom(256 * 1024)
    best = 0.0
    for _ in range(5):
        hasher, started = hashes.new("quickxor"), time.perf_counter()
        for _ in range(64):
            hasher.update(piece)
        hasher.digest()
        best = max(best, 64 * len(piece) / (time.perf_counter() - started))
    assert best > 150e6


@pytest.mark.parametrize("name", ["sha256", "sha1", "md5"])
def test_the_common_ones_are_hashlibs(name: str) -> None:
    hasher = hashes.new(name)
    hasher.update(b"hello ")
    hasher.update(b"world")
    assert hasher.digest() == hashlib.new(name, b"hello world", usedforsecurity=False).digest()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no hash named"):
        hashes.new("crc32")


def test_several_hashes_in_one_pass() -> None:
    several = hashes.Hashes(["sha256", "quickxor"])
    several.update(b"hello world")
    assert several.digests() == {
        "sha256": hashlib.sha256(b"hello world").digest(),
        "quickxor": literal_quickxor(b"hello world"),
    }
    assert hashes.Hashes([]).digests() == {}
