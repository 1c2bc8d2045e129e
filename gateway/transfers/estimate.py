"""How long a transfer will take: what such work usually takes, times how the person's last ones between the same drives
really went. Read off the rows of those jobs, so that it outlives a restart and ends with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from sqlalchemy import select

from gateway.db.tables_work import jobs as table
from gateway.jobs import totals
from gateway.jobs.model import JobState
from gateway.jobs.sealing import unseal
from gateway.jobs.service import Jobs

PER_ITEM: Final = 0.15
"""Seconds that an item takes of the whole, with several at work at once: measured over the wire, roughly."""
BYTES_PER_SECOND: Final = 12_000_000
LOOKED_AT: Final = 40
"""The person's last transfers that are looked through, and of those that fit the newest `SAMPLES` count."""
SAMPLES: Final = 9
_LEAST, _MOST = 0.02, 50.0


@dataclass(frozen=True, slots=True)
class Work:
    """So many items, and so many bytes that must be carried."""

    items: int
    bytes: int

    @property
    def usual(self) -> float:
        """Seconds, before anything was measured."""
        return self.items * PER_ITEM + self.bytes / BYTES_PER_SECOND


async def slowness(jobs: Jobs, tenant: str, person: str, spec: Mapping[str, Any]) -> float:
    """How many times longer than usual it took lately, between the drives of ``spec``; 1 where nothing is known.

    The median, because a job that was paused over night says little about the next one.
    """
    query = (
        select(table.c.id, table.c.created, table.c.ended, table.c.totals, table.c.spec)
        .where(table.c.tenant == tenant, table.c.person == person, table.c.kind == "transfer")
        .where(table.c.state == JobState.DONE, table.c.ended.is_not(None))
        .order_by(table.c.created.desc())
        .limit(LOOKED_AT)
    )
    sealer = await jobs.sealer(tenant, person)
    async with jobs.database.read() as tx:
        rows = (await tx.execute(query)).all()
    found: list[float] = []
    for row in rows:
        if pair(unseal(sealer, "jobs", "spec", row.id, row.spec)) == pair(spec) and len(found) < SAMPLES:
            done = totals.load(row.totals)
            if done.counts.copied:
                usual = Work(done.counts.copied, done.bytes_done).usual
                found.append((row.ended - row.created) / 1000 / usual)
    return min(max(median(found), _LEAST), _MOST) if found else 1.0


def pair(spec: Mapping[str, Any]) -> tuple[frozenset[str], str, bool]:
    """From which drives, to which, and whether the originals go."""
    return frozenset(drive for drive, _ in spec["sources"]), spec["destination"]["drive"], spec["mode"] == "move"
