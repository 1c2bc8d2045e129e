"""Whose turn it is: round-robin over schools, within a school over people, within a person over accounts.

Pure arithmetic on rows that somebody else read; whoever has waited longest goes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

FIRST_REST: Final = 2.0
LONGEST_REST: Final = 3600.0
PATIENT: Final = 6
"""Rests in a row for which a provider's own word is taken; whoever still throttles then is left alone for longer."""
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Lane:
    """An account with work waiting: ``free`` more of its items may be at work, ``served`` was its last turn, ms."""

    id: str
    tenant: str
    person: str
    served: int
    free: int


def turns(waiting: Sequence[Lane], slots: int) -> dict[str, int]:
    """How many items each lane may give, ``slots`` in all, in the order in which they should be taken."""
    school_served = _latest((lane.tenant, lane.served) for lane in waiting)
    person_served = _latest((lane.person, lane.served) for lane in waiting)
    schools: Counter[str] = Counter()
    people: Counter[str] = Counter()
    given: Counter[str] = Counter()

    def rank(lane: Lane) -> tuple[int, int, int, int, int, int]:
        return (
            schools[lane.tenant],
            school_served[lane.tenant],
            people[lane.person],
            person_served[lane.person],
            given[lane.id],
            lane.served,
        )

    for _ in range(slots):
        able = [lane for lane in waiting if given[lane.id] < lane.free]
        if not able:
            break
        lane = min(able, key=rank)
        schools[lane.tenant] += 1
        people[lane.person] += 1
        given[lane.id] += 1
    return dict(given)


def rest(seconds: float | None, strikes: int) -> float:
    """Seconds that a lane rests: what the provider asked for, else longer with each rest that did not help.

    A daily quota looks like any other throttling, for hours and with a short time to wait or none: so what was asked
    for is obeyed, and after some rests without any progress exceeded, up to an hour.
    """
    if seconds is None:
        return _doubled(strikes)
    asked = min(max(seconds, 0.0), _DAY)
    return asked if strikes < PATIENT else max(asked, _doubled(strikes - PATIENT))


def _doubled(times: int) -> float:
    return min(FIRST_REST * 2.0 ** min(times, 12), LONGEST_REST)


def _latest(served: Iterable[tuple[str, int]]) -> dict[str, int]:
    latest: dict[str, int] = {}
    for key, when in served:
        latest[key] = max(when, latest.get(key, 0))
    return latest
