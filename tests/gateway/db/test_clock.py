"""A clock that jumps: readers go by the later time, nothing is destroyed, until it is back or has been steady."""

from __future__ import annotations

import pytest

from gateway.db.clock import JUMP, STEADY, Clock

HOUR = 3_600_000
T = 1_000 * HOUR


class Watch:
    """Seconds that go on evenly, and a clock beside them that may be set."""

    def __init__(self) -> None:
        self.seconds = 50.0
        self.off = 0
        self.clock = Clock(lambda: self.seconds)

    def after(self, seconds: float, off: int | None = None) -> int:
        """What is believed then; ``off``: the clock is set so many ms off."""
        self.seconds += seconds
        self.off = self.off if off is None else off
        return self.clock.told(self.true + self.off) - self.true

    @property
    def true(self) -> int:
        return T + round((self.seconds - 50) * 1000)


@pytest.fixture
def watch() -> Watch:
    made = Watch()
    made.after(0)
    return made


def test_a_clock_that_drifts_or_is_corrected_a_little_is_believed(watch: Watch) -> None:
    assert [watch.after(60, off) for off in (5, -20, 40_000, -900)] == [5, -20, 40_000, -900]
    assert not watch.clock.parked
    assert watch.after(30 * 24 * 3600, 59_000) == 59_000, "a machine that slept"


@pytest.mark.parametrize("jump", [-48 * HOUR, -JUMP - 1000, JUMP + 1000, 365 * 24 * HOUR])
def test_readers_go_by_the_later_time_and_destruction_is_parked(watch: Watch, jump: int) -> None:
    assert watch.after(10, jump) == max(jump, 0)
    assert watch.clock.parked
    assert watch.clock.went_back == (jump < 0)
    assert watch.after(STEADY - 20) == max(jump, 0)
    assert (watch.clock.parked, watch.clock.believable) == (True, False)
    assert watch.clock.remaining == 20_000
    watch.after(21)
    assert (watch.clock.parked, watch.clock.believable) == (True, True), "nobody has done yet what that needs"
    watch.clock.believe()
    assert not watch.clock.parked
    assert watch.after(1) == jump


def test_a_clock_that_comes_back_was_only_wrong_for_a_while(watch: Watch) -> None:
    assert watch.after(10, 24 * HOUR) == 24 * HOUR
    assert watch.after(600) == 24 * HOUR
    assert watch.after(10, 0) == 0
    assert not watch.clock.parked


def test_a_clock_that_jumps_again_is_doubted_anew(watch: Watch) -> None:
    watch.after(10, HOUR)
    watch.after(STEADY - 10)
    watch.after(5, 3 * HOUR)
    watch.after(STEADY - 10)
    assert not watch.clock.believable
    watch.after(11)
    assert watch.clock.believable


def test_a_clock_that_went_back_between_two_starts() -> None:
    watch = Watch()
    watch.clock.at_least(T + 5 * HOUR)
    assert watch.after(1) == 5 * HOUR
    assert watch.clock.parked
    watch.clock.park(0)
    assert watch.clock.parked


def test_a_start_that_is_told_of_doubts(watch: Watch) -> None:
    watch.clock.at_least(T - HOUR)
    assert not watch.clock.parked
    watch.clock.park(90_000)
    assert (watch.clock.parked, watch.clock.believable, watch.clock.remaining) == (True, False, 90_000)
    watch.after(91)
    assert not watch.clock.parked
