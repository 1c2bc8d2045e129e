"""What holds for every school, at hand: asked for each open and each sweep, so it is remembered for some seconds.

A school's change holds at once in the database and after these seconds in every process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from gateway.schools.retention import DAY, Retention
from gateway.schools.settings import SchoolChoices, SchoolSettings

REMEMBERED: Final = 5.0
"""Seconds."""


class Retentions:
    """The retention of all schools, as of the last seconds."""

    def __init__(
        self, choices: SchoolChoices, remembered: float = REMEMBERED, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._choices = choices
        self._remembered = remembered
        self._clock = clock
        self._known: Mapping[str, SchoolSettings] = {}
        self._looked = -remembered

    @property
    def usual(self) -> Retention:
        """What holds for schools that chose nothing."""
        return self._choices.usual.retention

    async def refresh(self) -> None:
        """Look anew where the last look is too old."""
        now = self._clock()
        if now - self._looked >= self._remembered:
            self._known = await self._choices.all(self._known)
            self._looked = now

    def known(self, school: str) -> Retention:
        """What holds for a school, as of the last look."""
        told = self._known.get(school)
        return self.usual if told is None else told.retention

    async def of(self, school: str) -> Retention:
        """What holds for a school."""
        await self.refresh()
        return self.known(school)

    async def ledger_life(self, school: str) -> int:
        """How long entries of its ledger are kept, ms."""
        return (await self.of(school)).ledger_days * DAY

    async def cache_life(self, school: str) -> int:
        """How long a copy of its people's files is kept, ms from storing it."""
        return (await self.of(school)).cache_seconds * 1000

    async def differing(self, name: str) -> dict[str, int]:
        """The schools that chose this number themselves, and what holds there."""
        await self.refresh()
        return {school: getattr(told.retention, name) for school, told in self._known.items() if name in told.chosen}

    async def lives(self, name: str) -> dict[str, int]:
        """`differing` of a number of days, in milliseconds."""
        return {school: days * DAY for school, days in (await self.differing(name)).items()}

    async def lowered(self, now: int) -> dict[str, int]:
        """Schools whose cached copies may have ends that are too late, and how long a copy lives there, ms.

        Where nothing was changed for as long as a copy can live at most, there are none. ``now`` in epoch ms.
        """
        await self.refresh()
        since = now - self._choices.usual.ceiling * 1000
        lately = {school: told.retention for school, told in self._known.items() if told.changed >= since}
        return {school: holds.cache_seconds * 1000 for school, holds in lately.items()}
