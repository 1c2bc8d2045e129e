"""What did not authenticate, counted by whose key it was under, until somebody above takes the counts.

It costs nothing where all is well: it is told only when a tag has failed. Bounded, and gone with its process.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cache.model import Scope

MOST = 1000
"""Scopes that are counted apart; failures of further ones are not noted until these were taken."""
SAMPLES = 20
"""Things of one scope that are named."""


@dataclass(slots=True)
class Failed:
    """``count`` failures under one scope's keys; ``things``: some of what failed, ids of objects or 'table.column'."""

    scope: Scope
    count: int = 0
    things: dict[str, None] = field(default_factory=dict)


class Failures:
    """One process's counts."""

    def __init__(self) -> None:
        self._found: dict[Scope, Failed] = {}

    def note(self, scope: Scope, thing: str) -> None:
        """A tag of ``thing`` failed."""
        if scope not in self._found and len(self._found) >= MOST:
            return
        failed = self._found.setdefault(scope, Failed(scope))
        failed.count += 1
        if len(failed.things) < SAMPLES:
            failed.things[thing] = None

    def take(self) -> list[Failed]:
        """What was noted since it was taken last."""
        found, self._found = self._found, {}
        return list(found.values())
