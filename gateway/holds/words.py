"""What is said of a hold: in the school's ledger, and to the person where that is lawful.

The person's own words are sealed under the person's key, so they end with it; the ledger's details under the school's.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Row, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_holds import hold_words
from gateway.holds.model import Order
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.rights.notifications import Notifications

TABLE: Final = "hold_words"
RELEASED: Final = "hold.released"


class Words:
    """Tells of holds. Everything in the caller's transaction, the ledger last."""

    def __init__(self, vault: Vault, database: Database, ledger: Ledger) -> None:
        self._vault = vault
        self._ledger = ledger
        self._notifications = Notifications(vault, database)

    async def entry(
        self, tx: AsyncConnection, school: str, hold: str, order: Order, action: str, by: str | None, **details: Any
    ) -> None:
        """In the school's chain: with its details for the school, and without them for the person who may know."""
        if order.tells:
            await self._ledger.append(tx, school, Event(action, by, order.person, hold, POLICY_VERSION))
        told = {**_about(order), **details}
        await self._ledger.append(tx, school, Event(action, by, None, hold, POLICY_VERSION, told))

    async def opened(self, tx: AsyncConnection, school: str, hold: str, order: Order, now: int, contents: int) -> None:
        """The person learns of it."""
        if not order.tells:
            return
        scope = Scope(school, order.person)
        fields = await self._vault.fields(scope)
        shown = {name: getattr(order, name) for name in ("basis", "authority", "reference", "review")}
        told = {**shown, "items": None if order.items is None else list(order.items), "contents": contents}
        row = {"hold": hold, "school": school, "person": order.person, "began": now}
        await tx.execute(insert(hold_words).values(**row, told=fields.seal(TABLE, "told", hold, json.dumps(told))))
        await self._notifications.tell(tx, scope, "hold_opened", hold=hold)

    async def released(self, tx: AsyncConnection, row: Row[Any], order: Order | None, now: int) -> None:
        """The person learns that it is over, if they are still here, and the school does.

        ``order``: None while nobody can open it: the entry has no details then. A person whose key is suspended gets no
        message; that it is over stands with what they were told of it.
        """
        if row.tells:
            await tx.execute(update(hold_words).where(hold_words.c.hold == row.id).values(ended=now))
            with suppress(Missing, Shredded, Suspended):
                await self._notifications.tell(tx, Scope(row.school, row.person), "hold_released", hold=row.id)
            await self._ledger.append(tx, row.school, Event(RELEASED, None, row.person, row.id, POLICY_VERSION))
        told = {} if order is None else _about(order)
        await self._ledger.tell(tx, row.school, Event(RELEASED, None, None, row.id, POLICY_VERSION, told))


def _about(order: Order) -> dict[str, Any]:
    """What the school's ledger says of it."""
    about = {name: getattr(order, name) for name in ("person", "basis", "authority", "reference")}
    return {**about, "items": None if order.items is None else list(order.items), "untold": order.untold}
