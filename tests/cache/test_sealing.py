"""Whatever is done to a sealed stream, it opens whole and true or not at all."""

from __future__ import annotations

import itertools
import secrets

import pytest
from hypothesis import given
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


@pytest.mark.parametrize("size", [0, 1, 40, 41, 120])
def test_every_flipped_bit_is_refused(size: int) -> None:
    sealed = seal(DATA[:size])
    assert open_whole(KEY, AAD, sealed, segment=SMALL) == DATA[:size]
    for bit in range(len(sealed) * 8):
        broken = bytearray(sealed)
        broken[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(broken)), bit


def test_every_truncation_is_refused() -> None:
    sealed = seal(DATA)
    for length in range(len(sealed)):
        assert refused(sealed[:length]), length


@pytest.mark.parametrize("extra", [b"\0", b"\x80" * TAG, bytes(range(SMALL))])
@pytest.mark.parametrize("size", [0, 40, 120, 200])
def test_more_bytes_are_refused(size: int, extra: bytes) -> None:
    assert refused(seal(DATA[:size]) + extra)


def test_swapped_duplicated_and_dropped_segments_are_refused() -> None:
    whole = blocks(seal(DATA))
    assert len(whole) >= 4
    swapped = [whole[0], whole[2], whole[1], *whole[3:]]
    duplicated = [*whole[:2], whole[1], *whole[2:]]
    dropped = [whole[0], *whole[2:]]
    for wrong in (swapped, duplicated, dropped):
        assert refused(b"".join(wrong))


def test_a_segment_of_another_stream_is_refused() -> None:
    ours, foreign = blocks(seal(DATA)), blocks(seal(DATA))
    for index in range(len(ours)):
        assert refused(b"".join([*ours[:index], foreign[index], *ours[index + 1 :]]))


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
