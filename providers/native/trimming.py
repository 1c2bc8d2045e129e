"""Older contents of files beyond what their tenant keeps, after it chose to keep fewer: a few files at a time.

Saving a file trims it by itself. This walks through all files in the order of their ids, from where it stopped, so
each step is bounded and after a while every file was looked at. Works without keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.errors import NotFound
from providers.native import owners
from providers.native.content import destroy_older
from providers.native.tables import versions


class Trimmer:
    """One process's walk; several may walk at once."""

    def __init__(self, vault: Vault, database: Transactions) -> None:
        self._vault = vault
        self._database = database
        self._seen = ""

    async def step(self, usual: int, keeps: Mapping[str, int], limit: int) -> int:
        """Look at the next ``limit`` files; ``keeps``: by tenant, others keep ``usual``. How many were trimmed."""
        columns = (versions.c.node, versions.c.tenant, versions.c.subject)
        query = select(*columns, func.count().label("contents")).where(versions.c.node > self._seen).group_by(*columns)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(versions.c.node).limit(limit))).all()
        self._seen = rows[-1].node if len(rows) == limit else ""
        many = [row for row in rows if row.contents > keeps.get(row.tenant, usual) + 1]
        for row in many:
            await self._trim(Scope(row.tenant, row.subject or None), row.node, keeps.get(row.tenant, usual))
        return len(many)

    async def _trim(self, scope: Scope, node: str, keep: int) -> None:
        async with self._database.write() as tx:
            try:
                await owners.hold(tx, scope)
            except NotFound:
                return  # forgotten meanwhile, with everything
            await destroy_older(tx, self._vault, scope, node, keep)
