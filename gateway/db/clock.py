"""The database's clock as this process believes it: it goes on evenly, and a jump is noticed.

Every end here is decided by the database's clock. Where that jumps, nobody knows at first whether it was wrong before
or is wrong now. So what has ended by either time is refused to readers, and what would be destroyed because its time
has come stays until the clock has gone on evenly for an hour, or is back where it was. Time that the machine slept
counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

log = structlog.get_logger()

JUMP: Final = 60_000
"""Milliseconds by which a clock may differ from what was expected: corrections by NTP are far below."""
STEADY: Final = 3600.0
"""Seconds for which a clock that jumped must go on evenly before it is believed."""


def elapsed() -> float:
    """Seconds that go on evenly, also while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the clock said (epoch ms), and when."""

    told: int
    at: float

    def expected(self, at: float) -> int:
        """What it says later, if it goes on evenly."""
        return self.told + round((at - self.at) * 1000)

    def fits(self, told: int, at: float) -> bool:
        return abs(told - self.expected(at)) <= JUMP


class Clock:
    """One process's view. ``clock``: seconds that go on evenly."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self._clock = clock
        self._believed: _Reading | None = None
        self._doubted: _Reading | None = None
        self._since = 0.0
        self._until = float("-inf")

    @property
    def parked(self) -> bool:
        """Whether nothing may be destroyed now because its time has come."""
        return self._doubted is not None or self._clock() < self._until

    @property
    def remaining(self) -> int:
        """Milliseconds until that is over at the soonest; 0 where it is not so."""
        ends = self._since + STEADY if self._doubted is not None else self._until
        return max(0, round((ends - self._clock()) * 1000)) if self.parked else 0

    @property
    def believable(self) -> bool:
        """Whether a clock that jumped has gone on evenly for long enough: `believe` it, after what that needs."""
        return self._doubted is not None and self._clock() >= self._since + STEADY

    @property
    def went_back(self) -> bool:
        """Whether the clock that is doubted is behind the one that was believed."""
        at = self._clock()
        doubted, believed = self._doubted, self._believed
        return doubted is not None and believed is not None and doubted.expected(at) < believed.expected(at)

    @property
    def doubted(self) -> int:
        """What the clock says now, whether it is believed or not, epoch ms."""
        reading = self._doubted or self._believed
        return 0 if reading is None else reading.expected(self._clock())

    def told(self, raw: int) -> int:
        """The time to go by, where the database's clock says ``raw`` (epoch ms): the later of all that it may be."""
        at = self._clock()
        if self._believed is None or self._believed.fits(raw, at):
            self._believed, self._doubted = _Reading(raw, at), None
            return raw
        if self._doubted is None or not self._doubted.fits(raw, at):
            log.warning("clock_jumped", ms=raw - self._believed.expected(at))
            self._since = at
        self._doubted = _Reading(raw, at)
        return max(raw, self._believed.expected(at))

    def believe(self) -> None:
        """Go by the clock that was doubted."""
        if self._doubted is not None:
            self._believed, self._doubted = self._doubted, None

    def at_least(self, seen: int) -> None:
        """At a start: a process before this one saw that time (epoch ms). A clock that is behind it went back."""
        at = self._clock()
        if self._believed is None or self._believed.expected(at) < seen - JUMP:
            self._believed = _Reading(seen, at)

    def park(self, milliseconds: int) -> None:
        """At a start: another process doubts the clock for so long still."""
        self._until = self._clock() + milliseconds / 1000
