"""Where an item goes: its destination folder, and what is there already.

A folder that the job made itself holds only what the job put there, and those names were chosen apart when they were
planned. Any other folder is listed where it must be known what is in it, and the listing kept for a moment, because a
transfer's items come in a crowd. Files need no listing until their drive refuses a taken name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import pages_of
from gateway.transfers.facts import source_identity
from gateway.transfers.naming import key
from providers.drive import Drive, Entry, Ref
from providers.errors import NotFound

_KEPT: Final = 20.0
_MOST_FOLDERS: Final = 200
_MOST_ENTRIES: Final = 50_000
MOST_WHOLE: Final = 10_000
"""Entries that are kept whole of one folder; of all beyond them only which item has the name, about 200 bytes each.

Such an item is asked for by itself where its name is met: one small request, instead of memory that grows with what
happens to lie in a destination folder.
"""
_THIN: Final = 5
"""So many bare items weigh what one whole entry does."""


class Listing:
    """What was seen in one folder, by collision key, and until when it is believed."""

    def __init__(self) -> None:
        self.until = 0.0
        self.entries: dict[str, Entry | Ref] = {}
        self._whole = 0

    def add(self, name: str, entry: Entry) -> None:
        """The first of a name counts, where a drive has several."""
        if name not in self.entries:
            self.put(name, entry)

    def put(self, name: str, entry: Entry) -> None:
        """This has the name now."""
        known = isinstance(self.entries.get(name), Entry)
        whole = known or self._whole < MOST_WHOLE
        self._whole += whole and not known
        self.entries[name] = _slim(entry) if whole else entry.ref

    @property
    def weight(self) -> int:
        """In whole entries."""
        return self._whole + (len(self.entries) - self._whole) // _THIN


class Places:
    """One per process."""

    def __init__(self, jobs: Jobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._made: dict[str, tuple[Ref, bool]] = {}
        self._listed: dict[tuple[str, str], Listing] = {}

    async def parent(self, turn: Turn) -> Ref:
        """The folder that the item goes into. NotFound where the folder step left nothing behind."""
        if turn.item.folder is None:
            return Ref.parse(turn.item.spec["destination"]["item"])
        return (await self._folder(turn, turn.item.folder))[0]

    async def is_new(self, turn: Turn) -> bool:
        """Whether the job made the destination folder itself, so that nothing else is in it."""
        return turn.item.folder is not None and not (await self._folder(turn, turn.item.folder))[1]

    async def _folder(self, turn: Turn, step: str) -> tuple[Ref, bool]:
        if step not in self._made:
            result = await self._jobs.result_of(turn.sealer, step)
            if "destination" not in result:
                raise NotFound
            while len(self._made) >= _MOST_FOLDERS:
                self._made.pop(next(iter(self._made)))
            self._made[step] = Ref.parse(result["destination"][1]), bool(result.get("continued"))
        return self._made[step]

    async def taken(self, drive: Drive, turn: Turn, parent: Ref) -> Set[str]:
        """The collision keys in a folder that the job did not make; none in one that it made."""
        if await self.is_new(turn):
            return frozenset()
        kept = self._listed.get((turn.item.job, str(parent)))
        if kept is None or kept.until < self._clock():
            kept = await self._list(drive, turn, parent)
        return kept.entries.keys()

    async def there(self, drive: Drive, turn: Turn, parent: Ref, name: str) -> Entry | None:
        """What has this name, or one that the drive holds to be the same; None where nothing seems to have it."""
        kept = self._listed.get((turn.item.job, str(parent)))
        found = kept.entries.get(key(name, drive.traits)) if kept and kept.until >= self._clock() else None
        if found is None:
            found = (await self._list(drive, turn, parent)).entries.get(key(name, drive.traits))
        return await self._now(drive, found, name) if isinstance(found, Ref) else found

    async def _now(self, drive: Drive, ref: Ref, name: str) -> Entry | None:
        """What was seen to have the name, if it still has it."""
        with suppress(NotFound):
            entry = await drive.stat(ref)
            if "trashed" not in entry.flags and key(entry.name, drive.traits) == key(name, drive.traits):
                return entry
        return None

    async def made_before(self, turn: Turn, *kinds: str) -> list[tuple[Mapping[str, Any], Ref]]:
        """(entry, where): what the person's earlier jobs made of this source in the destination drive, newest first."""
        item = turn.item
        source = source_identity(item.entry["drive"], Ref.parse(item.entry["ref"]), item.entry["via"])
        found = await self._jobs.earlier(turn.sealer, item, source, kinds)
        there = [(entry, result["destination"]) for entry, result in found if "destination" in result]
        return [(entry, Ref.parse(ref)) for entry, (drive, ref) in there if drive == item.spec["destination"]["drive"]]

    def note(self, turn: Turn, parent: Ref, entry: Entry, drive: Drive) -> None:
        """The name is in use now."""
        if kept := self._listed.get((turn.item.job, str(parent))):
            kept.put(key(entry.name, drive.traits), entry)

    def forget(self, turn: Turn, parent: Ref) -> None:
        """What was seen there is not so any more."""
        self._listed.pop((turn.item.job, str(parent)), None)

    async def _list(self, drive: Drive, turn: Turn, parent: Ref) -> Listing:
        begun, seen = self._clock(), Listing()
        async for page in pages_of(drive, parent):
            for entry in page.entries:
                seen.add(key(entry.name, drive.traits), entry)
        now = self._clock()
        seen.until = now + max(_KEPT, 10 * (now - begun))
        place = (turn.item.job, str(parent))
        self._listed.pop(place, None)
        while self._listed and (len(self._listed) >= _MOST_FOLDERS or self._held() + seen.weight > _MOST_ENTRIES):
            self._listed.pop(next(iter(self._listed)))
        self._listed[place] = seen
        return seen

    def _held(self) -> int:
        return sum(kept.weight for kept in self._listed.values())


def _slim(entry: Entry) -> Entry:
    return replace(entry, parent=None, exports=())
