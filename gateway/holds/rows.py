"""The rows of holds, opened: what asking for one, beginning it and releasing it share."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.keyrows import is_shredded
from cache.vault import Scope, Vault
from gateway.approvals import OPEN as PENDING
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals
from gateway.db.tables_holds import holds as table
from gateway.holds.model import HOLDING, MOVING, Hold, NoSuchHold, Order, State, Waits, keeper
from providers.errors import NotFound
from providers.native import keeping, kept, owners

NAME: Final = "holds"


class Rows:
    """Reads and seals them."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database

    async def locked(self, tx: AsyncConnection, school: str, hold: str) -> Row[Any]:
        """A school's row, held until the transaction ends. NoSuchHold."""
        mine = (table.c.id == hold) & (table.c.school == school)
        row = (await tx.execute(select(table).where(mine).with_for_update())).one_or_none()
        if row is None:
            raise NoSuchHold("there is no such hold")
        return row

    async def sealed(self, school: str, hold: str, order: Order, by: str | None) -> bytes:
        """What a row tells, under the school's key."""
        fields = await self._vault.fields(Scope(school, None))
        return fields.seal(NAME, "told", hold, json.dumps({"order": order.dump(), "by": by}))

    async def opened(self, row: Row[Any]) -> tuple[Order, str | None]:
        """The inverse: what is held, and who asked for it."""
        fields = await self._vault.fields(Scope(row.school, None))
        told = json.loads(fields.text(NAME, "told", row.id, row.told))
        return Order.load(told["order"]), told["by"]

    async def known(self, row: Row[Any]) -> Order | None:
        """What is held; None while the school's key is suspended."""
        try:
            return (await self.opened(row))[0]
        except Suspended:
            return None

    async def hold(self, tx: AsyncConnection, row: Row[Any]) -> Hold:
        """A row as administrators see it, also one that nobody can open now."""
        waits: Waits | None = None
        try:
            order, by = await self.opened(row)
            waits = "person_key" if row.state in MOVING and await self._suspended(row) else None
        except Suspended:
            waits, by = "school_key", None
            order = Order(row.person, None, "", "", "", row.review)
        contents, size = await kept.total(tx, keeper(row.school, row.id)) if row.state in HOLDING else (0, 0)
        release = row.release if row.state != State.OPEN or await pending(tx, row.release) else None
        return Hold(
            id=row.id, school=row.school, state=State(row.state), order=order, by=by, approval=row.approval,
            release=release, contents=contents, bytes=size, made=row.made, began=row.began, ended=row.ended,
            waits=waits,
        )  # fmt: skip

    async def _suspended(self, row: Row[Any]) -> bool:
        """Whether it is the key of its person that holds it up."""
        try:
            await self._vault.fields(Scope(row.school, row.person))
        except (Missing, Shredded):  # forgotten: nothing waits for that
            return False
        except Suspended:
            return True
        return False

    async def take(self, scope: Scope) -> int:
        """Put some of what is to be kept of a person under the keys of its holds; how many contents.

        What nobody can take any more, since the person is forgotten, is given up. Suspended, Unavailable.
        """
        async with self._database.write() as tx:
            if not await keeping.waits(tx, scope):
                return 0
            try:
                await owners.hold(tx, scope)
                return await keeping.take(tx, self._vault, scope, limit=keeping.PAGE)
            except (NotFound, Missing, Shredded):
                if not await is_shredded(tx, scope):
                    raise
                mine = (table.c.person == scope.subject) & (table.c.state == State.OPENING)
                for hold in (await tx.execute(select(table.c.id).where(mine))).scalars().all():
                    await keeping.forsake(tx, keeper(scope.tenant, hold))
                return 0


async def pending(tx: AsyncConnection, approval: str | None) -> bool:
    """Whether a request still waits for administrators, or its time."""
    if approval is None:
        return False
    query = select(approvals.c.id).where(approvals.c.id == approval, approvals.c.state.in_(PENDING))
    return (await tx.execute(query)).first() is not None
