"""Who opened what, in the ledger: once for a sign-in and item, however many ranges a player asks for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from gateway.db.engine import Database
from gateway.files.opening import Opened
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION, Principal

NOTED: Final = 600_000
"""An item that one sign-in opens by many ranges is one access in the ledger for this long, ms."""


class Accesses:
    """The accesses that this process has recorded lately; ``most`` of them are remembered."""

    def __init__(self, ledger: Ledger, database: Database, most: int = 10_000) -> None:
        self._ledger = ledger
        self._database = database
        self._most = most
        self._noted: OrderedDict[tuple[str, bytes], int] = OrderedDict()

    async def record(self, principal: Principal, instruction: str, opened: Opened) -> None:
        """Before the first byte; an access that cannot be recorded does not happen."""
        now = await self._database.now()
        key = (principal.session, opened.lookup)
        if now - self._noted.get(key, 0) < NOTED:
            return
        told = {
            "drive": opened.drive, "item": str(opened.entry.ref), "name": opened.name, "client": principal.client,
            "copy": opened.lookup.hex(),
        }  # fmt: skip
        subject = opened.scope.subject
        event = Event("file.opened", principal.person, subject, instruction, POLICY_VERSION, told)
        await self._ledger.record(principal.school, event)
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > self._most:
            self._noted.popitem(last=False)
