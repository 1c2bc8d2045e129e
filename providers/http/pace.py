"""How fast one account is used: a rate, room for a few calls at once, and a pause when the provider asks for one.

Paces chain: an account's bucket stands below one that its school shares, so that one busy person leaves room for
others. What holds: the account's own bucket, or the shared one where the provider meant everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from providers.http.bucket import Bucket, Upstream
from providers.http.gate import Gate

Lane = Literal["call", "read", "write"]


class Pace:
    """``rate``, ``burst`` and ``peak`` as `Bucket` has them; ``calls``, ``reads`` and ``writes`` at the same time.

    Reads and writes have lanes of their own because a copy holds one of each: in a shared lane two copies could wait
    for each other. Who would wait longer than ``queue`` seconds for a lane, or than ``patience`` seconds for the rate
    or for a pause that the provider asked for, gets Busy with the time to come back.
    """

    def __init__(
        self,
        rate: float = 50,
        burst: float = 100,
        *,
        peak: float = 0,
        calls: int = 48,
        reads: int = 48,
        writes: int = 48,
        patience: float = 8,
        queue: float = 60,
        parent: Upstream | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        rooms: dict[Lane, int] = {"call": calls, "read": reads, "write": writes}
        self._gates = {lane: Gate(room, queue=queue, later=patience) for lane, room in rooms.items()}
        self._bucket = Bucket(rate, burst, peak=peak, patience=patience, clock=clock, sleep=sleep)
        self._parent = parent

    def hold(self, seconds: float, *, wide: bool = False) -> None:
        """Lets nothing start for that long: the provider asked for it. ``wide``: everybody who shares the parent."""
        self._bucket.hold(seconds)
        if wide and self._parent is not None:
            self._parent.hold(seconds)

    @asynccontextmanager
    async def turn(self, lane: Lane = "call") -> AsyncGenerator[None]:
        """One request's turn, held while it runs. Busy where the turn is too far away."""
        async with self._gates[lane].place():
            await self.wait()
            yield

    async def wait(self) -> None:
        """Waits for this bucket's and every parent's next free moment. Busy where that is too far away."""
        await self._bucket.wait()
        if self._parent is not None:
            await self._parent.wait()
