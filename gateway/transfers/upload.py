"""Sends what a browser uploaded, already safe in sealed parts, on to its drive: verified like any other transfer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing
from cache.model import Scope
from cache.vault import Vault
from gateway.jobs.model import Hook, ItemState, Outcome
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction
from gateway.transfers.delivery import Delivering
from gateway.transfers.naming import mapped, unsuffixed
from gateway.transfers.origin import FromVault
from gateway.transfers.places import Places
from gateway.transfers.sending import Sending
from gateway.transfers.verify import Verdict
from providers.drive import Drive, Entry, NewFile, OnConflict, Ref
from providers.errors import NameTaken


class Upload:
    """Items of kind 'upload'. Their parts are destroyed with the item's success, in one transaction."""

    def __init__(self, drives: Drives, places: Places, vault: Vault) -> None:
        self._drives = drives
        self._vault = vault
        self._sending = Sending(drives, places)

    async def run(self, turn: Turn) -> Outcome:
        """Copied; failed with 'name_taken', or with 'source_lost' where the parts reached their end."""
        try:
            return await self._send(turn)
        except Missing:
            await self.abandon(turn)
            return Outcome(ItemState.FAILED, "source_lost")
        except NameTaken:
            await self.abandon(turn)
            return Outcome(ItemState.FAILED, "name_taken")

    async def abandon(self, turn: Turn) -> None:
        """Ends the session. The parts stay until their own end: they are the only copy."""
        await self._sending.end_session(turn)

    async def _send(self, turn: Turn) -> Outcome:
        item, entry, to = turn.item, turn.item.entry, turn.item.spec["destination"]
        drive = await self._drives.writer(item.person, item.tenant, to["drive"], instruction(item))
        parts = [(name, size) for name, size in entry["parts"]]
        origin = FromVault(self._vault, Scope(item.tenant, item.person), parts)
        convert = bool(item.spec.get("convert")) and entry["media_type"] in drive.traits.converts
        new = NewFile(
            parent=await drive.root() if to["item"] == "root" else Ref.parse(to["item"]),
            name=mapped(unsuffixed(entry["name"]) if convert else entry["name"], drive.traits),
            media_type=entry["media_type"],
            size=origin.size,
            modified=datetime.fromisoformat(entry["modified"]),
            convert=convert,
            dated=entry.get("dated", True),
        )
        verdict, made = await self._delivered(turn, drive, origin, new)
        turn.done = origin.size
        result: dict[str, Any] = {"destination": [to["drive"], str(made.ref)]}
        if made.name != entry["name"]:
            result["renamed_to"] = made.name
        reason = None if verdict is Verdict.EQUAL else verdict.value
        return Outcome(ItemState.COPIED, reason, result, self._dropping(item.tenant, item.person, parts))

    async def _delivered(self, turn: Turn, drive: Drive, origin: FromVault, new: NewFile) -> tuple[Verdict, Entry]:
        """Under the name that is free, or in the place of what has it; what was uploaded is always sent."""
        delivery, conflict = Delivering(drive, origin, turn), OnConflict(turn.item.spec["on_conflict"])
        if conflict is OnConflict.REPLACE:
            return await delivery.run(replace(new, on_conflict=conflict))
        return await self._sending.numbered(turn, drive, new, delivery.run, rename=conflict is OnConflict.RENAME)

    def _dropping(self, tenant: str, person: str, parts: list[tuple[str, int]]) -> Hook:
        async def drop(tx: AsyncConnection) -> None:
            await self._vault.destroy(tx, Scope(tenant, person), [name for name, _ in parts])

        return drop
