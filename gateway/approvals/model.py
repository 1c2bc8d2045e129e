"""A request that needs two administrators, as values, and what can be wrong with it. No SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ApprovalError(Exception):
    """A request cannot be dealt with as asked."""


class NoSuchApproval(ApprovalError):
    """This school has no such request."""


class WrongState(ApprovalError):
    """It is over, or not yet there."""


class SecondNeeded(ApprovalError):
    """Who stands behind it already cannot be the second administrator."""


class State(StrEnum):
    """Where a request is. ``proposed``: others must approve it; ``approved``: it is done once its delay is over."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DONE = "done"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"


OPEN = (State.PROPOSED, State.APPROVED)


@dataclass(frozen=True, slots=True)
class Vote:
    """An administrator who stands behind a request, since ``at`` (epoch ms). The first one asked for it."""

    person: str
    at: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request as administrators see it and as its act gets it. Times in epoch ms, ``delay`` in ms.

    ``details`` are empty while the school's key may not be used.
    """

    id: str
    school: str
    kind: str
    state: State
    needed: int
    delay: int
    people: int
    made: int
    due: int | None
    ended: int | None
    votes: Sequence[Vote]
    details: Mapping[str, Any]
