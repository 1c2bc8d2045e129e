"""What the gateway sees by itself becomes an incident: one for each cause within its window, whoever sees it first.

Nothing here is on the way of a request: failed tags are counted where they fail and fetched every few seconds, a broken
chain is found by a walk in the background, a token that is shown twice comes by where it is refused anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Shredded
from cache.failures import Failed
from gateway.containment import Word
from gateway.db.engine import Database
from gateway.db.tables_incidents import incident_detections
from gateway.ids import is_id
from gateway.incidents.kinds import DETECTED, Cause
from gateway.incidents.model import Draft, Told
from gateway.incidents.record import Incidents

log = structlog.get_logger()

EVERY: Final = 5.0
"""Seconds between two looks at what failed in this process."""
KEPT: Final = 7 * 24 * 3_600_000
"""A detection is remembered so long after its window, ms."""
_NAMED: Final = 200
"""Things of one burst that are named."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``failed_tags`` failures within ``burst`` ms make an incident; a cause makes one within ``window`` ms."""

    failed_tags: int = 10
    burst: int = 300_000
    window: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Sign:
    """Something was seen ``count`` times. ``facts``: codes and random ids; ``affected``: (kind, id) of each.

    ``at_least``: so many within a burst make an incident.
    """

    school: str
    cause: Cause
    target: str = ""
    count: int = 1
    at_least: int = 1
    once: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    affected: Sequence[tuple[str, str]] = ()


class Detection:
    """Counts signs in the database, so that many processes see one burst, and opens incidents."""

    def __init__(self, database: Database, incidents: Incidents, thresholds: Thresholds) -> None:
        self._database = database
        self._incidents = incidents
        self.thresholds = thresholds

    async def saw(self, sign: Sign) -> str | None:
        """`saw_in` in a transaction of its own."""
        async with self._database.write() as tx:
            return await self.saw_in(tx, sign)

    async def saw_in(self, tx: AsyncConnection, sign: Sign) -> str | None:
        """The incident that this sign belongs to, opened now or before in its window; None below the threshold.

        Late in a transaction: an incident's entry in the ledger is its last statement.
        """
        now = await self._database.now(tx)
        mine = {"school": sign.school, "cause": sign.cause, "target": sign.target}
        await insert_if_absent(tx, incident_detections, {**mine, "since": now, "count": 0, "until": 0})
        where = [getattr(incident_detections.c, name) == value for name, value in mine.items()]
        found = await tx.execute(select(incident_detections).where(*where).with_for_update())
        row = found.mappings().one()
        if row["incident"] is not None and (now < row["until"] or sign.once):
            await self._incidents.seen_again(tx, row["incident"], sign.count, sign.affected)
            return str(row["incident"])
        fresh = row["incident"] is not None or now - row["since"] > self.thresholds.burst
        since, count = (now, sign.count) if fresh else (row["since"], row["count"] + sign.count)
        values: dict[str, Any] = {"since": since, "count": count, "incident": None, "until": now}
        if count >= sign.at_least:
            values["until"] = now + self.thresholds.window
            values["incident"] = await self._open(tx, sign, since, count)
        await tx.execute(update(incident_detections).where(*where).values(**values))
        opened: str | None = values["incident"]
        return opened

    async def _open(self, tx: AsyncConnection, sign: Sign, since: int, count: int) -> str:
        word = Word(sign.school, gateway=True)
        draft = Draft(sign.cause, DETECTED[sign.cause], Told(facts=dict(sign.facts)), began=since)
        made = await self._incidents.enter(tx, word, draft, affected=sign.affected, signs=count)
        log.warning("incident_opened", kind=sign.cause, count=count)
        return made

    async def broke(self, school: str, place: int, why: str) -> None:
        """A chain of the ledger does not hold any more from ``place`` on."""
        facts = {"sequence": place, "why": why}
        await self.saw(Sign(school, "broken_chain", str(place), once=True, facts=facts))

    async def stolen(self, tx: AsyncConnection, school: str, person: str) -> None:
        """A token of this person's extension was shown a second time: `identity.ClientTokens` says so."""
        await self.saw_in(tx, Sign(school, "token_reuse", person, affected=[("person", person)]))

    async def sweep(self, limit: int) -> int:
        """Forget bursts and windows that are long over. A broken link of a chain is remembered."""
        before = await self._database.now() - KEPT
        old = (incident_detections.c.until < before) & (incident_detections.c.cause != "broken_chain")
        keys = (incident_detections.c.school, incident_detections.c.cause, incident_detections.c.target)
        async with self._database.write() as tx:
            rows = (await tx.execute(select(*keys).where(old).limit(limit))).all()
            for row in rows:
                this = [column == value for column, value in zip(keys, row, strict=True)]
                await tx.execute(delete(incident_detections).where(old, *this))
        return len(rows)


class Failing(Protocol):
    """Where failed tags are counted: the vault."""

    def failures(self) -> list[Failed]: ...


class Watcher:
    """One process's look at what failed in it. What cannot be told now is told at the next look."""

    def __init__(self, vault: Failing, detection: Detection, every: float = EVERY) -> None:
        self._vault = vault
        self._detection = detection
        self._every = every
        self._left: dict[str, Sign] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._forever(), name="incidents")

    async def close(self) -> None:
        """Tell what is left, and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._safely()

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._safely()

    async def _safely(self) -> None:
        try:
            await self.once()
        except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end it
            log.warning("incidents_wait", why=type(error).__name__)

    async def once(self) -> None:
        """Tell of everything that failed since the last look."""
        for failed in self._vault.failures():
            self._add(failed)
        for school in list(self._left):
            await self._tell(school)

    async def _tell(self, school: str) -> None:
        """One school's trouble is not another's; of one that left there is nobody to tell."""
        try:
            await self._detection.saw(self._left[school])
        except Shredded:
            log.info("nobody_to_tell", kind="failed_tags")
        except Exception as error:  # noqa: BLE001 - told at the next look
            log.warning("incidents_wait", why=type(error).__name__)
            return
        del self._left[school]

    def _add(self, failed: Failed) -> None:
        school = failed.scope.tenant
        before = self._left.get(school) or Sign(school, "failed_tags", at_least=self._detection.thresholds.failed_tags)
        whose = [("person", failed.scope.subject)] if failed.scope.subject is not None else []
        objects = [("object", thing) for thing in failed.things if is_id(thing)]
        places = {*before.facts.get("places", ()), *(thing for thing in failed.things if not is_id(thing))}
        self._left[school] = Sign(
            school, "failed_tags", count=before.count * (school in self._left) + failed.count,
            at_least=before.at_least, facts={"places": sorted(places)[:_NAMED]},
            affected=[*before.affected, *whose, *objects][:_NAMED],
        )  # fmt: skip
