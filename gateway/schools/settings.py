"""A school's settings: one sealed document for each school, changed by its administrators, told in the ledger.

A setting that the document does not hold has its default, so a later version can add settings to schools that never
chose anything. The rows know no person: who changed what stands in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Missing, Shredded, Suspended
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_schools import school_settings
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.schools.formats import DEFAULTS, FORMATS, by_media_type
from gateway.schools.retention import BOUNDS, Retention, Usual
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

    ``retention``: what holds; ``chosen``: which of its numbers are the school's own. ``changed``: epoch ms, 0: never.
    ``delay_hours``: how long what two administrators approved waits, so that it can be cancelled.
    """

    exports: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULTS))
    version: int = 0
    retention: Retention = field(default_factory=Retention)
    chosen: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    delay_hours: int = DELAY_HOURS


class SchoolChoices:
    """The settings of all schools."""

    def __init__(self, vault: Vault, database: Database, ledger: Ledger, usual: Usual | None = None) -> None:
        """``usual``: what the deployment sets for how long things are kept."""
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self.usual = usual or Usual()

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
            told, version, changed = await self._told(tx, school)
        return self._settings(told, version, changed)

    async def all(self, known: Mapping[str, SchoolSettings] = MappingProxyType({})) -> Mapping[str, SchoolSettings]:
        """What each school holds that ever chose something. Those of ``known`` that did not change are not opened.

        Where the school's key may not be used now, what was known, or else what takes nothing away from anybody.
        """
        columns = (school_settings.c.school, school_settings.c.version, school_settings.c.changed)
        async with self._database.read() as tx:
            rows = (await tx.execute(select(*columns))).all()
        found = {}
        for row in rows:
            same = known.get(row.school)
            with suppress(Missing, Shredded):  # a school that has left
                found[row.school] = (
                    same if same and same.version == row.version else await self._now(row.school, row.changed, same)
                )
        return found

    async def _now(self, school: str, changed: int, known: SchoolSettings | None) -> SchoolSettings:
        try:
            return await self.get(school)
        except Suspended:
            return known or self._unread(changed)

    def _unread(self, changed: int) -> SchoolSettings:
        """For a school that chose what nobody may read now: everything is kept but copies, which live the shortest."""
        most = {name: self.usual.bounds(name)[1] for name in BOUNDS if not name.startswith("inactive")}
        held = {**most, "cache_seconds": self.usual.bounds("cache_seconds")[0]}
        return SchoolSettings(version=-1, retention=self.usual.with_chosen(held), chosen=held, changed=changed)

    async def change(
        self,
        school: str,
        person: str,
        expected: int,
        exports: Mapping[str, str | None],
        webhook: Change | None = None,
        retention: Mapping[str, int | None] = MappingProxyType({}),
        delay: Mapping[str, int | None] = MappingProxyType({}),
    ) -> SchoolSettings:
        """Change what is named, on ``person``'s word; None: back to the default.

        ``webhook``: what is to become of the school's address; None leaves it as it is. ``delay``: {'delay_hours':
        0 to `LONGEST_DELAY_HOURS`} or nothing. WrongVersion, NotOffered, OutOfBounds.
        """
        _check(exports)
        self.usual.check(retention)
        async with self._database.write() as tx:
            empty = await self._sealed(school, {})
            now = await self._database.now(tx)
            await insert_if_absent(tx, school_settings, {"school": school, "version": 0, "changed": now, "told": empty})
            told, version, _ = await self._told(tx, school, lock=True)
            if version != expected:
                raise WrongVersion
            told["exports"] = _merged(told.get("exports", {}), exports)
            told["retention"] = _merged(told.get("retention", {}), retention)
            told |= delay
            values = {"version": version + 1, "changed": now, "told": await self._sealed(school, told)}
            await tx.execute(update(school_settings).where(school_settings.c.school == school).values(**values))
            also: dict[str, Any] = {**delay, **({} if webhook is None else await webhook.make(tx))}
            word = None if webhook is None else webhook.instruction
            also |= {"retention": dict(retention)} if retention else {}
            changed = Event("school.settings", person, None, word, POLICY_VERSION, {"exports": dict(exports), **also})
            await self._ledger.append(tx, school, changed)
        return self._settings(told, version + 1, now)

    async def _told(self, tx: AsyncConnection, school: str, *, lock: bool = False) -> tuple[dict[str, Any], int, int]:
        query = select(school_settings).where(school_settings.c.school == school)
        row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            return {}, 0, 0
        fields = await self._vault.fields(Scope(school, None))
        told: dict[str, Any] = json.loads(fields.text(TABLE, "told", school, row.told))
        return told, int(row.version), int(row.changed)

    def _settings(self, told: Mapping[str, Any], version: int, changed: int) -> SchoolSettings:
        """A format that this version does not know any more falls back to its default."""
        exports, retention = told.get("exports", {}), told.get("retention", {})
        known = {name: exports[name] for name, formats in FORMATS.items() if exports.get(name) in formats}
        holds = self.usual.with_chosen(retention)
        hours = told.get("delay_hours")
        delay = DELAY_HOURS if hours is None else hours
        return SchoolSettings({**DEFAULTS, **known}, version, holds, retention, changed, delay)

    async def _sealed(self, school: str, told: Mapping[str, Any]) -> bytes:
        fields = await self._vault.fields(Scope(school, None))
        return fields.seal(TABLE, "told", school, json.dumps(told))


def _check(exports: Mapping[str, str | None]) -> None:
    for name, chosen in exports.items():
        if name not in FORMATS or (chosen is not None and chosen not in FORMATS[name]):
            raise NotOffered


def _merged(kept: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: chosen for name, chosen in {**kept, **named}.items() if chosen is not None}
