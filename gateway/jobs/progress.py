"""Live numbers of this process's work, and a bell for those who watch or wait. Nothing here is durable.

Rows carry the truth and are written at most once a second per item; between two writes a watcher in the same process
sees the live figure, a watcher in another process the row.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Progress:
    """One per process, shared by its workers and its event streams."""

    def __init__(self) -> None:
        self._extra: dict[str, dict[str, int]] = defaultdict(dict)
        self._bells: dict[str, asyncio.Event] = {}
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

    def ring(self, job: str) -> None:
        """Something about the job changed."""
        if bell := self._bells.pop(job, None):
            bell.set()

    async def heard(self, job: str, seconds: float) -> None:
        """Return at the next change of the job in this process, after ``seconds`` at the latest."""
        bell = self._bells.setdefault(job, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            return
