"""A lawful request as values, and what can be wrong with it. No SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

KIND: Final = "lawful_request"
"""What administrators' approvals of it are called."""
PARTS: Final[Mapping[str, str]] = {
    "profile": "who the person is here: name, e-mail address, role, age band, language",
    "accounts": "the accounts that the person connected, by provider and address",
    "ledger": "what was done by the person and about the person, with its details where their keys live",
}
"""What can be asked for. Files themselves lie in the person's own drives; their providers hand those out."""
MOST_PEOPLE: Final = 100


class LawfulError(Exception):
    """A request cannot be dealt with as asked."""


class NoSuchRequest(LawfulError):
    """There is no such request, or not for whoever asks."""


class NoSuchPerson(LawfulError):
    """Somebody whom it names is not, and never was, at the school."""


class WrongState(LawfulError):
    """It is over, or not yet there."""


class SecondNeeded(LawfulError):
    """Who approved it already cannot be the second one."""


class State(StrEnum):
    """``open``: two must approve it; ``approved``: may be handed out; ``handed_out``, ``refused``: over.

    ``lapsed``: over as well, since an older copy of the database does not know what was decided; it is opened anew.
    """

    OPEN = "open"
    APPROVED = "approved"
    HANDED_OUT = "handed_out"
    REFUSED = "refused"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Order:
    """What an authority asks for. ``since``, ``until`` in epoch ms, of entries of the ledger; ``parts`` of `PARTS`.

    ``forbidden``: the legal basis on which the school may not be told; empty where it is. ``tells``: whether the people
    see in their list of accesses that data about them was handed out.
    """

    authority: str
    reference: str
    basis: str
    people: Sequence[str]
    parts: Sequence[str]
    since: int | None = None
    until: int | None = None
    forbidden: str = ""
    tells: bool = True

    def told(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "people": list(self.people), "parts": list(self.parts)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Order:
        """The opposite of `told`."""
        return cls(**{**told, "people": tuple(told["people"]), "parts": tuple(told["parts"])})


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever does a step: an administrator by their random id, or an operator by their name on the machine."""

    person: str | None = None
    operator: str = ""


@dataclass(frozen=True, slots=True)
class LawfulRequest:
    """A request and how far it is. ``by``: who opened it.

    ``approved_by``: operators, where the school may not be told; else ``approval`` names the administrators' own.
    """

    id: str
    school: str
    state: State
    order: Order
    by: Actor
    approved_by: Sequence[str]
    approval: str | None
    why: str
    made: int
    ended: int | None

    @property
    def secret(self) -> bool:
        """Whether the school may not be told."""
        return bool(self.order.forbidden)
