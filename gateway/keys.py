"""The cycles of keys as this deployment runs them: when they are due, in one worker, each told to the ledger.

What a cycle does is `cache.cycle`'s; here it is only begun, followed and recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from prometheus_client import Gauge
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from cache.cycle import Cycles
from cache.errors import StorageError
from cache.replacing import Waits
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT

log = structlog.get_logger()

REST: Final = 60.0
"""Seconds after which a cycle that had to wait is looked at again."""
LATE: Final = 86_400_000
"""A cycle that is due, or under way, for so many ms is late: what receipts say of backups counts a day for it."""
TOLD: Final = "operator.keys_late"
SECONDS: Final = Gauge("file_access_keys_late_seconds", "For how long a cycle of keys is due and not finished")


class KeyCycles:
    """Tends the keys; give `tend` to a sweeper."""

    def __init__(
        self, cycles: Cycles, ledger: Ledger, database: Database, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._cycles = cycles
        self._ledger = ledger
        self._database = database
        self._clock = clock
        self._resting = float("-inf")

    async def tend(self, _limit: int = 0) -> int:
        """Whatever is due now, see `Cycles.tend`. How many cycles were finished and roots destroyed."""
        if self._clock() < self._resting:
            return 0
        await self._tell_late()  # before it is made up for
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

    async def _tell_late(self) -> None:
        """Once of each cycle, whoever sees it first: backups live longer than receipts say."""
        since, late = await self._cycles.late()
        if late < LATE:
            return
        word = f"{since:032x}"
        mine, told = ledger_heads.c.school == DEPLOYMENT.tenant, ledger_entries.c.instruction == word
        async with self._database.write() as tx:
            await tx.execute(select(ledger_heads.c.sequence).where(mine).with_for_update())
            before = select(ledger_entries.c.id).where(ledger_entries.c.school == DEPLOYMENT.tenant, told)
            if (await tx.execute(before)).first() is not None:
                return
            event = Event(TOLD, None, None, word, POLICY_VERSION, {"since": since, "seconds": late // 1000})
            await self._ledger.append(tx, DEPLOYMENT.tenant, event)
        log.warning("keys_late", seconds=late // 1000)


async def measure(cycles: Cycles) -> None:
    """Bring the metric up to date, also where nobody tends the keys. A database that is away leaves it as it is."""
    with suppress(StorageError, SQLAlchemyError, OSError):
        SECONDS.set((await cycles.late())[1] // 1000)


async def tell(ledger: Ledger, action: str, details: Mapping[str, Any]) -> None:
    """An entry of the deployment's own chain: numbers of versions and counts, no secret."""
    await ledger.record(DEPLOYMENT.tenant, Event(action, None, None, None, POLICY_VERSION, dict(details)))
