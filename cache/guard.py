"""Whether a running stream may still go on: asked before every batch that is opened or written."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from cache.epoch import Watch
from cache.errors import Expired, Shredded
from cache.ring import Ring


class Guard:
    """The conditions of one open object: its end, its keys, and that it was not destroyed meanwhile."""

    def __init__(self, ring: Ring, watch: Watch, ends: int | None, now: int) -> None:
        """``ends`` and ``now`` in epoch ms by the database's clock; from here on only the time between them counts."""
        self._ring = ring
        self._watch = watch
        self._deadline = None if ends is None else time.monotonic() + (ends - now) / 1000
        self._epoch = watch.value
        self._recheck: Callable[[], Awaitable[None]] | None = None

    def recheck(self, call: Callable[[], Awaitable[None]]) -> None:
        """``call`` raises where the object is gone; it is asked whenever something was destroyed anywhere."""
        self._recheck = call

    async def check(self) -> None:
        """Expired, Shredded, Missing, or Unavailable where the epoch cannot be known."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise Expired("the object reached its end while it was open")
        epoch = await self._watch.check()
        if not self._ring.alive:
            raise Shredded("the object's keys were destroyed while it was open")
        if epoch != self._epoch and self._recheck is not None:
            await self._recheck()
        self._epoch = epoch
