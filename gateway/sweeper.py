"""Ends what has reached its end, again and again: bounded steps, so that nobody who waits for an answer notices.

As long as the database's clock is doubted nothing ends: see `gateway.db.clock`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from gateway.db.clock import Clock

log = structlog.get_logger()

EVERY = 5.0
"""Seconds between two rounds."""
STEP = 500
"""Rows of one kind that a step ends at most."""

Sweep = Callable[[], Awaitable[int]]


class Sweeper:
    """Runs every store's own sweep; a store that fails is tried again in the next round."""

    def __init__(
        self, sweeps: Mapping[str, Sweep], clock: Clock, settle: Callable[[], Awaitable[None]], every: float = EVERY
    ) -> None:
        """``settle`` runs before a clock that went back is believed: what nobody may read again ends there."""
        self._sweeps = sweeps
        self._clock = clock
        self._settle = settle
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._forever(), name="sweeper")

    async def close(self) -> None:
        """Stop between two steps."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forever(self) -> None:
        while True:
            if await self.may():
                for kind in self._sweeps:
                    await self.once(kind)
            await asyncio.sleep(self._every)

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

    async def once(self, kind: str) -> int:
        """One step of one store. How many ended."""
        try:
            count = await self._sweeps[kind]()
        except Exception as error:  # noqa: BLE001  # one store's trouble must not keep the others from ending
            log.warning("sweep_failed", kind=kind, why=type(error).__name__)
            return 0
        if count:
            log.info("swept", kind=kind, count=count)
        return count
