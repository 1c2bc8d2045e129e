"""Who opened what, in the ledger: once for a sign-in and item, however many ranges a player asks for.

Small pictures are accesses of their own kind: a page asks for many at once, so they are written together.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from cache.model import Scope
from gateway.api.decisions import heard
from gateway.db.engine import Database
from gateway.files.opening import Opened
from gateway.ledger import Event, Ledger, Together
from gateway.policy import POLICY_VERSION, Principal
from providers.drive import Ref

NOTED: Final = 600_000
"""An item that one sign-in opens by many ranges, or sees a picture of, is one access for this long, ms."""
_Key = tuple[str, bytes]


class Accesses:
    """The accesses that this process has recorded lately; ``most`` of them are remembered."""

    def __init__(self, ledger: Ledger, database: Database, most: int = 10_000) -> None:
        self._ledger = ledger
        self._database = database
        self._most = most
        self._noted: OrderedDict[_Key, int] = OrderedDict()
        self._together = Together(ledger, database)
        self._pictures: dict[_Key, asyncio.Task[None]] = {}

    async def record(self, principal: Principal, instruction: str, opened: Opened) -> None:
        """Before the first byte; an access that cannot be recorded does not happen."""
        now = await self._database.now()
        key = (principal.session, opened.lookup)
        if self._lately(key, now):
            return
        told = {
            "drive": opened.drive, "item": str(opened.entry.ref), "name": opened.name, "client": principal.client,
            "copy": opened.lookup.hex(),
        }  # fmt: skip
        subject = opened.scope.subject
        event = Event("file.opened", principal.person, subject, instruction, POLICY_VERSION, told)
        await self._ledger.record(principal.school, event)
        self._note(key, now)

    async def pictured(
        self, principal: Principal, instruction: str, scope: Scope, drive: str, item: Ref, name: str | None
    ) -> None:
        """The same for a small picture of ``scope``'s item. ``name``: where it is known without asking the drive."""
        now = await self._database.now()
        key = (principal.session, f"picture\0{scope.subject}\0{drive}\0{item}".encode())
        if self._lately(key, now):
            return
        if key not in self._pictures:
            told = {"drive": drive, "item": str(item), "client": principal.client, **({"name": name} if name else {})}
            event = Event("file.pictured", principal.person, scope.subject, instruction, POLICY_VERSION, told)
            task = asyncio.create_task(self._picture(key, principal.school, event, now), name="access")
            task.add_done_callback(heard)
            self._pictures[key] = task
        await asyncio.shield(self._pictures[key])  # others may wait for the same entry

    async def _picture(self, key: _Key, school: str, event: Event, now: int) -> None:
        try:
            await self._together.record(school, event)
            self._note(key, now)
        finally:
            del self._pictures[key]

    def _lately(self, key: _Key, now: int) -> bool:
        return now - self._noted.get(key, 0) < NOTED

    def _note(self, key: _Key, now: int) -> None:
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > self._most:
            self._noted.popitem(last=False)
