"""Whose turn it is: round-robin over schools, within a school over people, within a person over accounts.

Pure arithmetic on rows that somebody else read; whoever has waited longest goes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

FIRST_REST: Final = 2.0
LONGEST_REST: Final = 300.0
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
    """Seconds that a lane rests: what the provider asked for, else longer with each throttled answer in a row."""
    if seconds is not None:
        return min(max(seconds, 0.0), _DAY)
    return min(FIRST_REST * 2.0 ** min(strikes, 10), LONGEST_REST)


def _latest(served: Iterable[tuple[str, int]]) -> dict[str, int]:
    latest: dict[str, int] = {}
    for key, when in served:
        latest[key] = max(when, latest.get(key, 0))
    return latest
