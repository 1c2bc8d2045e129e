"""Sends an origin into a folder under a name that is free there, trying the next one where it turns out to be taken.

Every provider is told to refuse a taken name, whatever the person chose: only then can a repeat after a lost answer be
told from a second file. Renaming is done here, by number.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction
from gateway.transfers.delivery import Delivery
from gateway.transfers.naming import MOST_NUMBERS, numbered
from gateway.transfers.origin import Origin
from gateway.transfers.verify import Verdict
from providers.drive import Drive, Entry, NewFile, OnConflict, UploadSession
from providers.errors import NameTaken


class Sending:
    """``turn.work`` keeps 'session' and, once a name was taken, the 'number' of the next one to try."""

    def __init__(self, drives: Drives) -> None:
        self._drives = drives

    async def deliver(self, turn: Turn, drive: Drive, origin: Origin, new: NewFile) -> tuple[Verdict, Entry]:
        """The finished file. NameTaken where ``new.on_conflict`` allows no other name; see `Delivery.run`."""
        if new.on_conflict is OnConflict.REPLACE:
            return await Delivery(drive, turn.item.lane, origin, turn).run(new)
        for number in range(turn.work.get("number", 1), MOST_NUMBERS):
            named = replace(new, name=numbered(new.name, number, drive.traits), on_conflict=OnConflict.FAIL)
            with suppress(NameTaken):
                return await Delivery(drive, turn.item.lane, origin, turn).run(named)
            if new.on_conflict is not OnConflict.RENAME:
                break
            await self.end_session(turn)
            await turn.save(
                {name: value for name, value in turn.work.items() if name != "session"} | {"number": number + 1}
            )
        raise NameTaken(reason="taken")

    async def end_session(self, turn: Turn) -> None:
        """Give the saved session up at the provider, if there is one. DriveError."""
        if text := turn.work.get("session"):
            item = turn.item
            to = item.spec["destination"]["drive"]
            drive = await self._drives.writer(item.person, item.tenant, to, instruction(item))
            await drive.abort(UploadSession.load(text.encode()))
