"""All subjects' keys of a tenant wrapped under its current key: the one thing that every cycle does for everybody.

While one page is written, the next is read and wrapped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, select, tuple_

from cache.bulk import Change, change_all
from cache.catalog import subject_keys
from cache.database import Transactions
from cache.errors import Corrupt
from cache.keys import Wrapper
from cache.loading import subject_wrap
from cache.moving import Moved, Write
from cache.ring import KeySet

PAGE = {"sqlite": 1000, "postgresql": 5000}
"""Keys that are written at once: SQLite's other writers wait for it."""


async def rewrap(database: Transactions, tenant: str, held: KeySet, write: Write) -> Moved:
    """How many keys were under an older one of the tenant's. May be broken off and repeated. Unavailable."""
    wrappers = {version: Wrapper(key) for version, key in held.keys.items()}
    done, last, writing = Moved(), ("", 0), asyncio.create_task(_nothing())
    try:
        while rows := await _page(database, tenant, held.current, last):
            changes, damaged = await asyncio.to_thread(_wrapped, rows, wrappers, wrappers[held.current])
            await writing
            writing = asyncio.create_task(_written(changes, write))
            done, last = done + Moved(len(rows), 0, damaged), (rows[-1].subject, rows[-1].version)
    finally:
        await asyncio.gather(writing, return_exceptions=True)
    await writing
    return done


async def _page(database: Transactions, tenant: str, version: int, last: tuple[str, int]) -> Sequence[Row[Any]]:
    columns = (subject_keys.c.subject, subject_keys.c.version, subject_keys.c.tenant_version, subject_keys.c.box)
    place = tuple_(subject_keys.c.subject, subject_keys.c.version)
    older = (subject_keys.c.tenant == tenant, subject_keys.c.tenant_version != version, place > last)
    async with database.read() as tx:
        query: Select[Any] = select(*columns, subject_keys.c.tenant).where(*older)
        query = query.order_by(subject_keys.c.subject, subject_keys.c.version).limit(PAGE[tx.dialect.name])
        return list((await tx.execute(query)).all())


def _wrapped(rows: Sequence[Row[Any]], wrappers: dict[int, Wrapper], new: Wrapper) -> tuple[list[Change], int]:
    """The changes, and how many keys could not be opened: those are moved along as they are."""
    changes, damaged = [], 0
    for row in rows:
        wrap, box = subject_wrap(row.tenant, row.subject), row.box
        try:
            box = new.wrap(wrappers[row.tenant_version].unwrap(row.box, wrap), wrap)
        except (Corrupt, KeyError):
            damaged += 1
        key = {"tenant": row.tenant, "subject": row.subject, "version": row.version}
        had = {"tenant_version": row.tenant_version}
        changes.append(Change(key, had, {"box": box, "tenant_version": new.parent.version}))
    return changes, damaged


async def _written(changes: Sequence[Change], write: Write) -> None:
    async with write() as tx:
        await change_all(tx, subject_keys, changes)


async def _nothing() -> None:
    """Nothing is being written yet."""
