"""Who asks, as facts that were proven before: nothing here is read from a request's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["student", "teacher", "administrator", "guardian"]
AgeBand = Literal["under_13", "13_15", "16_17", "adult"]
Client = Literal["page", "extension"]

ROLES: Final[tuple[Role, ...]] = ("student", "teacher", "administrator", "guardian")
MEMBERS: Final[tuple[Role, ...]] = ("student", "teacher", "administrator")
"""Who works here. A guardian only uses rights: their own, and those of children who are linked to them."""
AGE_BANDS: Final[tuple[AgeBand, ...]] = ("under_13", "13_15", "16_17", "adult")
CLIENTS: Final[tuple[Client, ...]] = ("page", "extension")


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who is signed in: random ids of ``person`` and ``school``, and through which ``client`` they ask.

    ``session`` is the id of the page's session or of the extension's sign-in. ``signed_in_at``: when the person last
    proved who they are to their school's provider, epoch ms. ``contained``: their school's access is suspended.
    """

    person: str
    school: str
    role: Role
    age_band: AgeBand
    client: Client
    session: str
    signed_in_at: int
    contained: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """Whose something is: a person's, or with ``person`` None the school's own.

    ``granted``: what the principal may do with it as the person's guardian, see `gateway.rights.guardians`.
    """

    school: str
    person: str | None = None
    granted: frozenset[str] = frozenset()


def is_fresh(principal: Principal, now: int, seconds: int) -> bool:
    """Whether the sign-in is at most so many seconds old; ``now`` in epoch ms by the database's clock."""
    return principal.signed_in_at <= now <= principal.signed_in_at + seconds * 1000
