"""How a key follows another without anybody meeting a box that they cannot open.

A new key is announced and known everywhere a second later (see `epoch`): a process that has not heard of it by then
uses no key at all. Only then it becomes the one that seals. A root is different: a process may not be able to get at
it, and says so; as long as one does, the root does not follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import changes
from cache.database import Transactions
from cache.epoch import LIMIT, advance
from cache.keyring import Keyring
from cache.lease import Cycle, Lease
from cache.moving import Moved, Mover
from cache.roots import CURRENT, NEXT, OLD

SETTLE = LIMIT + 0.5
"""Seconds after which every process that may use keys knows what was announced."""
GRACE_MS = 5 * 60_000
"""How long an old key still opens what somebody read before it was moved."""
ROOT = ("", "")
"""In the place of a scope: the versions of the root changed."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a step of a cycle works with. ``settle`` in seconds, ``grace`` in ms."""

    cycle: Cycle
    lease: Lease
    database: Transactions
    keyring: Keyring
    mover: Mover
    settle: float = SETTLE
    grace: int = GRACE_MS

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction in which this process may still work on the cycle. `lease.Lost`."""
        return self.lease.write(self.cycle)

    async def settled(self) -> None:
        """Until everybody knows what was announced."""
        await self.keyring.hasten()
        await self.keyring.watch.refresh()
        await asyncio.sleep(self.settle)

    async def count(self, moved: Moved) -> None:
        """Add to what the cycle has done."""
        if moved != Moved():
            async with self.write() as tx:
                await self.lease.count(
                    tx, self.cycle, keys=moved.keys, values=moved.values, damaged=moved.damaged
                )  # fmt: skip


async def announce(tx: AsyncConnection, scopes: Iterable[tuple[str, str]]) -> int:
    """The keys of these scopes are others once this transaction is committed: in which epoch."""
    value = await advance(tx)
    rows = [{"tenant": tenant, "subject": subject, "epoch": value} for tenant, subject in scopes]
    if rows:
        dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
        kept = dialect.insert(changes)
        newer = kept.on_conflict_do_update(
            index_elements=[changes.c.tenant, changes.c.subject], set_={"epoch": kept.excluded.epoch}
        )
        await tx.execute(newer, rows)
    return value


async def follow(tx: AsyncConnection, table: Table, which: ColumnElement[bool]) -> None:
    """The next keys of ``which``, all of which have one, become the current ones."""
    await tx.execute(update(table).where(which, table.c.state == CURRENT).values(state=OLD))
    await tx.execute(update(table).where(which, table.c.state == NEXT).values(state=CURRENT))
