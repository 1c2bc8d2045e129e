"""What the storms ask of the wire can fail: uploads as they must not be, told by hand."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.e2e.invariants import sent_once
from tests.e2e.wire import Cut, Sent, Strike, Where, Wire

MIB = 1024 * 1024


def put(
    start: int, length: int, received: int, *, key: str = "/up/one", status: int = 202, begun: int = 1, told: int = 2
) -> Sent:
    """One piece of a file of 8 MiB; ``status`` 0: not answered."""
    return Sent("PUT", key, length, start, 8 * MIB, received, status > 0, status, begun=begun, told=told)


BROKEN = put(0, 4 * MIB, 3 * MIB, status=0)
WRONG = {
    "acknowledged": ("acknowledged", [put(0, 4 * MIB, 4 * MIB), put(0, 8 * MIB, 8 * MIB, begun=3)]),
    "too much": ("bytes were sent again", [put(0, 8 * MIB, 7 * MIB, status=0), put(0, 8 * MIB, 8 * MIB)]),
    "two sessions": ("begun twice", [BROKEN, put(0, 8 * MIB, 8 * MIB, key="/up/two")]),
    "nothing seen": ("no upload", [Sent("GET", "/me", 0)]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_must_not_be_is_told(name: str) -> None:
    words, sent = WRONG[name]
    with pytest.raises(AssertionError, match=words):
        sent_once(sent, 4 * MIB)


def test_a_piece_that_broke_off_may_be_sent_again() -> None:
    sent_once([BROKEN, put(0, 4 * MIB, 4 * MIB), put(4 * MIB, 4 * MIB, 4 * MIB)], 4 * MIB)


@pytest.mark.parametrize("first", [put(0, 4 * MIB, 4 * MIB, told=4), put(0, 4 * MIB, 4 * MIB, status=503)])
def test_what_nobody_could_know_yet_may_be_sent_again(first: Sent) -> None:
    """Two that hold one session for a moment, and an answer that took nothing."""
    sent_once([first, put(0, 4 * MIB, 4 * MIB, begun=3, told=5)], 4 * MIB)


@pytest.mark.parametrize("large", [False, True])
def test_a_strike_falls_where_it_was_aimed(large: bool) -> None:
    """On the third request, or on a large one that comes before."""
    wire, hits = Wire(), [0]
    wire.arm(Strike(2, Where.BEFORE, 0.5, large, lambda: hits.__setitem__(0, len(wire.sent))))
    for sent in [Sent("GET", "/a", 0), put(0, 2 * MIB, 0), Sent("GET", "/b", 0), Sent("GET", "/c", 0)]:
        wire.met(sent)
        with suppress(Cut):
            wire.reached(sent, Where.BEFORE)
    assert hits == [2 if large else 3]
