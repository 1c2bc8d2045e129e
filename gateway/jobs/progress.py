"""Live numbers of this process's work, and a bell for those who watch or wait. Nothing here is durable.

Rows carry the truth and are written at most once a second per item; between two writes a watcher in the same process
sees the live figure, a watcher in another process the row.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from weakref import WeakValueDictionary

_Bells = WeakValueDictionary[str, asyncio.Event]
"""A bell for each job that somebody waits for, and for no other."""


class Progress:
    """One per process, shared by its workers and its event streams."""

    def __init__(self) -> None:
        self._extra: dict[str, dict[str, int]] = defaultdict(dict)
        self._bells = _Bells()
        self._last_bells = _Bells()
        self.work = asyncio.Event()
        """Rings when there may be something to claim."""

    def note(self, job: str, item: str, beyond: int) -> None:
        """``beyond``: bytes done of the item that its row does not show yet."""
        self._extra[job][item] = beyond
        self.ring(job)

    def forget(self, job: str, item: str) -> None:
        """The item's row shows everything now."""
        numbers = self._extra.get(job, {})
        numbers.pop(item, None)
        if not numbers:
            self._extra.pop(job, None)
        self.ring(job)

    def beyond(self, job: str) -> int:
        """Bytes of the job that the rows do not show yet. Negative where a provider kept less than was sent."""
        return sum(self._extra.get(job, {}).values())

    def ring(self, job: str, *, last: bool = False) -> None:
        """Something about the job changed; ``last``: it has ended."""
        for bells in (self._bells, self._last_bells) if last else (self._bells,):
            if bell := bells.pop(job, None):
                bell.set()

    async def heard(self, job: str, seconds: float) -> None:
        """Return at the next change of the job in this process, after ``seconds`` at the latest."""
        await _wait(self._bells, job, seconds)

    async def ended(self, job: str, seconds: float) -> None:
        """Return when the job ends in this process, after ``seconds`` at the latest."""
        await _wait(self._last_bells, job, seconds)


async def _wait(bells: _Bells, job: str, seconds: float) -> None:
    bell = bells.setdefault(job, asyncio.Event())
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
