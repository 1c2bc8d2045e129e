"""Ends what has reached its end, again and again: bounded steps, so that nobody who waits for an answer notices.

A kind of which a whole step was full goes on at once, a kind that has nothing more waits for the next round. Before
every step there is a rest as long as the step before it took, so that sweeping never takes more than half of what there
is, and steps that take long become smaller where that makes them shorter. As long as the database's clock is doubted
nothing ends (see `gateway.db.clock`); what ends nothing because its time has come goes on all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from gateway.db.clock import Clock

log = structlog.get_logger()

EVERY: Final = 5.0
"""Seconds between the beginnings of two rounds."""
STEP: Final = 500
"""Rows of one kind that a step ends at most."""
SMALLEST: Final = 50
LONG: Final = 0.1
"""Seconds after which a step was too large: the next one of its kind is half of it, unless that is no quicker."""
REST: Final = 0.01
"""Seconds between two steps at least."""

Sweep = Callable[[int], Awaitable[int]]
"""Ends at most so many; how many there were."""


class Turn(Protocol):
    """Whose turn it is among many processes: see `gateway.lease`."""

    async def mine(self) -> bool:
        """Whether it is this process's now."""
        ...

    async def release(self) -> None:
        """Let another one have it."""
        ...


class Sweeper:
    """Runs every store's own sweep; a store that fails is tried again in the next round."""

    def __init__(
        self,
        sweeps: Mapping[str, Sweep],
        clock: Clock,
        settle: Callable[[], Awaitable[None]],
        turn: Turn | None = None,
        *,
        every: float = EVERY,
        meanwhile: Mapping[str, Sweep] = MappingProxyType({}),
    ) -> None:
        """``settle`` runs before a clock that went back is believed: what nobody may read again ends there.

        ``turn``: where what is swept is shared with other processes; None for what is this process's own.
        ``meanwhile``: instead of ``sweeps`` while the clock is doubted: nothing that ends because its time has come.
        """
        self._sweeps = sweeps
        self._clock = clock
        self._settle = settle
        self._turn = turn
        self._meanwhile = meanwhile
        self._every = every
        self._sizes = dict.fromkeys(sweeps, STEP)
        self._last: dict[str, tuple[int, float]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._forever(), name="sweeper")

    async def close(self) -> None:
        """Stop between two steps, and let another process go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._stand_back()

    async def _forever(self) -> None:
        while True:
            begun = time.monotonic()
            if await self.may():
                await self.round()
            else:
                await self.meanwhile()
                await self._stand_back()  # another process may know better what time it is
            await asyncio.sleep(max(REST, begun + self._every - time.monotonic()))

    async def may(self) -> bool:
        """Whether anything may end now."""
        if self._clock.believable:
            try:
                if self._clock.went_back:
                    await self._settle()
            except Exception as error:  # noqa: BLE001  # as in `once`: the next round tries again
                log.warning("clock_not_believed", why=type(error).__name__)
                return False
            self._clock.believe()
            log.info("clock_believed")
        return not self._clock.parked

    async def meanwhile(self) -> None:
        """One step of each kind that goes on while the clock is doubted."""
        for kind, sweep in self._meanwhile.items():
            if not await self._ours():
                return
            if count := await self._step(kind, sweep, STEP):
                log.info("swept", kind=kind, count=count)

    async def round(self) -> None:
        """One step of every kind; then those go on that were full, until none is or the next round is due."""
        until, swept = time.monotonic() + self._every, Counter[str]()
        try:
            going = list(self._sweeps)
            while going:
                going = [kind for kind in going if await self._goes_on(kind, swept)]
                going = going if time.monotonic() < until else []
        finally:
            for kind, count in (+swept).items():
                log.info("swept", kind=kind, count=count)

    async def _goes_on(self, kind: str, swept: Counter[str]) -> bool:
        if self._clock.parked or not await self._ours():
            return False
        size, begun = self._sizes[kind], time.monotonic()
        count = await self.once(kind, size)
        swept[kind] += count
        took = time.monotonic() - begun
        self._sizes[kind] = self._next(kind, size, took)
        await asyncio.sleep(max(REST, took))
        return count >= size

    async def _ours(self) -> bool:
        if self._turn is None:
            return True
        try:
            return await self._turn.mine()
        except Exception as error:  # noqa: BLE001  # a database that is away for a while
            log.warning("sweep_waits", why=type(error).__name__)
            return False

    async def _stand_back(self) -> None:
        if self._turn is not None:
            with suppress(Exception):  # else the turn ends by itself
                await self._turn.release()

    def _next(self, kind: str, size: int, seconds: float) -> int:
        """The size of the next step. A bucket far away takes its time for few blobs as for many."""
        larger, longer = self._last.get(kind, (size, seconds))
        self._last[kind] = size, seconds
        helps = size >= larger or seconds < longer * 3 / 4
        return max(SMALLEST, size // 2) if seconds > LONG and helps else min(STEP, size * 2)

    async def once(self, kind: str, limit: int = STEP) -> int:
        """One step of one store. How many ended."""
        return await self._step(kind, self._sweeps[kind], limit)

    async def _step(self, kind: str, sweep: Sweep, limit: int) -> int:
        try:
            return await sweep(limit)
        except Exception as error:  # noqa: BLE001  # one store's trouble must not keep the others from ending
            log.warning("sweep_failed", kind=kind, why=type(error).__name__)
            return 0
