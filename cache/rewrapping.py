"""All subjects' keys of a tenant wrapped under its current key: the one thing that every cycle does for everybody.

While one page is written, the next is wrapped and the one after it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, Row, Select, bindparam, cast, column, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import subject_keys
from cache.database import Transactions
from cache.errors import Corrupt
from cache.keys import Wrapper
from cache.loading import subject_wrap
from cache.moving import Moved, Write
from cache.ring import KeySet

PAGE = {"sqlite": 1000, "postgresql": 5000}
"""Keys that are written at once: SQLite's other writers wait for it."""
_COLUMNS = (subject_keys.c.subject, subject_keys.c.version, subject_keys.c.tenant_version, subject_keys.c.box)


@dataclass(slots=True)
class _Page:
    """Keys wrapped anew; ``damaged`` of them could not be opened and are moved along as they are."""

    subject: list[str] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    box: list[bytes] = field(default_factory=list)
    damaged: int = 0


async def rewrap(database: Transactions, tenant: str, held: KeySet, write: Write) -> Moved:
    """How many keys were under an older one of the tenant's. May be broken off and repeated. Unavailable."""
    wrappers = {version: Wrapper(key) for version, key in held.keys.items()}
    done, writing = Moved(), asyncio.create_task(_nothing())
    reading = asyncio.create_task(_read(database, tenant, held.current, ("", 0)))
    try:
        while rows := await reading:
            last = (rows[-1].subject, rows[-1].version)
            reading = asyncio.create_task(_read(database, tenant, held.current, last))
            page = await asyncio.to_thread(_wrapped, tenant, rows, wrappers, wrappers[held.current])
            await writing
            writing = asyncio.create_task(_written(tenant, held.current, page, write))
            done += Moved(len(rows), 0, page.damaged)
    finally:
        reading.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)
    await writing
    return done


async def _read(database: Transactions, tenant: str, version: int, last: tuple[str, int]) -> Sequence[Row[Any]]:
    place = tuple_(subject_keys.c.subject, subject_keys.c.version)
    older = (subject_keys.c.tenant == tenant, subject_keys.c.tenant_version != version, place > last)
    async with database.read() as tx:
        query: Select[Any] = select(*_COLUMNS).where(*older)
        query = query.order_by(subject_keys.c.subject, subject_keys.c.version).limit(PAGE[tx.dialect.name])
        return list((await tx.execute(query)).all())


def _wrapped(tenant: str, rows: Sequence[Any], wrappers: Mapping[int, Wrapper], new: Wrapper) -> _Page:
    page = _Page()
    for subject, version, under, old in rows:
        wrap, box = subject_wrap(tenant, subject), old
        try:
            box = new.wrap(wrappers[under].unwrap(old, wrap), wrap)
        except (Corrupt, KeyError):
            page.damaged += 1
        page.subject.append(subject)
        page.version.append(version)
        page.box.append(box)
    return page


async def _written(tenant: str, new: int, page: _Page, write: Write) -> None:
    """Those that are still there, and not yet under the new key."""
    async with write() as tx:
        await (_by_arrays if tx.dialect.name == "postgresql" else _one_by_one)(tx, tenant, new, page)


async def _by_arrays(tx: AsyncConnection, tenant: str, new: int, page: _Page) -> None:
    """A table that nobody counted yet looks small: without the setting every key is compared with every row."""
    await tx.exec_driver_sql("SET LOCAL enable_nestloop = off")
    columns = [(subject_keys.c[name], getattr(page, name)) for name in ("subject", "version", "box")]
    arrays = [cast(bindparam(f"all_{of.name}", values, ARRAY(of.type)), ARRAY(of.type)) for of, values in columns]
    named = (column(of.name, of.type) for of, _ in columns)
    given = func.unnest(*arrays).table_valued(*named).render_derived(name="given")
    same = (subject_keys.c.subject == given.c.subject, subject_keys.c.version == given.c.version)
    older = (subject_keys.c.tenant == tenant, subject_keys.c.tenant_version != new)
    there = subject_keys.c.subject.between(page.subject[0], page.subject[-1])  # so that no more of the index is read
    await tx.execute(update(subject_keys).where(*older, there, *same).values(box=given.c.box, tenant_version=new))


async def _one_by_one(tx: AsyncConnection, tenant: str, new: int, page: _Page) -> None:
    same = (subject_keys.c.subject == bindparam("which"), subject_keys.c.version == bindparam("number"))
    older = (subject_keys.c.tenant == tenant, subject_keys.c.tenant_version != new)
    rows = [
        {"which": subject, "number": version, "new_box": box}
        for subject, version, box in zip(page.subject, page.version, page.box, strict=True)
    ]
    changed = update(subject_keys).where(*older, *same).values(box=bindparam("new_box"), tenant_version=new)
    await tx.execute(changed, rows)


async def _nothing() -> None:
    """Nothing is being written yet."""
