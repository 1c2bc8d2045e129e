"""Writes into each school's ledger where its data lies and on whose word: at a start, once for each change.

The school can show its authority what the operator stated and when; the operator cannot restate it unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Suspended
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ledger import Event, Ledger
from gateway.ledger.chain import genesis
from gateway.ledger.ledger import Sealers, unseal
from gateway.policy import POLICY_VERSION
from gateway.residency.places import places
from gateway.settings import Settings

ACTION: Final = "residency.attested"


def statement(settings: Settings, regions: Mapping[str, str]) -> dict[str, Any]:
    """What is vouched for, and what was checked: ``regions`` of AWS by place. Empty where nobody has said anything."""
    spots = places(settings)
    if not any(spot.told or spot.key in regions for spot in spots):
        return {}
    told = {spot.key: {"how": spot.how, "told": spot.told, "region": regions.get(spot.key, "")} for spot in spots}
    return {"region": settings.region, "operator": settings.operator.name, "places": told}


class Attesting:
    """Brings the statement into the chains of ``schools``, once in each."""

    def __init__(
        self, database: Database, sealers: Sealers, ledger: Ledger, schools: Iterable[str], said: Mapping[str, Any]
    ) -> None:
        self._database = database
        self._sealers = sealers
        self._ledger = ledger
        self._said = said
        self._left = list(schools) if said else []

    async def sweep(self) -> int:
        """Append it where it is not the last statement there; how many were written.

        A school whose key may not be used now waits for the next time, and nobody else with it.
        """
        left, self._left, count = self._left, [], 0
        for school in left:
            try:
                count += await self._attest(school)
            except Suspended:
                self._left.append(school)
        return count

    async def _attest(self, school: str) -> bool:
        async with self._database.write() as tx:
            await _lock(tx, school)  # of two processes that start at once, the second sees what the first wrote
            if await _last(tx, self._sealers, school) == self._said:
                return False
            await self._ledger.append(tx, school, Event(ACTION, None, None, None, POLICY_VERSION, self._said))
        return True


async def _lock(tx: AsyncConnection, school: str) -> None:
    await insert_if_absent(tx, ledger_heads, {"school": school, "sequence": 0, "hash": genesis(school)})
    await tx.execute(select(ledger_heads.c.sequence).where(ledger_heads.c.school == school).with_for_update())


async def _last(tx: AsyncConnection, sealers: Sealers, school: str) -> Mapping[str, Any] | None:
    mine = (ledger_entries.c.school == school) & (ledger_entries.c.action == ACTION)
    query = select(ledger_entries).where(mine).order_by(ledger_entries.c.sequence.desc()).limit(1)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else await unseal(sealers, dict(row))
