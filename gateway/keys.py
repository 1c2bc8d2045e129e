"""The cycles of keys as this deployment runs them: when they are due, in one worker, each told to the ledger.

What a cycle does is `cache.cycle`'s; here it is only begun, followed and recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from cache.cycle import Cycles
from cache.errors import StorageError
from cache.replacing import Waits
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT

log = structlog.get_logger()

REST: Final = 60.0
"""Seconds after which a cycle that had to wait is looked at again."""


class KeyCycles:
    """Tends the keys; give `tend` to a sweeper."""

    def __init__(self, cycles: Cycles, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._cycles = cycles
        self._ledger = ledger
        self._clock = clock
        self._resting = float("-inf")

    async def tend(self, _limit: int = 0) -> int:
        """Whatever is due now, see `Cycles.tend`. How many cycles were finished and roots destroyed."""
        if self._clock() < self._resting:
            return 0
        try:
            done = await self._cycles.tend()
        except (StorageError, Waits) as error:  # `file-access keys status` says why
            self._resting = self._clock() + REST
            log.warning("keys_wait", why=type(error).__name__)
            return 0
        if done:
            status = await self._cycles.status()
            counts = status.cycle.counts if status.cycle is not None else {}
            await tell(self._ledger, "keys.cycle", counts)
            log.info("keys_cycle", count=done)
        return done


async def tell(ledger: Ledger, action: str, details: Mapping[str, Any]) -> None:
    """An entry of the deployment's own chain: numbers of versions and counts, no secret."""
    await ledger.record(DEPLOYMENT.tenant, Event(action, None, None, None, POLICY_VERSION, dict(details)))
