"""Reads everything that is held about a person: store by store, row by row, opened, a page at a time.

What is shown follows from the tables' own inventory (`gateway.rights.sections`). Nothing of anybody else is opened: an
act of the person's that is about somebody else is told without what it did to whom.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, RowMapping, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Missing, Shredded
from cache.fields import Fields, sealed_version
from cache.inventory import Held, Sealing
from cache.keyrows import FIRST_RECORD
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.rights.sections import SECTIONS, Part, Section, unshown

PAGE_BYTES: Final = 1024 * 1024
"""A page is full when it holds so much, however few records that are."""
UNREADABLE: Final = {"unreadable": True}
"""In the place of a value whose key is gone or that was altered."""


@dataclass(frozen=True, slots=True)
class Described:
    """One column: what it holds in plain words, and why its values are not shown, None where they are."""

    table: str
    column: str
    what: str
    unshown: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """One store: how many records of each table there are."""

    section: Section
    records: Mapping[str, int]
    columns: Sequence[Described]


@dataclass(frozen=True, slots=True)
class Record:
    """One row, opened: value by column. Bytes are hexadecimal, times epoch ms."""

    table: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a person's columns: their key of now, and the one that lasts as long as they are here."""

    own: Fields
    lasting: Fields | None


Place = tuple[int, Sequence[Any]]
"""How far a page went: the part of the section, and the key of its last row."""


class Review:
    """What is held about all people."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database

    async def overview(self, scope: Scope) -> Sequence[Counted]:
        """Every store with the numbers of its records."""
        async with self._database.read() as tx:
            return [await _counted(tx, section, scope) for section in SECTIONS]

    async def page(
        self, scope: Scope, section: Section, after: Place | None = None, limit: int = 100
    ) -> tuple[Sequence[Record], Place | None]:
        """Records of one store, and where the next page begins. Shorter where records are large. Shredded, Missing."""
        keys = Keys(await self._vault.fields(scope), await self._records(scope))
        part, key = (0, None) if after is None else after
        found: list[Record] = []
        size = 0
        async with self._database.read() as tx:
            while part < len(section.parts):
                one = section.parts[part]
                rows = await _rows(tx, one, scope, key, limit - len(found))
                for row in rows:
                    found.append(_record(keys, one, row, scope))
                    size += len(json.dumps(found[-1].values, default=str))
                    if size >= PAGE_BYTES or len(found) == limit:
                        return found, (part, _key(one, row))
                part, key = part + 1, None
        return found, None

    async def _records(self, scope: Scope) -> Fields | None:
        """What opens the person's entries in the ledger; None where there is none."""
        try:
            return await self._vault.records(scope)
        except Missing:
            return None


async def _counted(tx: AsyncConnection, section: Section, scope: Scope) -> Counted:
    records: dict[str, int] = {}
    columns: dict[tuple[str, str], Described] = {}
    for part in section.parts:
        name = part.table.name
        query = select(func.count()).select_from(part.table).where(part.mine(scope))
        records[name] = records.get(name, 0) + (await tx.execute(query)).scalar_one()
        columns |= {(name, column.name): _described(column) for column in part.table.columns}
    return Counted(section, records, list(columns.values()))


def _described(column: Column[Any]) -> Described:
    told: Held = column.info["held"]
    return Described(column.table.name, column.name, told.what, unshown(column))


async def _rows(
    tx: AsyncConnection, part: Part, scope: Scope, after: Sequence[Any] | None, limit: int
) -> Sequence[RowMapping]:
    keys = list(part.table.primary_key.columns)
    query = select(part.table).where(part.mine(scope)).order_by(*keys).limit(limit)
    if after is not None:
        values = [literal(value, column.type) for column, value in zip(keys, after, strict=True)]
        query = query.where(tuple_(*keys) > tuple_(*values))
    return (await tx.execute(query)).mappings().all()


def _key(part: Part, row: RowMapping) -> Sequence[Any]:
    return [row[column.name] for column in part.table.primary_key.columns]


def _record(keys: Keys, part: Part, row: RowMapping, scope: Scope) -> Record:
    foreign = part.table.name == "ledger_entries" and row["subject"] != scope.subject
    told = {column.name: _value(keys, part, column, row) for column in part.columns if not _theirs(column, foreign)}
    return Record(part.table.name, told)


def _theirs(column: Column[Any], foreign: bool) -> bool:
    """Whether it is another person's: whom an act was about, and what it did."""
    return foreign and column.name in ("subject", "details")


def _value(keys: Keys, part: Part, column: Column[Any], row: RowMapping) -> Any:
    raw = row[column.name]
    if raw is None or not isinstance(raw, bytes | memoryview):
        return raw
    if column.info["held"].form != "sealed":
        return bytes(raw).hex()
    sealing: Sealing = part.table.info["sealing"]
    name = row[sealing.row]
    lasting = sealing.lasting and sealed_version(bytes(raw)) >= FIRST_RECORD  # older ones are as everything else
    fields = keys.lasting if lasting else keys.own
    if fields is None:
        return UNREADABLE
    try:
        label = bytes(name).hex() if isinstance(name, bytes | memoryview) else str(name)
        return _readable(fields.unseal(part.table.name, column.name, label, bytes(raw)))
    except (Corrupt, Shredded):
        keys.own.index("alive", "")  # Shredded, where it is the person's own key that has just died
        return UNREADABLE


def _readable(plain: bytes) -> Any:
    """What was sealed, as JSON can say it: a document, a text, or bytes in hexadecimal."""
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return plain.hex()
    try:
        told = json.loads(text)
    except ValueError:
        return text
    return told if isinstance(told, dict | list) else text
