"""Entries of one chain that come at the same moment, committed in one transaction: pictures of a page are few writes.

Whoever waits knows that their own entry is committed. An entry that cannot be written takes no other with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cache.errors import StorageError
from gateway.db.engine import Database
from gateway.ledger.ledger import Event, Ledger

MOST: Final = 100
"""Entries in one transaction, so that nobody else waits long for the end of the chain."""
_One = tuple[Event, "asyncio.Future[None]"]


class Together:
    """Records into the chains of all schools."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._ledger = ledger
        self._database = database
        self._waiting: dict[str, list[_One]] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    async def record(self, school: str, event: Event) -> None:
        """Committed when this returns. What comes while a transaction is under way goes into the next one."""
        made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(school, []).append((event, made))
        if school not in self._writing:
            self._writing[school] = asyncio.create_task(self._write(school), name="ledger")
        await made

    async def _write(self, school: str) -> None:
        try:
            while waiting := self._waiting.pop(school, None):
                for start in range(0, len(waiting), MOST):
                    await self._commit(school, waiting[start : start + MOST])
        finally:
            del self._writing[school]

    async def _commit(self, school: str, some: Sequence[_One]) -> None:
        try:
            async with self._database.write() as tx:
                for event, _ in some:
                    await self._ledger.append(tx, school, event)
        except Exception as error:  # noqa: BLE001 - it reaches whoever waits
            if isinstance(error, StorageError) and len(some) > 1:  # somebody's key may not be used
                for one in some:
                    await self._commit(school, [one])
            else:
                _end(some, error)
        else:
            _end(some, None)


def _end(some: Sequence[_One], error: Exception | None) -> None:
    for _, made in some:
        if made.done():  # whoever waited has left
            continue
        if error is None:
            made.set_result(None)
        else:
            made.set_exception(error)
