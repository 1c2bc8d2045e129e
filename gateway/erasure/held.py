"""What erasures ask of legal holds: nothing else stops one, and that only for what a hold keeps.

What is kept is put under the key of its hold before the person's dies; everything else goes as always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from gateway.erasure.model import Held, Target

COUNTS: Final = "held"
"""Under this name an erasure's counts say what was kept back."""


class Holds(Protocol):
    """`gateway.holds.Holds`, which is made before."""

    async def take(self, scope: Scope) -> None:
        """All that is to be kept of a person is under the keys of its holds when this returns. May be repeated."""
        ...

    async def held(
        self, tx: AsyncConnection, scope: Scope, people: Sequence[str] | None = None, target: Target | None = None
    ) -> Sequence[Held]:
        """What is kept back of a person, of some hundred people, or of everybody of a school; of one thing alone."""
        ...

    async def standing(self, tx: AsyncConnection, school: str, *, lock: bool = False) -> int:
        """How many keep a school from leaving; ``lock``: none begins before the transaction ends."""
        ...

    async def releasing(self, tx: AsyncConnection, school: str, release: str) -> tuple[str, str] | None:
        """Two administrators let go of one by this request: it, and whose things it kept. None where it is over."""
        ...

    async def let_go(self, tx: AsyncConnection, school: str, hold: str) -> None:
        """Its key dies with the transaction. May be repeated."""
        ...

    async def total(self, school: str, hold: str) -> tuple[int, int]:
        """How many contents it keeps, and their bytes."""
        ...

    async def clear(self, school: str, hold: str, limit: int) -> int:
        """Remove what lies under its dead key; how much: 0 at the end."""
        ...

    async def finishes(self, school: str, person: str) -> Sequence[str]:
        """The ids of the person's own erasures, which end only with a release."""
        ...


def dumped(held: Sequence[Held]) -> list[dict[str, Any]]:
    """As an erasure's counts have it."""
    return [asdict(one) for one in held]


def loaded(counts: Mapping[str, Any]) -> list[Held]:
    """The inverse, of all counts."""
    return [Held(**one) for one in counts.get(COUNTS, [])]
