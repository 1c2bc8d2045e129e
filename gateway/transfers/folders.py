"""Makes a folder at the destination once, and takes away the source folder of which nothing is left.

No drive lets a folder's id be chosen beforehand everywhere, so the intended name is saved first, and only after it was
seen to be free: a folder of that name met by a later attempt is the one whose making went unanswered.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from gateway.jobs.model import ItemState, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, everything_in, instruction, throttled
from gateway.transfers.conflict import Conflict
from gateway.transfers.facts import chosen
from gateway.transfers.naming import free, key
from gateway.transfers.places import Places
from providers.drive import Drive, Entry, Kind, OnConflict, Ref
from providers.errors import Changed, NameTaken, NotFound
from providers.together import AT_ONCE, together


class MakeFolder:
    """Items of kind 'folder'."""

    def __init__(self, drives: Drives, places: Places) -> None:
        self._drives = drives
        self._places = places

    async def run(self, turn: Turn) -> Outcome:
        """Copied, with the folder as its destination; failed with 'name_taken' where it may not take another name."""
        item, to = turn.item, turn.item.spec["destination"]["drive"]
        if "why" in item.entry:
            return Outcome(ItemState.FAILED, item.entry["why"])
        drive = await self._drives.writer(item.person, item.tenant, to, instruction(item))
        with throttled(item.lane):
            try:
                parent = await self._places.parent(turn)
                there = await self._adopt(drive, parent, turn)
                there, continued = (there, False) if there else (await self._there(drive, parent, turn), True)
                entry = there or await self._make(drive, parent, turn)
            except NameTaken:
                return Outcome(ItemState.FAILED, "name_taken")
        self._places.note(turn, parent, entry, drive)
        result: dict[str, Any] = {"destination": [to, str(entry.ref)], "continued": continued and there is not None}
        if entry.name != item.entry["name"]:
            result["renamed_to"] = entry.name
        return Outcome(ItemState.COPIED, result=result)

    async def abandon(self, turn: Turn) -> None:
        """A folder that may have been made stays: it is empty, and not ours to remove on a guess."""

    async def _adopt(self, drive: Drive, parent: Ref, turn: Turn) -> Entry | None:
        """What an earlier attempt made, if it made it."""
        intended = turn.work.get("intended")
        if intended is None:
            return None
        found, _ = await everything_in(drive, parent, lambda one: one.kind is Kind.FOLDER and one.name == intended)
        return next(iter(found), None)

    async def _there(self, drive: Drive, parent: Ref, turn: Turn) -> Entry | None:
        """The folder to go on in: of this name, or of whatever name it had to take when this was done before."""
        policy = Conflict(turn.item.spec["on_conflict"])
        if policy is Conflict.FAIL or await self._places.is_new(turn):
            return None
        if policy is Conflict.RENAME:
            return await self._made_before(drive, parent, turn)
        there = await self._places.there(drive, turn, parent, chosen(turn, "to"))
        is_source = there is not None and there.ref.id == Ref.parse(turn.item.entry["ref"]).id
        return there if there is not None and there.kind is Kind.FOLDER and not is_source else None

    async def _made_before(self, drive: Drive, parent: Ref, turn: Turn) -> Entry | None:
        """What an earlier job of the person made of this very folder, where it still stands in its place."""

        async def standing(where: Ref) -> Entry | None:
            with suppress(NotFound):
                entry = await drive.stat(where)
                here = entry.parent is not None and entry.parent.id == parent.id
                if here and entry.kind is Kind.FOLDER and "trashed" not in entry.flags:
                    return entry
            return None

        made = [where for _, where in await self._places.made_before(turn, "folder", "relocate", "shortcut")]
        for first in range(0, len(made), AT_ONCE):
            found = await together(partial(standing, where) for where in made[first : first + AT_ONCE])
            if entry := next(filter(None, found), None):
                return entry
        return None

    async def _make(self, drive: Drive, parent: Ref, turn: Turn) -> Entry:
        rename = turn.item.spec["on_conflict"] == Conflict.RENAME
        taken = set(await self._places.taken(drive, turn, parent))
        while True:
            name = free(chosen(turn, "to"), drive.traits, taken, rename=rename)
            await turn.save({**turn.work, "intended": name})
            try:
                return await drive.make_folder(parent, name, OnConflict.FAIL)
            except NameTaken:
                await turn.save({one: kept for one, kept in turn.work.items() if one != "intended"})
                if not rename:
                    raise
                taken.add(key(name, drive.traits))


class Prune:
    """Items of kind 'prune': a moved source folder goes to the trash once it is seen to be empty, and not before."""

    def __init__(self, jobs: Jobs, drives: Drives) -> None:
        self._jobs = jobs
        self._drives = drives

    async def run(self, turn: Turn) -> Outcome:
        """Done; with 'not_empty' where something in it was not moved, and the folder stays."""
        item = turn.item
        assert item.after is not None
        if not await self._jobs.all_went(item.after):
            return Outcome(ItemState.DONE, "not_empty")
        ref = Ref.parse(item.entry["ref"])
        drive = await self._drives.writer(item.person, item.tenant, item.entry["drive"], instruction(item))
        with throttled(item.lane):
            try:
                now = await drive.stat(ref)
                left, complete = await everything_in(drive, ref)
                if left or not complete:
                    return Outcome(ItemState.DONE, "not_empty")
                await turn.hold()
                await drive.trash(ref, version=now.version)
            except NotFound:
                return Outcome(ItemState.DONE)
            except Changed:
                return Outcome(ItemState.DONE, "not_empty")
        return Outcome(ItemState.DONE)

    async def abandon(self, turn: Turn) -> None:
        """The folder stays where it is."""
