"""Whatever is done to a sealed stream, it opens whole and true or not at all."""

from __future__ import annotations

import itertools
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.encoding import enc
from cache.errors import Corrupt
from cache.sealing import HEADER, SEGMENT, TAG, Layout, Opener, Sealer, open_whole, stream_aad

KEY = secrets.token_bytes(32)
SMALL = 96
AAD = stream_aad("school", "a" * 32, SMALL)
DATA = bytes(range(256))


def seal(data: bytes, key: bytes = KEY, aad: bytes = AAD, segment: int = SMALL) -> bytes:
    sealer = Sealer(key, aad, segment=segment)
    return b"".join(sealer.update(data)) + sealer.finish()


def refused(sealed: bytes, key: bytes = KEY, aad: bytes = AAD) -> bool:
    """Whether it is refused; opening to anything but an error would be a break."""
    try:
        open_whole(key, aad, sealed, segment=SMALL)
    except Corrupt:
        return True
    return False


def blocks(sealed: bytes) -> list[bytes]:
    return [sealed[at : at + SMALL] for at in range(0, len(sealed), SMALL)]


FIRST, REST = SMALL - HEADER - TAG, SMALL - TAG
SIZES = sorted({0, 1, *(edge + off for n in range(3) for edge in [FIRST + n * REST] for off in (-1, 0, 1))})
"""Plaintext sizes around each of the first boundaries between segments."""


@pytest.mark.parametrize("size", SIZES)
def test_every_flipped_bit_is_refused(size: int) -> None:
    sealed = seal(DATA[:size])
    assert open_whole(KEY, AAD, sealed, segment=SMALL) == DATA[:size]
    for bit in range(len(sealed) * 8):
        broken = bytearray(sealed)
        broken[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(broken)), bit


@pytest.mark.parametrize("size", SIZES)
def test_every_truncation_is_refused(size: int) -> None:
    """At every byte, from the end and from the front."""
    sealed = seal(DATA[:size])
    for length in range(len(sealed)):
        assert refused(sealed[:length]), length
        assert refused(sealed[len(sealed) - length :]), -length


@pytest.mark.parametrize("size", SIZES)
def test_every_missing_and_every_added_byte_is_refused(size: int) -> None:
    sealed = seal(DATA[:size])
    for at in range(len(sealed)):
        assert refused(sealed[:at] + sealed[at + 1 :]), at
        assert refused(sealed[:at] + b"\0" + sealed[at:]), at


@pytest.mark.parametrize("size", SIZES)
def test_every_swap_of_two_segments_is_refused(size: int) -> None:
    """And every repetition and omission of one, and every order of all of them but the right one."""
    whole = blocks(seal(DATA[:size]))
    for order in itertools.permutations(range(len(whole))):
        wrong = order != tuple(range(len(whole)))
        assert refused(b"".join(whole[at] for at in order)) is wrong, order
    for at, to in itertools.product(range(len(whole)), repeat=2):
        copied = [*whole[:to], whole[at], *whole[to:]]
        assert refused(b"".join(copied)), ("repeated", at, to)
    for at in range(len(whole)):
        assert refused(b"".join([*whole[:at], *whole[at + 1 :]])), ("left out", at)


@pytest.mark.parametrize("extra", [b"\0", b"\x80" * TAG, bytes(range(SMALL))])
@pytest.mark.parametrize("size", [0, 40, 120, 200])
def test_more_bytes_are_refused(size: int, extra: bytes) -> None:
    assert refused(seal(DATA[:size]) + extra)


@pytest.mark.parametrize("size", SIZES)
def test_a_segment_of_another_stream_is_refused(size: int) -> None:
    """Under the same key, for the same bytes: into each place from each place."""
    ours, foreign = blocks(seal(DATA[:size])), blocks(seal(DATA[:size]))
    for index, other in itertools.product(range(len(ours)), repeat=2):
        mixed = [*ours[:index], foreign[other], *ours[index + 1 :]]
        assert refused(b"".join(mixed)) is (len(ours) > 1 or mixed != foreign), (index, other)


def test_another_key_tenant_object_or_segment_size_is_refused() -> None:
    sealed = seal(DATA)
    assert refused(sealed, key=secrets.token_bytes(32))
    for aad in (
        stream_aad("other", "a" * 32, SMALL),
        stream_aad("school", "b" * 32, SMALL),
        stream_aad("school", "a" * 32),
    ):
        assert refused(sealed, aad=aad)


