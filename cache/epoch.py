"""How every process learns within a second that keys were destroyed.

Destroying advances a number in the database and, for keys, leaves the random id behind. Each process reads it every
250 ms and forgets those keys. Where the last good read is over a second old, nobody knows whether a key in memory may
still be used, so none is. A word from elsewhere may make a process look sooner (`hurry`); nothing depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import epoch, shredded
from cache.database import Transactions, insert_if_absent
from cache.errors import Stale, Unavailable

INTERVAL = 0.25
LIMIT = 1.0


async def advance(tx: AsyncConnection) -> int:
    """Advance the epoch in this transaction; its new value."""
    await insert_if_absent(tx, epoch, {"id": 1, "value": 0})
    done = await tx.execute(update(epoch).values(value=epoch.c.value + 1).returning(epoch.c.value))
    return int(done.scalar_one())


class Watch:
    """This process's view of the epoch. ``value`` is the last one read."""

    def __init__(
        self,
        database: Transactions,
        evict: Callable[[str, str], None],
        *,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``evict(tenant, subject)`` forgets keys; subject '' means all of the tenant. ``interval`` in seconds."""
        self.value = -1
        self._database = database
        self._evict = evict
        self._interval = interval
        self._clock = clock
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def current(self) -> bool:
        """Whether the last good read is recent enough for keys in memory to be used."""
        return self._clock() - self._read_at <= LIMIT

    async def check(self) -> int:
        """The epoch, read again where the last read is too old. Unavailable where it cannot be known.

        It is also read where that is close, so that who asks now does not find it too old a moment later.
        """
        if not self.current:
            await self.refresh()
        elif self._clock() - self._read_at > LIMIT / 2:
            with contextlib.suppress(Unavailable):
                await self.refresh()
        return self.value

    async def refresh(self) -> None:
        """Read the epoch now and forget what was destroyed since. Unavailable."""
        async with self._reading:
            started = self._clock()
            try:
                async with self._database.read() as tx:
                    value = (await tx.execute(select(epoch.c.value))).scalar() or 0
                    dead = await self._dead(tx, value)
            except Exception as error:  # drivers raise their own while a server starts up
                raise Stale("it is not known whether keys were destroyed") from error
            for tenant, subject in dead:
                self._evict(tenant, subject)
            self.value = value
            self._read_at = started

    async def _dead(self, tx: AsyncConnection, value: int) -> list[tuple[str, str]]:
        if self.value in (-1, value):
            return []
        rows = await tx.execute(select(shredded.c.tenant, shredded.c.subject).where(shredded.c.epoch > self.value))
        return [(row.tenant, row.subject) for row in rows]

    def hurry(self) -> None:
        """Read the epoch now rather than at the end of the interval."""
        self._hurry.set()

    async def start(self) -> None:
        """Begin to read the epoch every interval."""
        await self.refresh()
        self._task = asyncio.create_task(self._run(), name="vault-epoch")

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._hurry.wait()
            self._hurry.clear()
            with contextlib.suppress(Unavailable):  # `current` becomes false by itself, and every use of a key says so
                await self.refresh()
