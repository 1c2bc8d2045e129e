"""A legal hold as values, and what can be wrong with it. No SQL.

proposed   a second administrator must approve it; until then it keeps nothing
approved   both have; its line goes into the journal next
opening    it holds; what it keeps is put under its own key, a page at a time
open       all of it is
releasing  two administrators have let go of it; its key dies next
released   its key is dead
cancelled  nobody approved it in time, or somebody cancelled that
void       there was nothing to keep any more when it was to begin
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from cache.vault import Scope

KIND: Final = "hold"
RELEASE: Final = "hold_release"
"""What administrators' approvals of it, and of its release, are called."""
MOST_ITEMS: Final = 100
HERE: Final = ("active", "suspended")
"""States of people of whom something can be held."""


class HoldError(Exception):
    """A hold cannot be dealt with as asked."""


class NoSuchHold(HoldError):
    """The school has no such hold."""


class NothingToHold(HoldError):
    """There is no such person at the school, or nothing of these in their native drive."""


class WrongState(HoldError):
    """It is over, or not yet there."""


class State(StrEnum):
    """See above."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    OPENING = "opening"
    OPEN = "open"
    RELEASING = "releasing"
    RELEASED = "released"
    CANCELLED = "cancelled"
    VOID = "void"


HOLDING: Final = (State.OPENING, State.OPEN, State.RELEASING)
"""It keeps what it keeps."""
MOVING: Final = (State.APPROVED, State.OPENING)
"""The gateway has the next step to do, which takes the keys of the school and of the person."""
STANDING: Final = (State.APPROVED, *HOLDING)
"""It stands in the way of a school that leaves."""
WAITING: Final = (State.PROPOSED, State.APPROVED, State.CANCELLED)
"""It has not begun; a line in the journal may still say that it did."""
OVER: Final = (State.RELEASED, State.CANCELLED, State.VOID)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be kept of a ``person``, and why. ``review``: when the school looks at it again, epoch ms.

    ``items``: files and folders of the native drive by their ids; None for everything there. ``untold``: the legal
    basis on which the person may not know of it; empty where they do.
    """

    person: str
    items: Sequence[str] | None
    basis: str
    authority: str
    reference: str
    review: int
    untold: str = ""

    @property
    def tells(self) -> bool:
        """Whether the person is told."""
        return not self.untold

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "items": None if self.items is None else list(self.items)}

    @classmethod
    def load(cls, told: Mapping[str, Any]) -> Order:
        """The inverse of `dump`."""
        return cls(**{**told, "items": None if told["items"] is None else tuple(told["items"])})


Waits = Literal["school_key", "person_key"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold and how far it is. ``by``: the administrator who asked for it; None where an older copy of the database
    was put back and knows it from the journal alone. ``contents`` and ``bytes``: what it keeps. Times in epoch ms.

    ``waits``: whose key is suspended, so that nothing goes on with it; while it is the school's, ``order`` says nothing
    but the person and the review.
    """

    id: str
    school: str
    state: State
    order: Order
    by: str | None
    approval: str | None
    release: str | None
    contents: int
    bytes: int
    made: int
    began: int | None
    ended: int | None
    waits: Waits | None = None

    @property
    def keeper(self) -> Scope:
        """Whose key seals what it keeps."""
        return keeper(self.school, self.id)


def keeper(school: str, hold: str) -> Scope:
    """The key of a hold: below its school's, of its own, so that nothing else is read with it."""
    return Scope(school, f"hold-{hold}")


def is_hold(subject: str) -> bool:
    """Whether a key below a school's is a hold's."""
    return subject.startswith("hold-")


def hold_of(subject: str) -> str:
    """The inverse of `keeper`, of its subject."""
    return subject.removeprefix("hold-")
