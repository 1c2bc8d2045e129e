"""Moves an item inside one drive and one account: a single request, and nothing is copied.

Where the drive refuses it because it would cross drives or owners, the item is copied, verified and only then trashed,
and the report says who owns the result. Where a folder of its name is there to go on in, its contents move one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.jobs.model import ItemState, NewItem, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction, throttled
from gateway.transfers.conflict import Conflict, Likeness, is_of_order, likeness
from gateway.transfers.copy import Copy
from gateway.transfers.facts import unpack
from gateway.transfers.folders import MakeFolder
from gateway.transfers.naming import free, key
from gateway.transfers.places import Places
from gateway.transfers.plan import Under, inside
from providers.drive import Drive, Entry, Kind, Ref
from providers.errors import DriveError, NameTaken

ACROSS: Final = "across_drives"
"""The reason with which a drive refuses to move an item to another drive or owner."""


class Relocate:
    """Items of kind 'relocate'. Whether an unanswered request succeeded, the item's own folder tells."""

    def __init__(self, jobs: Jobs, drives: Drives, places: Places, copy: Copy, folder: MakeFolder) -> None:
        self._jobs = jobs
        self._drives = drives
        self._places = places
        self._copy = copy
        self._folder = folder

    async def run(self, turn: Turn) -> Outcome:
        """Copied once it is there; skipped with 'already_there' where it always was, 'same_there' where its twin is."""
        if turn.work.get("across") or turn.work.get("merge"):
            return await self._otherwise(turn)
        item, to = turn.item, turn.item.spec["destination"]["drive"]
        drive = await self._drives.writer(item.person, item.tenant, to, instruction(item))
        try:
            with throttled(item.lane):
                parent = await self._places.parent(turn)
                now = await drive.stat(Ref.parse(item.entry["ref"]))
                if _same(now.parent, parent):
                    if "intended" not in turn.work:
                        return Outcome(ItemState.SKIPPED, "already_there", {"destination": [to, str(now.ref)]})
                else:
                    now = await self._move(drive, now, parent, turn)
        except NameTaken:
            return await self._taken(drive, parent, turn)
        except DriveError as error:
            if error.reason != ACROSS:
                raise
            await turn.save({"across": True})
            return await self._otherwise(turn)
        self._places.note(turn, parent, now, drive)
        result: dict[str, Any] = {"destination": [to, str(now.ref)]}
        if now.name != item.entry["name"]:
            result["renamed_to"] = now.name
        return Outcome(ItemState.COPIED, result=result)

    async def abandon(self, turn: Turn) -> Outcome | None:
        """One request either happened or did not; a copy in its stead is given up like any other."""
        return await self._copy.abandon(turn) if turn.work.get("across") or turn.work.get("merge") else None

    async def _move(self, drive: Drive, now: Entry, parent: Ref, turn: Turn) -> Entry:
        rename = turn.item.spec["on_conflict"] == Conflict.RENAME
        taken = set() if drive.traits.unique_names else set(await self._places.taken(drive, turn, parent))
        while True:
            name = free(now.name, drive.traits, taken, rename=rename)
            await turn.save({"intended": name})
            try:
                return await drive.relocate(now.ref, parent, None if name == now.name else name)
            except NameTaken:
                await turn.save({})
                if not rename:
                    raise
                taken.add(key(name, drive.traits))

    async def _taken(self, drive: Drive, parent: Ref, turn: Turn) -> Outcome:
        """The name is taken, and may not be changed: the same is left alone, a folder gone on in, a file replaced."""
        policy, source = Conflict(turn.item.spec["on_conflict"]), unpack(turn.item.entry)
        with throttled(turn.item.lane):
            there = await self._places.there(drive, turn, parent, source.name)
        goes_on = policy in (Conflict.SKIP, Conflict.REPLACE)
        if there is None or not goes_on or is_of_order(there, turn.item.spec):
            return Outcome(ItemState.FAILED, "name_taken")
        both_files = there.kind is source.kind is Kind.FILE
        if both_files and policy is Conflict.SKIP and likeness(source, there, unsure=False) >= Likeness.ALIKE:
            return Outcome(ItemState.SKIPPED, "same_there")
        if (there.kind is source.kind is Kind.FOLDER) or (both_files and policy is Conflict.REPLACE):
            await turn.save({"merge": True})
            return await self._otherwise(turn)
        return Outcome(ItemState.FAILED, "name_taken")

    # not in one request

    async def _otherwise(self, turn: Turn) -> Outcome:
        kind = Kind(turn.item.entry["kind"])
        if kind in (Kind.FILE, Kind.DOCUMENT):
            return await self._copy.run(turn)
        if kind is not Kind.FOLDER:
            return Outcome(ItemState.UNSUPPORTED, "unsupported")
        made = await self._folder.run(turn)
        if made.state is not ItemState.COPIED:
            return made
        assert made.result is not None
        more = self._below(turn)

        async def then(tx: AsyncConnection) -> None:
            await self._jobs.add(tx, turn.item.job, more)

        reason = None
        if turn.work.get("across"):
            reason = "across_shared" if Ref.parse(made.result["destination"][1]).space else "across_own"
        return replace(made, reason=reason, then=then)

    def _below(self, turn: Turn) -> Sequence[NewItem]:
        """What is in the folder: moved one by one where the folder only had to be merged, else copied."""
        item = turn.item
        entry = {**item.entry, "relocating": bool(turn.work.get("merge"))}
        at = Under(item.tenant, item.person, item.entry["drive"], item.folder, item.entry["path"], item.depth)
        return inside(item.id, entry, at, move=True)


def _same(one: Ref | None, other: Ref) -> bool:
    return one is not None and (one.space, one.id) == (other.space, other.id)
