"""Where an item goes: its destination folder, and which names are taken there already.

A folder that the job made itself holds only what the job put there, and those names were chosen apart when they were
planned. A folder that was there before is listed for what cannot be repeated under an id, and the listing kept for a
moment, because a transfer's items come in a crowd. Files need no listing: their drives refuse a taken name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import Final

from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import everything_in
from gateway.transfers.naming import key
from providers.drive import Drive, Entry, Ref
from providers.errors import NotFound

_KEPT: Final = 20.0
_MOST_KEPT: Final = 200


class Places:
    """One per process."""

    def __init__(self, jobs: Jobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._made: dict[str, Ref] = {}
        self._taken: dict[tuple[str, str], tuple[float, set[str]]] = {}

    async def parent(self, turn: Turn) -> Ref:
        """The folder that the item goes into. NotFound where the folder step left nothing behind."""
        if turn.item.folder is None:
            return Ref.parse(turn.item.spec["destination"]["item"])
        if turn.item.folder not in self._made:
            result = await self._jobs.result_of(turn.sealer, turn.item.folder)
            if "destination" not in result:
                raise NotFound
            while len(self._made) >= _MOST_KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[turn.item.folder] = Ref.parse(result["destination"][1])
        return self._made[turn.item.folder]

    async def taken(self, drive: Drive, turn: Turn, parent: Ref) -> Set[str]:
        """The collision keys in a folder that the job did not make; none in one that it made."""
        if turn.item.folder is not None:
            return frozenset()
        place = (turn.item.job, str(parent))
        kept = self._taken.get(place)
        if kept is None or kept[0] < self._clock():
            found, _ = await everything_in(drive, parent)
            kept = (self._clock() + _KEPT, {key(entry.name, drive.traits) for entry in found})
            while len(self._taken) >= _MOST_KEPT:
                self._taken.pop(next(iter(self._taken)))
            self._taken[place] = kept
        return kept[1]

    def note(self, turn: Turn, parent: Ref, entry: Entry, drive: Drive) -> None:
        """The name is in use now."""
        if kept := self._taken.get((turn.item.job, str(parent))):
            kept[1].add(key(entry.name, drive.traits))
