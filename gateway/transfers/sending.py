"""Brings one file into a folder under the conflict policy: what is the same is not sent again, what is taken is solved.

Every provider is told to refuse a taken name, whatever the person chose: only then can a repeat after a lost answer be
told from a second file. Renaming is done here, by number; replacing names the item and the version it replaces.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction, throttled
from gateway.transfers.conflict import Conflict, Likeness, is_itself, is_of_order, likeness
from gateway.transfers.naming import MOST_NUMBERS, numbered
from gateway.transfers.places import Places
from gateway.transfers.verify import Verdict
from providers.drive import Drive, Entry, Kind, NewFile, OnConflict, UploadSession
from providers.errors import Changed, NameTaken

Bring = Callable[[NewFile], Awaitable[tuple[Verdict, Entry]]]
"""Makes exactly this file, verified. NameTaken; see `Delivery.run`."""
_RACES: Final = 3
_OF_A_NAME: Final = frozenset({"session", "intended", "replacing"})
"""What `turn.work` keeps that belongs to one name only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to be brought. ``replacing``: how to put a version in the place of another, None where there is no way.

    ``proves``: whether what is there holds the very bytes. ``unsure``: the copy's bytes are not the source's.
    """

    source: Entry
    new: NewFile
    policy: Conflict
    bring: Bring
    replacing: Bring | None
    proves: Callable[[Entry], Awaitable[bool]] | None
    unsure: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is at the destination now. ``note``: 'already_there' (it is the source), 'same_there', 'replaced', None."""

    verdict: Verdict
    entry: Entry
    note: str | None = None


class Sending:
    """``turn.work`` keeps 'session' and, once a name was taken, the 'number' of the next one to try."""

    def __init__(self, drives: Drives, places: Places) -> None:
        self._drives = drives
        self._places = places

    async def deliver(self, turn: Turn, drive: Drive, wanted: Wanted) -> Arrived:
        """The finished file. NameTaken where the policy leaves no way."""
        new = wanted.new
        for number in range(turn.work.get("number", 1), MOST_NUMBERS):
            named = replace(new, name=numbered(new.name, number, drive.traits), on_conflict=OnConflict.FAIL)
            note = "replaced" if turn.work.get("replacing") else None
            try:
                return Arrived(*await wanted.bring(named), note)
            except NameTaken:
                await self._let_go(turn)
            if (found := await self._solved(turn, drive, wanted, named)) is not None:
                return found
            if wanted.policy is not Conflict.RENAME:
                break
            await turn.save({**turn.work, "number": number + 1})
        raise NameTaken(reason="taken")

    async def numbered(
        self, turn: Turn, drive: Drive, new: NewFile, bring: Bring, *, rename: bool
    ) -> tuple[Verdict, Entry]:
        """What has no source that could be there already, under the first name that is free. NameTaken."""
        for number in range(turn.work.get("number", 1), MOST_NUMBERS if rename else 2):
            with suppress(NameTaken):
                return await bring(replace(new, name=numbered(new.name, number, drive.traits)))
            await self._let_go(turn)
            await turn.save({**turn.work, "number": number + 1})
        raise NameTaken(reason="taken")

    async def _solved(self, turn: Turn, drive: Drive, wanted: Wanted, named: NewFile) -> Arrived | None:
        """What ends the matter without another name; None where only another name helps."""
        with throttled(turn.item.lane):
            there = await self._places.there(drive, turn, named.parent, named.name)
        if there is None:
            return None
        if is_itself(wanted.source, there):
            if wanted.policy is not Conflict.RENAME:
                return Arrived(Verdict.EQUAL, there, "already_there")
            await turn.save({**turn.work, "in_place": True})
        elif not turn.work.get("in_place") and wanted.policy is not Conflict.FAIL:
            if (verdict := await self._likeness(turn, wanted, there)) is not None:
                return Arrived(verdict, there, "same_there")
            if wanted.policy is Conflict.REPLACE and not is_of_order(there, turn.item.spec):
                return await self._replaced(turn, drive, wanted, named)
        return None

    async def _likeness(self, turn: Turn, wanted: Wanted, there: Entry) -> Verdict | None:
        found = likeness(wanted.source, there, unsure=wanted.unsure)
        if found is Likeness.PROVEN:
            return Verdict.EQUAL
        if found is Likeness.LIKELY and not wanted.unsure and turn.item.mode == "move" and wanted.proves is not None:
            proven = await wanted.proves(there)
            turn.done = 0
            return Verdict.EQUAL if proven else None
        if found in (Likeness.LIKELY, Likeness.ALIKE) or (wanted.unsure and await self._was_made(turn, wanted, there)):
            return Verdict.LIKELY
        return None

    async def _was_made(self, turn: Turn, wanted: Wanted, there: Entry) -> bool:
        """Whether an earlier job of this person made it of this very version of the source."""
        made = await self._places.made_before(turn, turn.item.kind)
        return any(entry["version"] == wanted.source.version and where.id == there.ref.id for entry, where in made)

    async def _replaced(self, turn: Turn, drive: Drive, wanted: Wanted, named: NewFile) -> Arrived | None:
        """A new version in the place of the file that is there, whichever version it has by then."""
        if wanted.replacing is None:
            return None
        for _ in range(_RACES):
            with throttled(turn.item.lane):
                there = await self._places.there(drive, turn, named.parent, named.name)
            if there is None or there.kind is not Kind.FILE:
                return None
            one = replace(
                named, name=there.name, replaces=(there.ref, there.version), on_conflict=OnConflict.REPLACE
            )  # fmt: skip
            await turn.save({**turn.work, "replacing": True})
            try:
                return Arrived(*await wanted.replacing(one), "replaced")
            except (Changed, NameTaken):
                await self._let_go(turn)
                self._places.forget(turn, named.parent)
        raise Changed(reason="destination_changed")

    async def _let_go(self, turn: Turn) -> None:
        """Nothing more is wanted under this name."""
        if turn.work.keys() & _OF_A_NAME:
            await self.end_session(turn)
            left: dict[str, Any] = {name: value for name, value in turn.work.items() if name not in _OF_A_NAME}
            await turn.save(left)

    async def end_session(self, turn: Turn) -> None:
        """Give the saved session up at the provider, if there is one. DriveError; Fenced where the item is lost."""
        if text := turn.work.get("session"):
            await turn.hold()
            item = turn.item
            to = item.spec["destination"]["drive"]
            drive = await self._drives.writer(item.person, item.tenant, to, instruction(item))
            await drive.abort(UploadSession.load(text.encode()))
