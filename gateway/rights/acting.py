"""Who asks for whose rights, and as what: the person themselves, a guardian through a link, or the school for them.

Who may, was decided before one of these is made. Every act of another is an entry about the person, which they see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cache.model import Scope
from gateway.ledger import Event
from gateway.policy import POLICY_VERSION

How = Literal["self", "guardian", "school"]


@dataclass(frozen=True, slots=True)
class Acting:
    """``by``: random id of who asks. ``scope``: whose rights they are. ``link``: the guardian's."""

    by: str
    scope: Scope
    how: How = "self"
    link: str | None = None

    @property
    def person(self) -> str:
        """Whose rights they are."""
        assert self.scope.subject is not None
        return self.scope.subject

    def event(self, action: str, **details: Any) -> Event:
        """An entry of the ledger that says who did this for whom, and as what."""
        told = {"as": self.how, **details} | ({"link": self.link} if self.link else {})
        return Event(action, self.by, self.person, None, POLICY_VERSION, told)