def test_a_stream_cut_at_a_boundary_shows_when_its_last_segment_is_asked_first() -> None:
    sealed = seal(DATA)
    opener = Opener.of(KEY, AAD, sealed[:HEADER], SMALL)
    second = sealed[SMALL : 2 * SMALL]
    assert opener.open(1, second, last=False) == DATA[SMALL - HEADER - TAG :][: SMALL - TAG]
    with pytest.raises(Corrupt):
        opener.open(1, second, last=True)


def test_two_seals_of_the_same_bytes_share_nothing() -> None:
    first, second = seal(DATA), seal(DATA)
    assert first[1:HEADER] != second[1:HEADER]
    assert not set(blocks(first)) & set(blocks(second))


def test_a_finished_sealer_takes_nothing_more() -> None:
    sealer = Sealer(KEY, AAD, segment=SMALL)
    sealer.finish()
    with pytest.raises(ValueError):
        sealer.update(b"more")
    with pytest.raises(ValueError):
        sealer.finish()


@given(data=st.binary(max_size=1000), cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_the_way_bytes_arrive_does_not_matter(data: bytes, cuts: list[int]) -> None:
    sealer, sealed = Sealer(KEY, AAD, segment=SMALL), b""
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, stop in itertools.pairwise(edges):
        sealed += b"".join(sealer.update(data[start:stop]))
    sealed += sealer.finish()
    assert len(sealed) == Layout(len(data), SMALL).sealed
    assert open_whole(KEY, AAD, sealed, segment=SMALL) == data


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 56, SEGMENT - 55, 2 * SEGMENT - 72, 2 * SEGMENT - 71, 10**9])
def test_the_layout_covers_every_byte_once(size: int) -> None:
    layout = Layout(size)
    for index in {0, layout.segments // 2, layout.segments - 1}:
        at = layout.plain_start(index)
        assert at == 0 or layout.index(at) == index
        assert at == 0 or layout.index(at - 1) == index - 1
    assert layout.block(layout.segments - 1)[1] == layout.sealed
    assert size == 0 or layout.index(size - 1) == layout.segments - 1


fields_of_any_kind = st.lists(st.one_of(st.binary(max_size=9), st.text(max_size=5)), max_size=4)


@given(one=fields_of_any_kind, other=fields_of_any_kind)
def test_different_fields_never_encode_alike(one: list[bytes | str], other: list[bytes | str]) -> None:
    raw = [[f.encode() if isinstance(f, str) else f for f in fields] for fields in (one, other)]
    assert (enc(*one) == enc(*other)) == (raw[0] == raw[1])


LARGE = st.builds(
    lambda segments, off: max(0, segments * (SEGMENT - TAG) - HEADER + off), st.integers(0, 4), st.integers(-40, 40)
)
"""Sizes around the boundaries of whole streams as they are stored."""


@settings(max_examples=60, deadline=None)
@given(size=LARGE, place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_large_stream_is_refused(size: int, place: float, bit: int) -> None:
    sealed = bytearray(large(size))
    sealed[int(place * len(sealed))] ^= 1 << bit
    with pytest.raises(Corrupt):
        open_whole(KEY, stream_aad("school", "c" * 32), bytes(sealed))


@settings(max_examples=60, deadline=None)
@given(size=LARGE, cut=st.one_of(st.integers(1, 64), st.integers(1, 5 * SEGMENT), st.sampled_from([SEGMENT, TAG])))
def test_a_truncated_large_stream_is_refused(size: int, cut: int) -> None:
    sealed = large(size)
    with pytest.raises(Corrupt):
        open_whole(KEY, stream_aad("school", "c" * 32), sealed[: max(0, len(sealed) - cut)])


@settings(max_examples=40, deadline=None)
@given(size=LARGE, data=st.data())
def test_swapped_segments_of_a_large_stream_are_refused(size: int, data: st.DataObject) -> None:
    sealed = large(size)
    whole = [sealed[at : at + SEGMENT] for at in range(0, len(sealed), SEGMENT)]
    order = data.draw(st.permutations(range(len(whole))))
    mixed = b"".join(whole[at] for at in order)
    if mixed == sealed:
        assert open_whole(KEY, stream_aad("school", "c" * 32), mixed) == bytes(size)
    else:
        with pytest.raises(Corrupt):
            open_whole(KEY, stream_aad("school", "c" * 32), mixed)


def large(size: int) -> bytes:
    """A stream in the stored segment size; its bytes are all alike, so that only place and key tell segments apart."""
    sealer = Sealer(KEY, stream_aad("school", "c" * 32))
    return b"".join(sealer.update(bytes(size))) + sealer.finish()
