"""A school's settings: one sealed document for each school, changed by its administrators, told in the ledger.

A setting that the document does not hold has its default, so a later version can add settings to schools that never
chose anything. The rows know no person: who changed what stands in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_schools import school_settings
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.schools.formats import DEFAULTS, FORMATS, by_media_type
from gateway.webhooks import Change

TABLE: Final = "school_settings"
DELAY_HOURS: Final = 24
LONGEST_DELAY_HOURS: Final = 30 * 24


class WrongVersion(Exception):
    """Somebody else changed the settings since they were read."""


class NotOffered(Exception):
    """No such kind of document, or no such format of it."""


@dataclass(frozen=True, slots=True)
class SchoolSettings:
    """``exports``: the format of each document type. ``version`` grows with each change, 0 before the first.

    ``delay_hours``: how long what two administrators approved waits, so that it can be cancelled.
    """

    exports: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULTS))
    version: int = 0
    delay_hours: int = DELAY_HOURS


class SchoolChoices:
    """The settings of all schools."""

    def __init__(self, vault: Vault, database: Database, ledger: Ledger) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger

    async def exports(self, school: str) -> Mapping[str, str]:
        """The `ExportChoice` id that the school wants for each document type; a person's own choice comes first."""
        return (await self.get(school)).exports

    async def formats(self, school: str) -> Mapping[str, str]:
        """`exports` by the media type that a drive's entries have."""
        return by_media_type(await self.exports(school))

    async def delay(self, school: str) -> int:
        """How long what two administrators of the school approved waits before it is done, ms."""
        return (await self.get(school)).delay_hours * 3_600_000

    async def get(self, school: str) -> SchoolSettings:
        """What holds now."""
        async with self._database.read() as tx:
            told, version = await self._told(tx, school)
        return _settings(told, version)

    async def change(
        self,
        school: str,
        person: str,
        expected: int,
        exports: Mapping[str, str | None],
        webhook: Change | None = None,
        delay: Mapping[str, int | None] = MappingProxyType({}),
    ) -> SchoolSettings:
        """Change what is named, on ``person``'s word; None: back to the default. WrongVersion, NotOffered.

        ``webhook``: what is to become of the school's address; None leaves it as it is. ``delay``: {'delay_hours':
        0 to `LONGEST_DELAY_HOURS`} or nothing.
        """
        _check(exports)
        async with self._database.write() as tx:
            empty = await self._sealed(school, {})
            now = await self._database.now(tx)
            await insert_if_absent(tx, school_settings, {"school": school, "version": 0, "changed": now, "told": empty})
            told, version = await self._told(tx, school, lock=True)
            if version != expected:
                raise WrongVersion
            kept = {**told.get("exports", {}), **exports}
            told["exports"] = {name: chosen for name, chosen in kept.items() if chosen is not None}
            told |= delay
            values = {"version": version + 1, "changed": now, "told": await self._sealed(school, told)}
            await tx.execute(update(school_settings).where(school_settings.c.school == school).values(**values))
            also = {**delay, **({} if webhook is None else await webhook.make(tx))}
            word = None if webhook is None else webhook.instruction
            changed = Event("school.settings", person, None, word, POLICY_VERSION, {"exports": dict(exports), **also})
            await self._ledger.append(tx, school, changed)
        return _settings(told, version + 1)

    async def _told(self, tx: AsyncConnection, school: str, *, lock: bool = False) -> tuple[dict[str, Any], int]:
        query = select(school_settings).where(school_settings.c.school == school)
        row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            return {}, 0
        fields = await self._vault.fields(Scope(school, None))
        told: dict[str, Any] = json.loads(fields.text(TABLE, "told", school, row.told))
        return told, int(row.version)

    async def _sealed(self, school: str, told: Mapping[str, Any]) -> bytes:
        fields = await self._vault.fields(Scope(school, None))
        return fields.seal(TABLE, "told", school, json.dumps(told))


def _check(exports: Mapping[str, str | None]) -> None:
    for name, chosen in exports.items():
        if name not in FORMATS or (chosen is not None and chosen not in FORMATS[name]):
            raise NotOffered


def _settings(told: Mapping[str, Any], version: int) -> SchoolSettings:
    """A format that this version does not know any more falls back to its default."""
    chosen = told.get("exports", {})
    known = {name: chosen[name] for name, formats in FORMATS.items() if chosen.get(name) in formats}
    hours = told.get("delay_hours")
    return SchoolSettings({**DEFAULTS, **known}, version, DELAY_HOURS if hours is None else hours)
