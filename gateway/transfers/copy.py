"""Copies one file, or moves it: copy, verify by the destination's own hash, and only then trash the source.

A source is pinned to the version that was planned; where it changed the file starts again with the new one, a few
times at most. How far it is stands in the item's work: 'session', 'spool', and once it is proven, 'arrived'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cache.errors import Missing, Shredded
from cache.vault import Vault
from gateway.jobs.model import ItemState, Outcome
from gateway.jobs.taking import may_pass
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, SourceChanged, instruction, throttled
from gateway.transfers.conflict import Conflict, is_itself
from gateway.transfers.delivery import Delivering
from gateway.transfers.duplicate import Duplicate
from gateway.transfers.endings import ending, may_remove
from gateway.transfers.facts import chosen, pack, unpack
from gateway.transfers.origin import FromDrive, Origin
from gateway.transfers.places import Places
from gateway.transfers.sending import Sending, Wanted
from gateway.transfers.spool import Spool
from providers.drive import Drive, Entry, ExportChoice, Kind, NewFile, Ref, Source
from providers.errors import Changed, DriveError, NameTaken, NotFound, SessionLost, Unsupported, Untrusted
from providers.verbs import CanCopy, supports

MOST_RESTARTS: Final = 3
_DECIDED: Final = ("as", "in_place", "across")
"""What of `turn.work` holds for whichever version of the source."""


class Copy:
    """Items of kind 'copy', and what others found to be a copy after all."""

    def __init__(self, drives: Drives, places: Places, vault: Vault) -> None:
        self._drives = drives
        self._places = places
        self._sending = Sending(drives, places)
        self._spool = Spool(vault)

    async def run(self, turn: Turn) -> Outcome:
        """Copied, with a reason where the source stays; skipped where it was there; failed where nothing helped."""
        if "why" in turn.item.entry:
            return Outcome(ItemState.FAILED, turn.item.entry["why"])
        arrived, seen = turn.work.get("arrived"), False
        if arrived is None:
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
            seen = arrived["note"] != "same_there"
        if not _moves(turn) or not may_remove(arrived):
            return self._outcome(turn, arrived, None)
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
            item.person, item.tenant, item.spec["destination"]["drive"], instruction(item),
            covered=bool(item.entry.get("covered")),
        )  # fmt: skip
        with throttled(item.lane):
            parent = await self._places.parent(turn)
        wanted = await self._wanted(turn, source, drive, entry, parent)
        arrived = await self._sending.deliver(turn, drive, wanted)
        made, turn.done = arrived.entry, wanted.new.size or 0
        note = "already_there" if is_itself(entry, made) else arrived.note
        return {
            "ref": str(made.ref), "name": made.name, "version": made.version, "shared": bool(parent.space),
            "verdict": arrived.verdict.value, "note": note,
        }  # fmt: skip

    async def _wanted(self, turn: Turn, source: Source, drive: Drive, entry: Entry, parent: Ref) -> Wanted:
        """How the file is to be brought: copied by the drive itself, or read and sent."""
        copier, policy = self._copier(turn, entry, drive), Conflict(turn.item.spec["on_conflict"])
        if turn.item.kind == "shortcut" and policy is Conflict.REPLACE:
            policy = Conflict.RENAME  # its name was not chosen apart from those of the files beside it
        new = NewFile(
            parent, chosen(turn, "to"), _media_type(turn, entry), entry.size, entry.modified,
            convert=bool(chosen(turn, "convert")),
        )  # fmt: skip
        if copier is not None and entry.kind is Kind.DOCUMENT:
            bring = Duplicate(drive, copier, self._places, turn, entry).run
            return Wanted(entry, new, policy, bring, None, None, unsure=True)
        origin = await self._origin(turn, source, entry, drive)
        delivery, new = Delivering(drive, origin, turn), replace(new, size=origin.size)
        bring = delivery.run if copier is None else Duplicate(drive, copier, self._places, turn, entry).run
        unsure = new.convert or entry.kind is not Kind.FILE or new.media_type in drive.traits.rewrites
        return Wanted(entry, new, policy, bring, None if new.convert else delivery.run, delivery.proves(new), unsure)

    def _copier(self, turn: Turn, entry: Entry, drive: Drive) -> CanCopy | None:
        """The drive's own way of copying, where source and destination are one account and nothing is converted."""
        item = turn.item
        inside = item.entry["drive"] == item.spec["destination"]["drive"]
        if not inside or chosen(turn, "export") or chosen(turn, "convert"):
            return None
        return supports(drive, CanCopy)

    def _entry(self, turn: Turn) -> Entry:
        """The source as it was planned, or as it was found when it had changed or was only pointed to."""
        return unpack(turn.work.get("entry") or turn.item.entry)

    async def _origin(self, turn: Turn, source: Source, entry: Entry, drive: Drive) -> Origin:
        lane = turn.item.other or turn.item.lane
        export = chosen(turn, "export")
        if entry.kind is Kind.DOCUMENT and export is None:
            raise Unsupported(reason="no_format")
        if entry.size is None or export:
            return await self._spool.origin(turn, source, entry, lane, drive.traits.hash, export)
        return FromDrive(source, entry, entry.size, lane)

    # what may go wrong on the way

    async def _restart(self, turn: Turn) -> Outcome:
        """Begin again with the source's new version. The queue does not count it: we do."""
        restarts = turn.work.get("restarts", 0) + 1
        await self.abandon(turn)
        if restarts > MOST_RESTARTS:
            return Outcome(ItemState.FAILED, "keeps_changing")
        item = turn.item
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        with throttled(item.other or item.lane):
            now = await source.stat(self._entry(turn).ref)
        turn.done = 0
        if now.version == self._entry(turn).version:  # nothing changed: what came was not what this version is
            raise Untrusted("the bytes are not those of their version", reason="version")
        again = {name: turn.work[name] for name in _DECIDED if name in turn.work}
        await turn.save({**again, "entry": pack(now), "restarts": restarts}, size=now.size)
        return await self.run(turn)

    # the end

    def _outcome(self, turn: Turn, arrived: Mapping[str, Any], kept: str | None) -> Outcome:
        result: dict[str, Any] = {"destination": [turn.item.spec["destination"]["drive"], arrived["ref"]]}
        if arrived["name"] != turn.item.entry["name"]:
            result["renamed_to"] = arrived["name"]
        state, reason = ending(arrived, kept, moves=_moves(turn))
        if reason is None and turn.work.get("across"):
            reason = "across_shared" if arrived["shared"] else "across_own"
        return Outcome(state, reason, result, self._spool.dropping(turn))

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
        # what a shortcut points to is never ours to remove: the shortcut itself is what was moved
        ref, version = (entry.ref, entry.version) if item.kind != "shortcut" else (Ref.parse(item.entry["ref"]), None)
        try:
            with throttled(item.other or item.lane):
                await drive.trash(ref, version=version)
        except NotFound:
            return None
        except Changed:
            return "source_changed"
        except DriveError as error:
            if may_pass(error, turn):
                raise
            return "source_kept"
        return None


def _moves(turn: Turn) -> bool:
    """Whether the source is to go: never what was only reached through a shortcut to a folder."""
    return turn.item.mode == "move" and not turn.item.entry["via"]


def _media_type(turn: Turn, entry: Entry) -> str:
    """The type of what is sent: of a document, its export's."""
    export = chosen(turn, "export")
    choices: list[ExportChoice] = [choice for choice in entry.exports if choice.id == export]
    return choices[0].media_type if choices else entry.media_type
