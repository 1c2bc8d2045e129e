"""How fast one account is used: a rate, room for a few calls at once, and a pause when the provider asks for one.

Paces chain: an account's bucket can stand below one of its school, so that one busy person leaves room for others.
Time comes from the loop's clock and never from the wall.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from providers.errors import Busy

Lane = Literal["call", "read", "write"]


class Pace:
    """``rate`` requests a second after a burst of ``burst``; ``calls``, ``reads`` and ``writes`` at the same time.

    Reads and writes have lanes of their own because a copy holds one of each: in a shared lane two copies could wait
    for each other. Who would wait longer than ``queue`` seconds for a lane, or than ``patience`` seconds for the rate
    or for a pause that the provider asked for, gets Busy with the time to come back.
    """

    def __init__(
        self,
        rate: float = 50,
        burst: int = 100,
        *,
        calls: int = 16,
        reads: int = 16,
        writes: int = 16,
        patience: float = 8,
        queue: float = 60,
        parent: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._step = 1 / rate
        self._slack = burst / rate
        lanes: dict[Lane, int] = {"call": calls, "read": reads, "write": writes}
        self._gates = {lane: asyncio.Semaphore(room) for lane, room in lanes.items()}
        self._patience = patience
        self._queue = queue
        self._parent = parent
        self._clock = clock
        self._sleep = sleep
        self._next = clock() - self._slack
        self._closed_until = 0.0

    def hold(self, seconds: float) -> None:
        """Lets nothing start for that long: the provider asked for it."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    @asynccontextmanager
    async def turn(self, lane: Lane = "call") -> AsyncGenerator[None]:
        """One request's turn, held while it runs. Busy where the turn is too far away."""
        gate = self._gates[lane]
        try:
            async with asyncio.timeout(self._queue):
                await gate.acquire()
        except TimeoutError:
            raise Busy("too many requests of this account at once", reason="lane", retry_after=self._patience) from None
        try:
            await self.wait()
            yield
        finally:
            gate.release()

    async def wait(self) -> None:
        """Waits for this bucket's and every parent's next free moment. Busy where that is too far away."""
        if self._parent is not None:
            await self._parent.wait()
        now = self._clock()
        held = self._closed_until - now
        if held > self._patience:
            raise Busy("the provider asked us to wait", reason="held", retry_after=held)
        earliest = max(self._next, now - self._slack)
        pause = max(earliest - now, held)
        if pause > self._patience:
            raise Busy("too many requests of this account", reason="rate", retry_after=pause)
        self._next = earliest + self._step
        if pause > 0:
            await self._sleep(pause)
