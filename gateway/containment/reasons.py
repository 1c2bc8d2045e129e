"""Why somebody's access was suspended, sealed: under the person's own key, so that the words end with the person.

Where there is no person, or their key is itself suspended, under the school's incident book.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.fields import Fields
from cache.model import Scope
from cache.vault import Vault
from gateway.books import Books, scope
from gateway.db.tables_containment import containment_words as words
from gateway.ids import new_id

TABLE: Final = "containment_words"


class Reasons:
    """Seals and opens reasons."""

    def __init__(self, vault: Vault, books: Books) -> None:
        self._vault = vault
        self._books = books

    async def add(
        self, tx: AsyncConnection, containment: str, school: str, person: str | None, text: str, *, lifting: bool
    ) -> None:
        """Keep why it was suspended, or with ``lifting`` why it was lifted."""
        whose, fields = await self._sealer(tx, school, person)
        row = new_id()
        told = fields.seal(TABLE, "told", row, text)
        kept = {"id": row, "containment": containment, "lifting": lifting}
        await tx.execute(insert(words).values(**kept, tenant=whose.tenant, subject=whose.owner, told=told))

    async def _sealer(self, tx: AsyncConnection, school: str, person: str | None) -> tuple[Scope, Fields]:
        if person is not None:
            try:
                return Scope(school, person), await self._vault.fields(Scope(school, person))
            except (Missing, Shredded, Suspended):
                pass
        return scope(school), await self._books.sealer(tx, school)

    async def of(self, containment: str, tx: AsyncConnection) -> Mapping[bool, str | None]:
        """By ``lifting``: the words, None where nobody may read them now."""
        rows = (await tx.execute(select(words).where(words.c.containment == containment))).all()
        found: dict[bool, str | None] = {}
        for row in rows:
            try:
                fields = await self._vault.fields(Scope(row.tenant, row.subject or None))
                found[row.lifting] = fields.text(TABLE, "told", row.id, row.told)
            except (Missing, Shredded, Suspended):
                found[row.lifting] = None
        return found
