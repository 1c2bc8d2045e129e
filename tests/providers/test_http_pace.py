"""Rate, lanes, holds and patience, on a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from providers.errors import Busy, DriveError, Locked, NotFound, Offline, Untrusted
from providers.http import Bucket, Pace, Patience, Share, retry_after


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def _times(pace: Pace, clock: Clock, count: int) -> list[float]:
    start = clock.now
    found = []
    for _ in range(count):
        async with pace.turn():
            found.append(round(clock.now - start, 3))
    return found


async def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    pace = Pace(rate=10, burst=3, clock=clock, sleep=clock.sleep)
    assert await _times(pace, clock, 6) == [0, 0, 0, 0, 0.1, 0.2]
    clock.now += 60
    assert await _times(pace, clock, 5) == [0, 0, 0, 0, 0.1]


async def test_a_hold_stops_everybody_for_that_long() -> None:
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    pace.hold(3)
    pace.hold(1)
    assert await _times(pace, clock, 2) == [3, 3]


async def test_a_long_hold_is_busy_at_once_with_the_time_to_come_back() -> None:
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    pace.hold(600)
    clock.now += 100
    with pytest.raises(Busy) as busy:
        async with pace.turn():
            pass
    assert busy.value.retry_after == pytest.approx(500)
    assert clock.now == 1100


async def test_a_parent_slows_all_its_children() -> None:
    clock = Clock()
    school = Pace(rate=10, burst=1, clock=clock, sleep=clock.sleep)
    one, two = (Pace(rate=1000, parent=school, clock=clock, sleep=clock.sleep) for _ in range(2))
    await _times(one, clock, 2)
    assert await _times(two, clock, 2) == [0.1, 0.2]


@pytest.mark.parametrize("wide", [False, True])
async def test_a_hold_is_the_accounts_or_everybodys(wide: bool) -> None:
    clock = Clock()
    school = Bucket(1000, 1000, clock=clock, sleep=clock.sleep)
    one, two = (Pace(parent=Share(school, name), clock=clock, sleep=clock.sleep) for name in ("one", "two"))
    one.hold(600, wide=wide)
    with pytest.raises(Busy) as busy:
        await one.wait()
    assert (busy.value.reason, busy.value.retry_after) == ("held", 600)
    if wide:
        with pytest.raises(Busy):
            await two.wait()
    else:
        await two.wait()
    assert clock.now == 1000


async def test_lanes_are_limited_one_by_one() -> None:
    pace = Pace(reads=1, writes=1, queue=0.05)
    async with pace.turn("read"), pace.turn("write"):
        with pytest.raises(Busy):
            async with pace.turn("read"):
                pass
    async with pace.turn("read"):
        pass


async def test_a_failed_turn_gives_its_place_back() -> None:
    pace = Pace(calls=1, queue=0.05)
    for _ in range(3):
        with pytest.raises(LookupError):
            async with pace.turn():
                raise LookupError


def _failing(errors: list[DriveError]) -> Callable[[], Awaitable[str]]:
    async def attempt() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    return attempt


async def test_what_was_not_done_is_tried_again() -> None:
    clock = Clock()
    patience = Patience(sleep=clock.sleep)
    assert await patience.over(_failing([Busy(retry_after=2), Busy()]), repeatable=False) == "done"
    assert 1002 < clock.now < 1004


async def test_what_may_have_been_done_is_tried_again_only_if_repeatable() -> None:
    clock = Clock()
    patience = Patience(sleep=clock.sleep)
    for error in (Offline(), Untrusted()):
        assert await patience.over(_failing([error]), repeatable=True) == "done"
        with pytest.raises(type(error)):
            await patience.over(_failing([error]), repeatable=False)


async def test_three_tries_and_no_more() -> None:
    clock = Clock()
    errors: list[DriveError] = [Offline() for _ in range(5)]
    with pytest.raises(Offline):
        await Patience(sleep=clock.sleep).over(_failing(errors), repeatable=True)
    assert len(errors) == 2


async def test_a_long_wait_is_left_to_the_caller() -> None:
    clock = Clock()
    with pytest.raises(Busy) as busy:
        await Patience(sleep=clock.sleep).over(_failing([Busy(retry_after=30)]), repeatable=True)
    assert busy.value.retry_after == 30
    assert clock.now == 1000


async def test_a_guess_never_passes_for_the_providers_word() -> None:
    clock = Clock()
    with pytest.raises(Busy) as busy:
        await Patience(sleep=clock.sleep).over(_failing([Busy() for _ in range(5)]), repeatable=True)
    assert busy.value.retry_after is None
    assert clock.now > 1000


async def test_an_open_editor_is_not_waited_for() -> None:
    clock = Clock()
    errors: list[DriveError] = [Locked(), Locked()]
    with pytest.raises(Locked):
        await Patience(sleep=clock.sleep).over(_failing(errors), repeatable=True)
    assert (len(errors), clock.now) == (1, 1000)


async def test_waits_are_spread_and_never_shorter_than_asked() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    for _ in range(20):
        await Patience(sleep=sleep).over(_failing([Busy(retry_after=2)]), repeatable=True)
    assert all(2 <= wait <= 2.3 for wait in waits)
    assert len(set(waits)) > 1


async def test_final_errors_are_final() -> None:
    errors: list[DriveError] = [NotFound(), NotFound()]
    with pytest.raises(NotFound):
        await Patience().over(_failing(errors), repeatable=True)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "99999999"}, 86400),
        ({"Retry-After": "Mon, 23 Nov 2026 13:00:30 GMT", "Date": "Mon, 23 Nov 2026 13:00:00 GMT"}, 30),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT", "Date": "Mon, 23 Nov 2026 13:00:00 GMT"}, 0),
        ({"Retry-After": "Mon, 23 Nov 2026 13:00:30 GMT", "Date": "nonsense"}, None),
        ({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers) == expected
