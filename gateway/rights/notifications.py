"""What a person is told of what others did about them: an export, a guardian's link, an answer of the school.

Told in the transaction of what it tells of. It goes when the person has read it, or with the school's history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Row, and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_rights import notifications
from gateway.ids import new_id
from gateway.sentences import sentence

TABLE: Final = "notifications"
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "export_asked": sentence("Somebody asked for a copy of everything that is held about you."),
        "export_sent": sentence("A copy of everything that is held about you was downloaded."),
        "guardian_linked": sentence("Your school linked a guardian to you, who may use your rights for you."),
        "child_linked": sentence("Your school made you the guardian of a child. You may use the child's rights."),
        "guardian_ended": sentence("The link to your guardian has ended."),
        "child_ended": sentence("Your link to a child has ended."),
        "correction_asked": sentence("Somebody asked your school to correct what is held about you."),
        "correction_accepted": sentence("Your school accepted a correction. What is held about you was changed."),
        "correction_refused": sentence("Your school refused a correction. Its answer says why."),
        "correction_settled": sentence(
            "Your school's directory says something new, which holds instead of a correction."
        ),
        "correction_lost": sentence(
            "A correction was lost when an older copy of the database was put back. Please ask for it again."
        ),
        "hold_opened": sentence(
            "Your school must keep some of your files under a legal hold, also if you delete them or are forgotten."
        ),
        "hold_released": sentence("A legal hold of your school on your files has ended."),
        "inactive": sentence(
            "You were away for long. You will be forgotten here unless you sign in before the day that is named."
        ),
    }
)
"""Every kind there is, as a person reads it."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing a person is told. ``made`` in epoch ms; ``details``: random ids, times, codes."""

    id: str
    kind: str
    made: int
    details: Mapping[str, Any]


class Notifications:
    """What all people are told."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database

    async def tell(self, tx: AsyncConnection, scope: Scope, kind: str, **details: Any) -> None:
        """Tell a person, in the caller's transaction. Missing, Shredded where there is nobody any more."""
        assert kind in WORDS
        row, fields = new_id(), await self._vault.fields(scope)
        box = fields.seal(TABLE, "details", row, json.dumps(details))
        values = {"id": row, "school": scope.tenant, "person": scope.subject, "kind": kind, "details": box}
        await tx.execute(insert(notifications).values(**values, made=await self._database.now(tx)))

    async def list(
        self, scope: Scope, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Notification], tuple[int, str] | None]:
        """What the person was told, the newest first, and where the next page begins."""
        query = select(notifications).where(notifications.c.person == scope.subject)
        if before is not None:
            made, last = before
            older = and_(notifications.c.made == made, notifications.c.id < last)
            query = query.where(or_(notifications.c.made < made, older))
        newest = query.order_by(notifications.c.made.desc(), notifications.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(newest)).all()
        found = [await self._opened(scope, row) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def _opened(self, scope: Scope, row: Row[Any]) -> Notification:
        fields = await self._vault.fields(scope)
        return Notification(row.id, row.kind, row.made, json.loads(fields.text(TABLE, "details", row.id, row.details)))

    async def dismiss(self, scope: Scope, notification: str) -> bool:
        """The person has read it. False where there is no such one."""
        mine = (notifications.c.id == notification) & (notifications.c.person == scope.subject)
        async with self._database.write() as tx:
            return (await tx.execute(delete(notifications).where(mine))).rowcount == 1

    async def sweep(self, limit: int, kept: int, others: Mapping[str, int]) -> int:
        """Delete what is older than ``kept`` ms; ``others``: where a school chose otherwise. How many.

        They hold ids, kinds and times, no name and no words: nobody needs a new key for what goes.
        """
        now = await self._database.now()
        table = notifications
        own = [and_(table.c.school == school, table.c.made < now - life) for school, life in others.items()]
        old = or_(and_(table.c.school.not_in(list(others)), table.c.made < now - kept), *own)
        async with self._database.write() as tx:
            return await delete_some(tx, table, old, limit)
