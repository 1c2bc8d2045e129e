"""Tells the ledger how each job ended: one entry a job, under the instruction that ordered it.

Counts, states and a random id: which items went is told where they were ordered and covered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from gateway.ledger import Event, Ledger


class Endings:
    """Appends to the chains of all schools."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def tell(self, tx: AsyncConnection, job: Row[Any], came: Mapping[str, Any]) -> None:
        """The last thing in ``tx``: the end of the school's chain is locked from here on. As `Ledger.append`.

        A job also ends while its person's key is suspended, or after they were forgotten: then without details.
        """
        action, who = f"{job.kind}.ended", job.person
        event = Event(action, who, who, job.instruction, job.policy_version, {"job": job.id, **came})
        try:
            await self._ledger.append(tx, job.tenant, event)
        except (Missing, Shredded, Suspended):
            await self._ledger.append(tx, job.tenant, replace(event, details={}))
