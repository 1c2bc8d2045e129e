"""The rows of the incident book: what is inserted, found and opened. Functions take the transaction and never commit.

Words are sealed under the book's key; the rest are codes, times and random ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Missing, Shredded, Suspended
from cache.fields import Fields
from gateway.books import Books, scope
from gateway.db.tables_incidents import incident_acts, incident_affected, incidents
from gateway.ids import new_id
from gateway.incidents.model import OPERATOR, Act, Changed, Incident, NoSuchIncident, Told

TABLE: Final = "incidents"
_ACTS: Final = "incident_acts"
MOST: Final = 10_000
"""People and things that one incident names; how many more there were, its numbers say."""
_SAME: Final = tuple(name for name in Incident.__dataclass_fields__ if name not in {"told", "signed"})


def book(school: str) -> str:
    """Whose key seals a school's incidents, as it stands in a row."""
    return scope(school).owner


def sealed(fields: Fields, incident: str, told: Told) -> bytes:
    """The words of an incident."""
    return fields.seal(TABLE, "told", incident, json.dumps(asdict(told)))


async def locked(tx: AsyncConnection, school: str, incident: str, expected: int | None = None) -> RowMapping:
    """The row, for this transaction alone. NoSuchIncident, Changed where it is not at the step ``expected``."""
    mine = (incidents.c.id == incident) & (incidents.c.school == school)
    row = (await tx.execute(select(incidents).where(mine).with_for_update())).mappings().one_or_none()
    if row is None:
        raise NoSuchIncident
    if expected is not None and row["acts"] != expected:
        raise Changed
    return row


async def add_act(
    tx: AsyncConnection, books: Books, row: Mapping[Any, Any], act: Act, values: Mapping[str, Any], *, weighs: bool
) -> None:
    """One step more, and what it changes in the row."""
    box, made = None, new_id()
    if act.told:
        fields = await books.sealer(tx, row["school"])
        box = fields.seal(_ACTS, "told", made, json.dumps(act.told))
    step = {"incident": row["id"], "sequence": act.sequence, "at": act.at, "actor": act.actor, "by": act.by}
    await tx.execute(insert(incident_acts).values(**step, id=made, book=book(row["school"]), act=act.act, told=box))
    changed = {**values, "acts": act.sequence, **({"weighed": act.sequence} if weighs else {})}
    await tx.execute(update(incidents).where(incidents.c.id == row["id"]).values(**changed))


async def signed(tx: AsyncConnection, row: Mapping[Any, Any]) -> frozenset[str]:
    """Who signed what stands there now: random ids, 'operator'."""
    who = func.coalesce(incident_acts.c.by, OPERATOR)
    mine = (incident_acts.c.incident == row["id"]) & (incident_acts.c.act == "signed")
    query = select(who).where(mine, incident_acts.c.sequence > row["weighed"]).distinct()
    return frozenset((await tx.execute(query)).scalars())


async def view(tx: AsyncConnection, books: Books, row: Mapping[Any, Any]) -> Incident:
    """The incident with its words and signatures."""
    kept: dict[str, Any] = {name: row[name] for name in _SAME}
    told = None
    if (fields := await _reader(books, row["school"])) is not None:
        told = Told.of(json.loads(fields.text(TABLE, "told", row["id"], row["told"])))
    return Incident(**kept, told=told, signed=await signed(tx, row))


def brief(row: Mapping[Any, Any]) -> Incident:
    """The incident as a list shows it."""
    return Incident(**{name: row[name] for name in _SAME})


async def _reader(books: Books, school: str) -> Fields | None:
    """None while the book's own key may not be used."""
    try:
        return await books.reader(school)
    except (Missing, Shredded, Suspended):
        return None


async def acts(tx: AsyncConnection, books: Books, row: Mapping[Any, Any], after: int, limit: int) -> Sequence[Act]:
    """Steps after ``after``, the oldest first."""
    mine = (incident_acts.c.incident == row["id"]) & (incident_acts.c.sequence > after)
    query = select(incident_acts).where(mine).order_by(incident_acts.c.sequence).limit(limit)
    fields = await _reader(books, row["school"])
    return [_act(fields, one) for one in (await tx.execute(query)).mappings()]


async def last_told(
    tx: AsyncConnection, books: Books, row: Mapping[Any, Any], acts: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """What was said at the latest step of each of these kinds, where there was one."""
    found = {}
    for name in acts:
        mine = (incident_acts.c.incident == row["id"]) & (incident_acts.c.act == name)
        query = select(incident_acts).where(mine).order_by(incident_acts.c.sequence.desc()).limit(1)
        one = (await tx.execute(query)).mappings().one_or_none()
        if one is not None:
            found[name] = _act(await _reader(books, row["school"]), one).told or {}
    return found


def _act(fields: Fields | None, row: Mapping[Any, Any]) -> Act:
    told = None
    if fields is not None and row["told"] is not None:
        told = json.loads(fields.text(_ACTS, "told", row["id"], row["told"]))
    return Act(row["sequence"], row["at"], row["actor"], row["by"], row["act"], told)


async def touch(tx: AsyncConnection, incident: str, affected: Sequence[tuple[str, str]], now: int) -> int:
    """Note whom and what it touched, each (kind, id) once. How many are new; at most `MOST` in all."""
    count = select(func.count()).select_from(incident_affected).where(incident_affected.c.incident == incident)
    left = MOST - int((await tx.execute(count)).scalar_one())
    added = 0
    for kind, target in dict.fromkeys(affected):
        if added >= left:
            break
        row = {"incident": incident, "kind": kind, "target": target, "at": now}
        added += await insert_if_absent(tx, incident_affected, row)
    return added


async def touched(
    tx: AsyncConnection, incident: str, after: tuple[str, str], limit: int
) -> Sequence[tuple[str, str, int]]:
    """(kind, id, when it was noted), in the order of kinds and ids."""
    kind, target = after
    further: ColumnElement[bool] = (incident_affected.c.kind > kind) | (
        (incident_affected.c.kind == kind) & (incident_affected.c.target > target)
    )
    query = select(incident_affected).where(incident_affected.c.incident == incident, further)
    rows = await tx.execute(query.order_by(incident_affected.c.kind, incident_affected.c.target).limit(limit))
    return [(row.kind, row.target, row.at) for row in rows]


async def counted(tx: AsyncConnection, incident: str) -> Mapping[str, int]:
    """How many of each kind are noted."""
    mine = incident_affected.c.incident == incident
    query = select(incident_affected.c.kind, func.count()).where(mine).group_by(incident_affected.c.kind)
    return {row[0]: int(row[1]) for row in await tx.execute(query)}
