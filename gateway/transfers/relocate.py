"""Moves an item inside one drive and one account: a single request, and nothing is copied."""

from __future__ import annotations

from typing import Any

from gateway.jobs.model import ItemState, Outcome
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction, throttled
from gateway.transfers.naming import free, key
from gateway.transfers.places import Places
from providers.drive import Drive, Entry, OnConflict, Ref
from providers.errors import NameTaken


class Relocate:
    """Items of kind 'relocate'. Whether an unanswered request succeeded, the item's own folder tells."""

    def __init__(self, drives: Drives, places: Places) -> None:
        self._drives = drives
        self._places = places

    async def run(self, turn: Turn) -> Outcome:
        """Copied once it is there; skipped with 'already_there' where it always was."""
        item, to = turn.item, turn.item.spec["destination"]["drive"]
        drive = await self._drives.writer(item.person, item.tenant, to, instruction(item))
        with throttled(item.lane):
            try:
                parent = await self._places.parent(turn)
                now = await drive.stat(Ref.parse(item.entry["ref"]))
                if _same(now.parent, parent):
                    if "intended" not in turn.work:
                        return Outcome(ItemState.SKIPPED, "already_there", {"destination": [to, str(now.ref)]})
                else:
                    now = await self._move(drive, now, parent, turn)
            except NameTaken:
                return Outcome(ItemState.FAILED, "name_taken")
        self._places.note(turn, parent, now, drive)
        result: dict[str, Any] = {"destination": [to, str(now.ref)]}
        if now.name != item.entry["name"]:
            result["renamed_to"] = now.name
        return Outcome(ItemState.COPIED, result=result)

    async def abandon(self, turn: Turn) -> None:
        """One request either happened or did not."""

    async def _move(self, drive: Drive, now: Entry, parent: Ref, turn: Turn) -> Entry:
        rename = turn.item.spec["on_conflict"] == OnConflict.RENAME
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


def _same(one: Ref | None, other: Ref) -> bool:
    return one is not None and (one.space, one.id) == (other.space, other.id)
