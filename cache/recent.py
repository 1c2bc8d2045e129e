"""Which cached copies were opened of late, so that those nobody wants go first where room is short.

Written some seconds later and many at a time: an open never waits for it, and a process that dies loses only that.
"""

from __future__ import annotations

import asyncio
import contextlib

from sqlalchemy import update

from cache import shelf
from cache.catalog import objects
from cache.database import Transactions

LATER = 5.0
"""Seconds from an open to its being written down."""
MOST = 10_000
"""Opens that are remembered until then; further ones are not noted."""


class Recent:
    """One process's notes."""

    def __init__(self, database: Transactions, later: float = LATER) -> None:
        """``later`` in seconds."""
        self._database = database
        self._later = later
        self._opened: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, object_id: str) -> None:
        """It was opened just now."""
        if len(self._opened) < MOST:
            self._opened.add(object_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._soon(), name="vault-recent")

    async def _soon(self) -> None:
        await asyncio.sleep(self._later)
        with contextlib.suppress(Exception):  # a database that is away costs a note, nothing else
            await self.write()

    async def write(self) -> None:
        """Write down what was noted."""
        ids, self._opened = sorted(self._opened), set()
        for at in range(0, len(ids), shelf.IDS_AT_ONCE):
            chunk = objects.c.id.in_(ids[at : at + shelf.IDS_AT_ONCE])
            async with self._database.write() as tx:
                now = await self._database.now(tx)
                await tx.execute(update(objects).where(chunk, objects.c.used.is_not(None)).values(used=now))

    async def close(self) -> None:
        """Forget the notes."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
