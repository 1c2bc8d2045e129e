"""Room for so many at a time; who answers a person goes before work that nobody looks at, and finds some room kept.

What counts as such work, its beginner says once for its task (`work_in_background`); everything it calls inherits it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from providers.errors import Busy

_background: ContextVar[bool] = ContextVar("background", default=False)


def work_in_background() -> None:
    """From here on this task, and those it begins, are work that nobody waits for: it lets others go first."""
    _background.set(True)


def is_background() -> bool:
    """Whether the running task is such work."""
    return _background.get()


class Gate:
    """``room`` places, a quarter of which background work leaves free.

    Who would wait longer than ``queue`` seconds gets Busy, to come back after ``later`` seconds.
    """

    def __init__(self, room: int, *, queue: float = 60, later: float = 8) -> None:
        self._free = room
        self._kept = room // 4
        self._queue = queue
        self._later = later
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {False: deque(), True: deque()}

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """One place, held while it is used. Busy where none becomes free in time."""
        try:
            async with asyncio.timeout(self._queue):
                await self._enter(is_background())
        except TimeoutError:
            raise Busy("too many requests at once", reason="lane", retry_after=self._later) from None
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, background: bool) -> None:
        queue = self._waiting[background]
        if not queue and self._free > (self._kept if background else 0):
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                queue.remove(turn)
            else:  # the place was given in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        self._free += 1
        for background, kept in ((False, 0), (True, self._kept)):
            queue = self._waiting[background]
            while self._free > kept and (turn := _first(queue)) is not None:
                turn.set_result(None)
                self._free -= 1


def _first(queue: deque[asyncio.Future[None]]) -> asyncio.Future[None] | None:
    """The next who still waits; who was cancelled takes themselves out."""
    for turn in queue:
        if not turn.done():
            queue.remove(turn)
            return turn
    return None
