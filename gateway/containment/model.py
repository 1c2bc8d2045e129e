"""What can be suspended, and a suspension as it is read back. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.suspended import Kind

STATES = (Kind.SCHOOL, Kind.PERSON)
"""Those whose line in the erasure journal says by its ids alone what it suspends."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be suspended: ``id`` of a school, person, connection, sign-in or signing key.

    A key is a ``version`` of the key of the person ``id``, or with an empty ``id`` of the school.
    """

    kind: Kind
    id: str
    version: int | None = None

    @property
    def text(self) -> str:
        """As it stands in a row."""
        return f"{self.id}:{self.version}" if self.kind is Kind.KEY else self.id

    @classmethod
    def of(cls, kind: str, text: str) -> Target:
        """The inverse of `text`."""
        if kind != Kind.KEY:
            return cls(Kind(kind), text)
        whose, _, version = text.rpartition(":")
        return cls(Kind.KEY, whose, int(version))


@dataclass(frozen=True, slots=True)
class Word:
    """On whose word: the administrator ``by`` of ``school``, or with None the operator, or the ``gateway`` itself."""

    school: str
    by: str | None = None
    gateway: bool = False

    @property
    def actor(self) -> str:
        """'administrator', 'operator' or 'gateway'."""
        return "gateway" if self.gateway else "operator" if self.by is None else "administrator"


@dataclass(frozen=True, slots=True)
class Containment:
    """One suspension. Times in epoch ms. Reasons are None where the key that seals them may not be used now."""

    id: str
    school: str
    target: Target
    person: str | None
    incident: str | None
    reason: str | None
    began: int
    by: str | None
    lifted: int | None
    lifted_by: str | None
    lift_reason: str | None
