"""How every process learns within a second that keys were destroyed, suspended, or may be used again.

Each of these advances a number in the database and, for keys, leaves the random id behind. Each process reads it every
250 ms and forgets those keys. In the same way it learns of keys that another one follows, and fetches that. Where the
last good read is over a second old, nobody knows whether a key in memory may still be used, so none is. A word from
elsewhere may make a process look sooner (`hurry`); nothing depends on it.

A machine may stand still for longer than that. Whoever goes on then after waiting for the database waits for one more
read of the epoch, so that a pause costs a moment and no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import changes, epoch, shredded, suspended
from cache.database import Transactions, insert_if_absent
from cache.errors import Stale, Unavailable

INTERVAL = 0.25
LIMIT = 1.0
_reading: ContextVar[bool] = ContextVar("reading_the_epoch", default=False)


async def advance(tx: AsyncConnection) -> int:
    """Advance the epoch in this transaction; its new value."""
    await insert_if_absent(tx, epoch, {"id": 1, "value": 0})
    done = await tx.execute(update(epoch).values(value=epoch.c.value + 1).returning(epoch.c.value))
    return int(done.scalar_one())


async def _nothing(scopes: Collection[tuple[str, str]]) -> None:
    """For a watch that follows no keys."""


class Watch:
    """This process's view of the epoch. ``value`` is the last one read."""

    def __init__(
        self,
        database: Transactions,
        evict: Callable[[str, str], None],
        changed: Callable[[Collection[tuple[str, str]]], Awaitable[None]] = _nothing,
        withhold: Callable[[str, str], None] | None = None,
        *,
        interval: float = INTERVAL,
        limit: float = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``evict(tenant, subject)`` forgets keys; subject '' means all of the tenant. Seconds.

        ``changed`` fetches the keys of these scopes anew; it is called at every look, also with none. ``withhold`` lets
        go of keys as ``evict`` does, of those that may have to be looked up again. ``limit``: how old the last good
        read may be; more than `LIMIT` breaks what receipts promise.
        """
        self.value = -1
        self._database = database
        self._evict = evict
        self._changed = changed
        self._withhold = withhold or evict
        self._interval = interval
        self._limit = limit
        self._clock = clock
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._leave: Callable[[], None] = lambda: None
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def current(self) -> bool:
        """Whether the last good read is recent enough for keys in memory to be used."""
        return self._clock() - self._read_at <= self._limit

    async def check(self) -> int:
        """The epoch, read again where the last read is too old. Unavailable where it cannot be known.

        It is also read where that is close, so that who asks now does not find it too old a moment later.
        """
        if not self.current:
            await self.refresh()
        elif self._clock() - self._read_at > self._limit / 2:
            with contextlib.suppress(Unavailable):
                await self.refresh()
        return self.value

    async def refresh(self) -> None:
        """Read the epoch now and forget what was destroyed since. Unavailable.

        Those who ask while it is read share the next read.
        """
        asked = self._clock()
        async with self._reading:
            if self._read_at <= asked:
                reads = _reading.set(True)
                try:
                    await self._read()
                finally:
                    _reading.reset(reads)

    async def _read(self) -> None:
        started = self._clock()
        try:
            async with self._database.read(urgent=True) as tx:
                value = (await tx.execute(select(epoch.c.value))).scalar() or 0
                dead = await self._since(tx, shredded, value)
                turned = await self._since(tx, changes, value)
                withheld = await self._since(tx, suspended, value)
        except Exception as error:  # drivers raise their own while a server starts up
            raise Stale("it is not known whether keys were destroyed") from error
        for tenant, subject in dead:
            self._evict(tenant, subject)
        for tenant, subject in withheld:
            self._withhold(tenant, subject)
        await self._changed(turned)
        self.value = value
        self._read_at = started

    async def _since(self, tx: AsyncConnection, table: Table, value: int) -> list[tuple[str, str]]:
        if self.value in (-1, value):
            return []
        rows = await tx.execute(select(table.c.tenant, table.c.subject).where(table.c.epoch > self.value))
        return [(row.tenant, row.subject) for row in rows]

    def hurry(self) -> None:
        """Read the epoch now rather than at the end of the interval."""
        self._hurry.set()

    def _waited(self) -> Awaitable[None] | None:
        """Somebody has waited for the database: see that they do not go on with keys that nobody looked after."""
        return None if self.current or _reading.get() else self._caught_up()

    async def _caught_up(self) -> None:
        with contextlib.suppress(Unavailable):  # the use of the key will say so
            await self.refresh()

    async def start(self) -> None:
        """Begin to read the epoch every interval, and after every wait that was too long."""
        await self.refresh()
        self._leave = self._database.after_waits(self._waited)
        self._task = asyncio.create_task(self._run(), name="vault-epoch")

    async def close(self) -> None:
        """Stop reading."""
        self._leave()
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
