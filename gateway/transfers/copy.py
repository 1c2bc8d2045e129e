"""Copies one file, or moves it: copy, verify by the destination's own hash, and only then trash the source.

A source is pinned to the version that was planned; where it changed the file starts again with the new one, a few
times at most. How far it is stands in the item's work: 'session', 'spool', and once it is proven, 'arrived'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cache.errors import Missing, Shredded
from cache.vault import Vault
from gateway.jobs.model import ItemState, Outcome
from gateway.jobs.taking import may_pass
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, SourceChanged, instruction, throttled
from gateway.transfers.facts import pack, unpack
from gateway.transfers.origin import FromDrive, Origin
from gateway.transfers.places import Places
from gateway.transfers.sending import Sending
from gateway.transfers.spool import Spool
from gateway.transfers.verify import Verdict
from providers.drive import Drive, Entry, ExportChoice, NewFile, OnConflict, Ref, Source
from providers.errors import Changed, DriveError, NameTaken, NotFound, SessionLost

MOST_RESTARTS: Final = 3


class Copy:
    """Items of kind 'copy'."""

    def __init__(self, drives: Drives, places: Places, vault: Vault) -> None:
        self._drives = drives
        self._places = places
        self._sending = Sending(drives)
        self._spool = Spool(vault)

    async def run(self, turn: Turn) -> Outcome:
        """Copied, with a reason where the source stays; failed where the name is taken or the file keeps changing."""
        arrived, seen = turn.work.get("arrived"), False
        if arrived is None:
            seen = True
            try:
                arrived = await self._copy(turn)
            except SourceChanged:
                return await self._restart(turn)
            except (Missing, Shredded) as lost:
                await self.abandon(turn)
                turn.done = 0
                raise SessionLost from lost
            except NameTaken:
                await self.abandon(turn)
                return Outcome(ItemState.FAILED, "name_taken")
        if turn.item.mode != "move":
            return self._outcome(turn, arrived, None if arrived["equal"] else "altered")
        if not arrived["equal"]:
            return self._outcome(turn, arrived, "altered_kept")
        if not seen and not await self._is_still_there(turn, arrived):
            return self._outcome(turn, arrived, "copy_gone")
        return self._outcome(turn, arrived, await self._remove_source(turn, arrived))

    async def abandon(self, turn: Turn) -> Outcome | None:
        """Ends the upload session and destroys the spool. What has arrived whole stays, and is told as copied."""
        if arrived := turn.work.get("arrived"):
            return self._outcome(turn, arrived, "source_kept")
        try:
            await self._sending.end_session(turn)
        finally:
            work = {name: value for name, value in turn.work.items() if name not in {"session", "spool", "number"}}
            await turn.save(work, self._spool.dropping(turn))
        return None

    # copying

    async def _copy(self, turn: Turn) -> dict[str, Any]:
        """What has arrived, verified."""
        item, entry = turn.item, self._entry(turn)
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        drive = await self._drives.writer(
            item.person, item.tenant, item.spec["destination"]["drive"], instruction(item)
        )
        origin = await self._origin(turn, source, entry, drive)
        parent = await self._places.parent(turn)
        new = self._new(turn, parent, origin)
        verdict, made = await self._sending.deliver(turn, drive, origin, new)
        turn.done = origin.size
        return {"ref": str(made.ref), "name": made.name, "version": made.version, "equal": verdict is Verdict.EQUAL}

    def _entry(self, turn: Turn) -> Entry:
        """The source as it was planned, or as it was found when it had changed."""
        return unpack(turn.work.get("entry") or turn.item.entry)

    async def _origin(self, turn: Turn, source: Source, entry: Entry, drive: Drive) -> Origin:
        lane = turn.item.other
        assert lane is not None
        if entry.size is None or turn.item.entry.get("export"):
            return await self._spool.origin(turn, source, entry, lane, drive.traits.hash)
        return FromDrive(source, entry.ref, entry.version, entry.size, entry.hashes, lane)

    def _new(self, turn: Turn, parent: Ref, origin: Origin) -> NewFile:
        entry = self._entry(turn)
        conflict = OnConflict(turn.item.spec["on_conflict"])
        return NewFile(parent, turn.item.entry["to"], _media_type(turn, entry), origin.size, entry.modified, conflict)

    # what may go wrong on the way

    async def _restart(self, turn: Turn) -> Outcome:
        """Begin again with the source's new version. The queue does not count it: we do."""
        restarts = turn.work.get("restarts", 0) + 1
        await self.abandon(turn)
        if restarts > MOST_RESTARTS:
            return Outcome(ItemState.FAILED, "keeps_changing")
        item = turn.item
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        assert item.other is not None
        with throttled(item.other):
            now = await source.stat(Ref.parse(item.entry["ref"]))
        turn.done = 0
        await turn.save({"entry": pack(now), "restarts": restarts}, size=now.size)
        return await self.run(turn)

    # the end

    def _outcome(self, turn: Turn, arrived: Mapping[str, Any], reason: str | None) -> Outcome:
        result: dict[str, Any] = {"destination": [turn.item.spec["destination"]["drive"], arrived["ref"]]}
        if arrived["name"] != turn.item.entry["name"]:
            result["renamed_to"] = arrived["name"]
        return Outcome(ItemState.COPIED, reason, result, self._spool.dropping(turn))

    async def _is_still_there(self, turn: Turn, arrived: Mapping[str, Any]) -> bool:
        """Whether what was proven before a break is what the destination has now: it may have been long."""
        to = turn.item.spec["destination"]["drive"]
        drive = await self._drives.reader(turn.item.person, turn.item.tenant, to)
        try:
            with throttled(turn.item.lane):
                now = await drive.stat(Ref.parse(arrived["ref"]))
        except NotFound:
            return False
        return now.version == arrived["version"] and "trashed" not in now.flags

    async def _remove_source(self, turn: Turn, arrived: Mapping[str, Any]) -> str | None:
        """Trash what is proven to have arrived. Why it stays, where it does."""
        item, entry = turn.item, self._entry(turn)
        drive = await self._drives.writer(item.person, item.tenant, item.entry["drive"], instruction(item))
        await turn.save({**turn.work, "arrived": arrived})  # and with it the proof that the item is still ours
        turn.check()
        assert item.other is not None
        try:
            with throttled(item.other):
                await drive.trash(entry.ref, version=entry.version)
        except NotFound:
            return None
        except Changed:
            return "source_changed"
        except DriveError as error:
            if may_pass(error, turn):
                raise
            return "source_kept"
        return None


def _media_type(turn: Turn, entry: Entry) -> str:
    """The type of what is sent: of a document, its export's."""
    chosen = turn.item.entry.get("export")
    choices: list[ExportChoice] = [choice for choice in entry.exports if choice.id == chosen]
    return choices[0].media_type if choices else entry.media_type
