"""Why somebody's access was suspended, sealed: under the person's own key, so that the words end with the person.

Where there is no person, or their key is itself suspended, under the school's incident book. The first byte says which.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.model import Scope
from cache.vault import Vault
from gateway.books import Books

TABLE: Final = "containments"
_OWN: Final = b"p"
_BOOK: Final = b"b"


class Reasons:
    """Seals and opens reasons."""

    def __init__(self, vault: Vault, books: Books) -> None:
        self._vault = vault
        self._books = books

    async def seal(self, tx: AsyncConnection, whose: tuple[str, str | None], column: str, row: str, text: str) -> bytes:
        """``whose``: school and person."""
        school, person = whose
        if person is not None:
            try:
                fields = await self._vault.fields(Scope(school, person))
                return _OWN + fields.seal(TABLE, column, row, text)
            except (Missing, Shredded, Suspended):
                pass
        return _BOOK + (await self._books.sealer(tx, school)).seal(TABLE, column, row, text)

    async def open(self, whose: tuple[str, str | None], column: str, row: str, box: bytes | None) -> str | None:
        """The words; None where there are none, or nobody may read them now."""
        if box is None:
            return None
        school, person = whose
        try:
            own = box[:1] == _OWN and person is not None
            fields = await (self._vault.fields(Scope(school, person)) if own else self._books.reader(school))
            return fields.text(TABLE, column, row, box[1:])
        except (Missing, Shredded, Suspended):
            return None
