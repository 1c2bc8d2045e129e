"""A rate that many share, served by turns: who has a thousand requests waiting delays another's first by one step.

Among members it goes round; requests that answer a person go before background work, which gets every fourth place.
A bucket lives in one process: several processes each have their own. Time comes from the loop's clock, not the wall.

What a provider publishes as its limit is often not what it enforces, and differs by tenant. So a bucket begins fast and
learns: each time that the provider asks for a pause its rate halves, down to the published one and never below; while
the provider is content it rises again, little by little. The pause itself is obeyed in any case.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from providers.errors import Busy
from providers.http.gate import is_background

MOST_IN_A_ROW = 3
"""Requests before background work that waits has its place."""


RECOVERY = 900.0
"""Seconds in which a rate that was halved to the published one rises to the fastest again."""
_WAVE = 1.0
"""Seconds in which several pauses are one: their requests were under way together."""


class Upstream(Protocol):
    """A bucket above another one."""

    async def wait(self) -> None:
        """Return when a request may leave. Busy where that is too far away."""
        ...

    def hold(self, seconds: float) -> None:
        """Let nothing start for that long."""
        ...


class Ring:
    """Those who wait, member by member."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self.count = 0

    def add(self, member: str, turn: asyncio.Future[None]) -> None:
        self._queues.setdefault(member, deque()).append(turn)
        self.count += 1

    def before(self, member: str) -> int:
        """How many would be served before one more of this member."""
        own = len(self._queues.get(member, ()))
        return own + sum(min(len(queue), own + 1) for name, queue in self._queues.items() if name != member)

    def pop(self) -> asyncio.Future[None]:
        """The first of the member whose turn it is, who then stands last."""
        member, queue = self._queues.popitem(last=False)
        turn = queue.popleft()
        if queue:
            self._queues[member] = queue
        self.count -= 1
        return turn

    def remove(self, member: str, turn: asyncio.Future[None]) -> None:
        """Take out who no longer waits."""
        queue = self._queues.get(member)
        if queue is None or turn not in queue:
            return
        queue.remove(turn)
        self.count -= 1
        if not queue:
            del self._queues[member]


class Bucket:
    """``rate`` requests a second after a burst of ``burst``; up to ``peak`` a second as long as nobody objects.

    Who would wait longer than ``patience`` seconds, for the rate or for a pause that the provider asked for, gets Busy
    with the time to come back.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        peak: float = 0,
        patience: float = 8,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._floor, self._peak = rate, max(rate, peak)
        self._rate = self._peak
        self._burst = burst
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._next = clock() - burst / self._rate
        self._closed_until = self._risen = clock()
        self._same_wave_until = clock()
        self._urgent, self._background = Ring(), Ring()
        self._in_a_row = 0
        self._server: asyncio.Task[None] | None = None

    def hold(self, seconds: float) -> None:
        """Lets nothing start for that long: the provider asked for it. Who waits and cannot wait that long is told."""
        self._slow_down()
        self._closed_until = max(self._closed_until, self._clock() + seconds)
        left = self._closed_until - self._clock()
        while left > self._patience and self._waiting:
            self._refuse(self._pop(), left)

    @property
    def rate(self) -> float:
        """Requests a second now."""
        return self._rate

    def _slow_down(self) -> None:
        """Half as fast, once for all that were under way together, and with nothing left of the burst."""
        now = self._clock()
        if now < max(self._same_wave_until, self._closed_until) or self._peak == self._floor:
            return
        self._rise(now)
        self._rate = max(self._rate / 2, self._floor)
        self._next = max(self._next, now)
        self._same_wave_until = now + _WAVE

    def _rise(self, now: float) -> None:
        """A little faster for each second since the last pause ended."""
        content = now - max(self._risen, self._closed_until)
        self._rate = min(self._rate + max(content, 0) * (self._peak - self._floor) / RECOVERY, self._peak)
        self._risen = now

    async def wait(self, member: str = "") -> None:
        """This request's turn. Busy where it is too far away."""
        held = self._closed_until - self._clock()
        if held > self._patience:
            raise _held(held)
        pause = self._pause()
        if pause <= 0 and not self._waiting:
            self._spend()
            return
        ring = self._background if is_background() else self._urgent
        before = ring.before(member) + (self._urgent.count if ring is self._background else 0)
        if (far := pause + before / self._rate) > self._patience:
            raise Busy("too many requests", reason="rate", retry_after=far)
        await self._turn(ring, member)

    async def _turn(self, ring: Ring, member: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        ring.add(member, turn)
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._serve(), name="bucket")
        try:
            await turn
        finally:
            ring.remove(member, turn)
            if not self._waiting and self._server is not None:
                self._server.cancel()
                self._server = None

    async def _serve(self) -> None:
        """Gives turns, one a step, as long as somebody waits."""
        while self._waiting:
            pause = self._pause()
            if pause > 0:
                await self._sleep(pause)
                continue
            turn = self._pop()
            if not turn.done():
                self._spend()
                turn.set_result(None)

    @property
    def _waiting(self) -> int:
        return self._urgent.count + self._background.count

    def _pause(self) -> float:
        now = self._clock()
        return max(self._next, self._closed_until) - now

    def _spend(self) -> None:
        now = self._clock()
        if self._rate < self._peak and now >= self._risen + 1:
            self._rise(now)
        self._next = max(self._next, now - self._burst / self._rate) + 1 / self._rate

    def _pop(self) -> asyncio.Future[None]:
        urgent = self._urgent.count and not (self._background.count and self._in_a_row >= MOST_IN_A_ROW)
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        return (self._urgent if urgent else self._background).pop()

    def _refuse(self, turn: asyncio.Future[None], seconds: float) -> None:
        if not turn.done():
            turn.set_exception(_held(seconds))


class Share:
    """One member's place in a bucket that several share."""

    def __init__(self, bucket: Bucket, member: str) -> None:
        self._bucket = bucket
        self._member = member

    async def wait(self) -> None:
        """See `Upstream`."""
        await self._bucket.wait(self._member)

    def hold(self, seconds: float) -> None:
        """See `Upstream`: for every member."""
        self._bucket.hold(seconds)


def _held(seconds: float) -> Busy:
    return Busy("the provider asked us to wait", reason="held", retry_after=seconds)
