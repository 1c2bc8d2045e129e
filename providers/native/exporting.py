"""Everything that an owner keeps, content by content, with the path that leads there: for taking all of it away.

Older contents and what lies in the trash included. A page of contents and the names of some folders are in memory at
once, however many there are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final

from sqlalchemy import func, select, tuple_

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.native.content import parts_of, read_parts
from providers.native.paths import Content, Key, Paths
from providers.native.tables import versions

PAGE: Final = 200


class Contents:
    """The contents of one owner. Nothing is changed."""

    def __init__(self, vault: Vault, database: Transactions, scope: Scope) -> None:
        self._vault = vault
        self._database = database
        self._scope = scope
        self._paths = Paths(scope)

    async def count(self) -> int:
        """How many there are."""
        query = select(func.count()).select_from(versions).where(*self._paths.mine())
        async with self._database.read() as tx:
            return int((await tx.execute(query)).scalar_one())

    async def before(self, number: int) -> Key | None:
        """The place of the ``number``-th content, None for 0: what `page` begins after to skip so many."""
        if number == 0:
            return None
        query = select(versions.c.node, versions.c.number).where(*self._paths.mine())
        async with self._database.read() as tx:
            row = (await tx.execute(query.order_by(*_ORDER).offset(number - 1).limit(1))).one_or_none()
        return None if row is None else (row.node, row.number)

    async def page(self, after: Key | None, limit: int = PAGE) -> Sequence[Content]:
        """The next contents; none at the end. Shredded, Missing."""
        fields = await self._vault.fields(self._scope)
        query = self._paths.select()
        if after is not None:
            query = query.where(tuple_(*_ORDER) > tuple_(*after))
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(*_ORDER).limit(limit))).all()
            return await self._paths.opened(tx, fields, rows)

    async def is_there(self, content: Content) -> bool:
        """Whether it still is: it may have been deleted since its page was read."""
        query = select(versions.c.id).where(versions.c.id == content.version, *self._paths.mine())
        async with self._database.read() as tx:
            return (await tx.execute(query)).first() is not None

    async def read(self, content: Content) -> AsyncIterator[bytes]:
        """Its bytes in pieces of at most 256 KiB. Raises as `Vault.open` does, in the middle too."""
        async with self._database.read() as tx:
            found = await parts_of(tx, content.version, 0, content.size)
        async with aclosing(read_parts(self._vault, self._scope, found, 0, content.size)) as pieces:
            async for piece in pieces:
                yield piece


_ORDER: Final = (versions.c.node, versions.c.number)
