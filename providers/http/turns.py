"""Bulk work takes turns: a few pieces, then everybody else, then the next pieces.

An event loop runs all that is ready before it looks for anything new. With 64 streams that are all ready a small
request would wait for 64 pieces, and it needs a dozen looks to be answered. Here it waits for one piece each time,
and for a few until it is noticed: while nobody waits, switching less often moves a fifth more bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

UNATTENDED: Final = 2
"""Pieces in one round of the loop while no small request is being answered."""


class Turns:
    """The queue of one event loop's bulk streams, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calling = False
        self._attended = 0

    async def next(self) -> None:
        """Return in one of the loop's next rounds."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._calling:
            self._calling = True
            loop.call_soon(self._call, loop)
        await turn

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Somebody waits for a small answer: until then one piece in each round."""
        self._attended += 1
        try:
            yield
        finally:
            self._attended -= 1

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the first ones, and come back in the next round for those behind them."""
        awake = 0
        while self._waiting and awake < (1 if self._attended else UNATTENDED):
            turn = self._waiting.popleft()
            if not turn.done():  # else its task was cancelled
                turn.set_result(None)
                awake += 1
        self._calling = bool(self._waiting)
        if self._calling:
            loop.call_soon(self._call, loop)
