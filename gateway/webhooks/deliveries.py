"""Sends what waits, again and again: each school by itself, so that one silent address holds up nobody else.

Any number of processes may do so over one database; a message is claimed by one of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from gateway.db.engine import Database
from gateway.webhooks import outbox
from gateway.webhooks.service import Webhooks

EVERY: Final = 2.0
"""Seconds between two looks."""
_SCHOOLS: Final = 16
"""Schools that are sent to at the same time."""
_IN_A_ROW: Final = 50
"""Messages to one school before others are looked for."""
log = structlog.get_logger(__name__)


class Deliveries:
    """Start it once in each process that works. ``now``: the time, epoch ms; by default the database's."""

    def __init__(
        self,
        webhooks: Webhooks,
        database: Database,
        *,
        now: Callable[[], Awaitable[int]] | None = None,
        every: float = EVERY,
    ) -> None:
        self._webhooks = webhooks
        self._database = database
        self._now = now or database.now
        self._every = every
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._forever(), name="webhooks")

    async def close(self) -> None:
        """Stop; what was under way is sent again."""
        ending = [*self._busy.values(), *([self._loop] if self._loop else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def once(self) -> None:
        """Send everything that is due, and wait for it."""
        await self._look()
        await asyncio.gather(*self._busy.values())

    async def _forever(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end it
                log.warning("webhooks.look", why=type(error).__name__)
            await asyncio.sleep(self._every)

    async def _look(self) -> None:
        now = await self._now()
        async with self._database.read() as tx:
            schools = await outbox.due(tx, now, _SCHOOLS + len(self._busy))
        for school in schools:
            if school not in self._busy and len(self._busy) < _SCHOOLS:
                self._busy[school] = asyncio.create_task(self._to(school), name="webhook")

    async def _to(self, school: str) -> None:
        """One after the other, until nothing is due or the address did not take one."""
        try:
            for _ in range(_IN_A_ROW):
                sent = await self._webhooks.deliver(school, await self._now())
                if sent is None or sent.code is not None:
                    return
        except Exception as error:  # noqa: BLE001 - one school's trouble is not another's
            log.warning("webhooks.delivery", why=type(error).__name__)
        finally:
            self._busy.pop(school, None)
