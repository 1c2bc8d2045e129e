"""What this storey asks of a database, so that it need not know which one there is.

`gateway` owns the engine; here transactions are only entered and statements sent. Nothing in `cache` touches a blob
or the network inside one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sqlalchemy import ARRAY, ColumnElement, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


class Transactions(Protocol):
    """A database: snapshots to read, short transactions to write, and the clock that rules every end."""

    def read(self, *, urgent: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """A read transaction (snapshot). ``urgent``: it waits for nobody else's, who may be waiting for it."""
        ...

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Commits at the end, rolls back on an exception. On SQLite writers wait for one another."""
        ...

    async def now(self, tx: AsyncConnection | None = None) -> int:
        """The database's clock, epoch milliseconds; pass the transaction where there is one."""
        ...

    def after_waits(self, look: Callable[[], Awaitable[None] | None]) -> Callable[[], None]:
        """Call ``look`` whenever somebody has waited for a statement or a transaction, before they go on.

        What it gives is awaited. It may use the database. What comes back ends this.
        """
        ...


async def insert_if_absent(tx: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is taken. True where this call made it; waits for a writer of the same key."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    done = await tx.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


def among(tx: AsyncConnection, column: ColumnElement[str], ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column holds one of these, however many: one parameter, so that the statement is always the same."""
    if tx.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(ids), ARRAY(column.type)))
    return column.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))
