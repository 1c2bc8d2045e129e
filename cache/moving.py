"""Everything that is under older keys of a scope is put under its current one, some rows at a time.

Objects' keys and record keys are wrapped anew, columns sealed anew, indexes made anew; sealed bytes stay as they are.
Each row is changed only where it still is what was read, so that whoever writes it meanwhile wins, and the next look
finds what is left. What cannot be opened with any key stays unreadable, keeps its bytes, and is counted: it must not
keep an older key alive for ever.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Table, and_, literal, or_, select, true, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.bulk import Change, change_all
from cache.catalog import objects, record_keys
from cache.database import Transactions
from cache.errors import Corrupt, Shredded
from cache.expiry import ExpiryKeys
from cache.fields import HEAD, Fields, head, sealed_version
from cache.inventory import Held
from cache.keys import Wrapper
from cache.loading import record_wrap
from cache.ring import KeySet, Known
from cache.sealed import SealedTable, blind_of, index_of, scope_of
from cache.wrapping import opened, wrap_of, wrapped

PAGE = 500
"""Rows that are opened and written at once."""
Write = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction in which the caller may still write."""
Keys = Mapping[str, KeySet]
"""The keys of some hundred subjects of one tenant at most, '' for the tenant's own."""
Subjects = Callable[[AsyncConnection, Sequence[str]], Awaitable[Keys]]
"""Loads the keys of such subjects."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How much was put under current keys; ``damaged`` of it could not be opened."""

    keys: int = 0
    values: int = 0
    damaged: int = 0

    def __add__(self, other: Moved) -> Moved:
        """Both together."""
        return Moved(self.keys + other.keys, self.values + other.values, self.damaged + other.damaged)


class Mover:
    """Moves what is under the keys of subjects, and knows whether anything is left."""

    def __init__(self, database: Transactions, expiry: ExpiryKeys, tables: Iterable[SealedTable]) -> None:
        """``tables``: every one with something sealed in it."""
        self._database = database
        self._expiry = expiry
        self._tables = [table for table in tables if not table.sealing.lasting]

    async def move(self, tenant: str, held: Keys, write: Write) -> Moved:
        """All that these subjects have under older keys. May be broken off and repeated. Unavailable."""
        moved = await self._records(tenant, held, write) + await self._objects(tenant, held, write)
        for table in self._tables:
            moved += await self._values(table, tenant, held, write)
        return moved

    async def left(self, tx: AsyncConnection, tenant: str, versions: Mapping[str, int]) -> set[str]:
        """Those of these subjects that have something under another key than of this version."""
        found: set[str] = set()
        for table in (objects, record_keys):
            query = select(table.c.subject).where(_another(table, tenant, versions)).distinct()
            found |= set((await tx.execute(query)).scalars())
        for one in self._tables:
            query = select(one.subject).select_from(one.table).where(one.stale(tenant, versions)).distinct()
            found |= {owner or "" for owner in (await tx.execute(query)).scalars()}
        return found

    async def _records(self, tenant: str, held: Keys, write: Write) -> Moved:
        async with self._database.read() as tx:
            rows = (await tx.execute(select(record_keys).where(_another(record_keys, tenant, _current(held))))).all()
        changes = [_record(row, held[row.subject]) for row in rows]
        for at in range(0, len(changes), PAGE):
            async with write() as tx:
                await change_all(tx, record_keys, changes[at : at + PAGE])
        return Moved(keys=len(changes))

    async def _objects(self, tenant: str, held: Keys, write: Write) -> Moved:
        moved, last = Moved(), ""
        while True:
            query = select(objects).where(_another(objects, tenant, _current(held)), objects.c.id > last)
            async with self._database.read() as tx:
                rows = (await tx.execute(query.order_by(objects.c.id).limit(PAGE))).all()
            if not rows:
                return moved
            expiry = {
                bucket: await self._expiry.find(bucket) for bucket in {r.bucket for r in rows if r.expiry_version}
            }
            pairs = await asyncio.to_thread(_objects, rows, held, expiry)
            async with write() as tx:
                await change_all(tx, objects, [change for change, _ in pairs])
            moved += Moved(keys=len(rows), damaged=sum(damaged for _, damaged in pairs))
            last = rows[-1].id

    async def _values(self, one: SealedTable, tenant: str, held: Keys, write: Write) -> Moved:
        moved, last = Moved(), None
        while True:
            query = select(*_read(one)).where(one.stale(tenant, _current(held)), _after(one, last)).order_by(*one.key)
            async with self._database.read() as tx:
                rows = (await tx.execute(query.limit(PAGE))).all()
            if not rows:
                return moved
            pairs = await asyncio.to_thread(_sealed_anew, one, tenant, held, rows)
            await self._write(one, [change for change, _ in pairs], write)
            moved += Moved(values=len(rows), damaged=sum(damaged for _, damaged in pairs))
            last = _key(one, rows[-1])

    async def _write(self, one: SealedTable, changes: Sequence[Change], write: Write) -> None:
        """All at once; where a row cannot be, each by itself, and one whose index is taken without it."""
        try:
            async with write() as tx:
                await change_all(tx, one.table, changes)
        except IntegrityError:
            for change in changes:
                if not await _alone(one, change, write):
                    lost = {column.name: secrets.token_bytes(32) for column in one.indexes}
                    await _alone(one, Change(change.key, change.had, {**change.get, **lost}), write)

    async def reindex(self, one: SealedTable, tenant: str, held: KeySet, subjects: Subjects, write: Write) -> Moved:
        """Make the indexes anew that are under the tenant's key, of what is sealed under its subjects'."""
        moved, last = Moved(), None
        for column in one.foreign:
            while True:
                query = select(*_read(one)).where(_misplaced(one, column, tenant, held.current), _after(one, last))
                async with self._database.read() as tx:
                    rows = (await tx.execute(query.order_by(*one.key).limit(PAGE))).all()
                    keys = await subjects(tx, sorted({one.owner(row) for row in rows})) if rows else {}
                if not rows:
                    break
                changes = await asyncio.to_thread(_indexed, one, column, tenant, (held, keys), rows)
                await self._write(one, changes, write)
                moved, last = moved + Moved(values=len(rows)), _key(one, rows[-1])
        return moved

    async def misplaced(self, tx: AsyncConnection, tenant: str, version: int) -> bool:
        """Whether an index is left under another key of the tenant than of this version."""
        for one in self._tables:
            for column in one.foreign:
                query = select(literal(1)).select_from(one.table).where(_misplaced(one, column, tenant, version))
                if (await tx.execute(query.limit(1))).first() is not None:
                    return True
        return False

    @property
    def foreign(self) -> list[SealedTable]:
        """Tables with such indexes."""
        return [one for one in self._tables if one.foreign]


async def _alone(one: SealedTable, change: Change, write: Write) -> bool:
    """False where the database refuses it: another row has the index, or somebody was forgotten meanwhile."""
    try:
        async with write() as tx:
            await change_all(tx, one.table, [change])
    except IntegrityError:
        return False
    return True


def _current(held: Keys) -> dict[str, int]:
    return {owner: keys.current for owner, keys in held.items()}


def _another(table: Table, tenant: str, versions: Mapping[str, int]) -> ColumnElement[bool]:
    """Rows of subjects that are wrapped under another key than of this version."""
    groups: dict[int, list[str]] = {}
    for owner, version in versions.items():
        groups.setdefault(version, []).append(owner)
    found = [and_(table.c.subject.in_(of), table.c.key_version != version) for version, of in groups.items()]
    return and_(table.c.tenant == tenant, or_(*found))


def _record(row: Row[Any], held: KeySet) -> Change:
    wrap = record_wrap(scope_of(row.tenant, row.subject))
    box = row.box
    if (parent := held.keys.get(row.key_version)) is not None:
        box = Wrapper(held.key).wrap(Wrapper(parent).unwrap(row.box, wrap), wrap)
    key = {"tenant": row.tenant, "subject": row.subject, "version": row.version}
    return Change(key, {"box": row.box}, {"box": box, "key_version": held.current})


def _objects(rows: Sequence[Row[Any]], held: Keys, expiry: Mapping[int, bytes | None]) -> list[tuple[Change, bool]]:
    return [_object(row, held, expiry) for row in rows]


def _object(row: Row[Any], held: Keys, expiry: Mapping[int, bytes | None]) -> tuple[Change, bool]:
    """The object's key under the current one. One that nobody can open any more is only moved along."""
    keys, clock = held[row.subject], expiry.get(row.bucket) if row.expiry_version else None
    parent, damaged = keys.keys.get(row.key_version), False
    box = row.box
    if parent is not None and (clock is not None or not row.expiry_version):
        try:
            wrap = wrap_of(scope_of(row.tenant, row.subject), row.id, row.life, row.ends)
            box = wrapped(keys.key, wrap, row.ends, opened(row, parent, clock), clock)["box"]
        except Corrupt:
            damaged = not row.expiry_version  # else its expiry key was lost, and another one made for its five minutes
    had = {"box": row.box, "key_version": row.key_version}
    return Change({"id": row.id}, had, {"box": box, "key_version": keys.current}), damaged


def _read(one: SealedTable) -> list[Column[Any]]:
    """The columns that are needed to seal a row anew."""
    names = {column.name for column in (*one.key, *one.columns, *one.indexes, *one.foreign)}
    names |= {name for name in (one.sealing.row, one.sealing.subject) if name is not None}
    for column in (*one.indexes, *one.foreign):
        made = blind_of(column)
        assert made is not None
        names |= {*made.of, *((made.version,) if made.version else ())}
    return [one.table.c[name] for name in sorted(names)]


def _key(one: SealedTable, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[column.name] for column in one.key)  # noqa: SLF001  # the documented name


def _after(one: SealedTable, last: tuple[Any, ...] | None) -> ColumnElement[bool]:
    if last is None:
        return true()
    if len(last) == 1:
        after: ColumnElement[bool] = one.key[0] > last[0]
        return after
    return tuple_(*one.key) > tuple_(
        *(literal(value, column.type) for value, column in zip(last, one.key, strict=True))
    )


def _misplaced(one: SealedTable, column: Column[Any], tenant: str, version: int) -> ColumnElement[bool]:
    made = blind_of(column)
    assert made is not None
    assert made.version is not None
    another = one.table.c[made.version].is_distinct_from(version)
    return and_(one.of_tenant(tenant), column.is_not(None), another)


def _sealed_anew(one: SealedTable, tenant: str, held: Keys, rows: Sequence[Row[Any]]) -> list[tuple[Change, int]]:
    """The changes of a page, and how many values of each row could not be opened."""
    fields = {owner: Fields(Known(scope_of(tenant, owner), keys)) for owner, keys in held.items()}
    return [_row_anew(one, fields[one.owner(row)], row) for row in rows]


def _row_anew(one: SealedTable, fields: Fields, row: Row[Any]) -> tuple[Change, int]:
    had, row_id = dict(row._mapping), one.row_id(row)  # noqa: SLF001  # the documented name
    known: dict[str, Any] = {name: value for name, value in had.items() if not _is_sealed(one.table.c[name])}
    get: dict[str, Any] = {}
    for column in one.columns:
        box = had[column.name]
        get[column.name], known[column.name] = _value_anew(one, column.name, row_id, box, fields)
    damaged = sum(known[column.name] is None and had[column.name] is not None for column in one.columns)
    for column in one.indexes:
        get[column.name] = _index_anew(column, fields, had[column.name], known)
    kept = {name: value for name, value in had.items() if name not in {column.name for column in one.key}}
    return Change(dict(zip((c.name for c in one.key), _key(one, row), strict=True)), kept, get), damaged


def _is_sealed(column: Column[Any]) -> bool:
    told: Held | None = column.info.get("held")
    return told is not None and told.form == "sealed"


def _value_anew(
    one: SealedTable, column: str, row: str, box: bytes | None, fields: Fields
) -> tuple[bytes | None, bytes | None]:
    """The box under the current key, and what is in it. What does not open keeps its bytes under the new number."""
    if box is None:
        return None, None
    try:
        value = fields.unseal(one.table.name, column, row, box)
    except (Corrupt, Shredded):
        return head(fields.version) + box[HEAD:], None
    if sealed_version(box) == fields.version:
        return box, value
    return fields.seal(one.table.name, column, row, value), value


def _index_anew(column: Column[Any], fields: Fields, had: bytes | None, known: Mapping[str, Any]) -> bytes | None:
    made = blind_of(column)
    assert made is not None
    if had is None or any(known[name] is None for name in made.of):
        return had
    return index_of(column, fields, known) or secrets.token_bytes(32)


def _indexed(
    one: SealedTable, column: Column[Any], tenant: str, keys: tuple[KeySet, Keys], rows: Sequence[Row[Any]]
) -> list[Change]:
    """The tenant's index of a page of rows; none for those whose keys are gone: nobody finds them any more."""
    school, theirs = Fields(Known(scope_of(tenant, ""), keys[0])), keys[1]
    made = blind_of(column)
    assert made is not None
    assert made.version is not None
    changes = []
    for row in rows:
        had, owner = dict(row._mapping), one.owner(row)  # noqa: SLF001  # the documented name
        index = None
        if owner in theirs:
            fields = Fields(Known(scope_of(tenant, owner), theirs[owner]))
            known = {name: _opened(one, name, one.row_id(row), had[name], fields) for name in made.of}
            index = None if None in known.values() else index_of(column, school, known)
        key = dict(zip((c.name for c in one.key), _key(one, row), strict=True))
        changes.append(
            Change(key, {column.name: had[column.name]}, {column.name: index, made.version: keys[0].current})
        )
    return changes


def _opened(one: SealedTable, name: str, row: str, value: Any, fields: Fields) -> Any:
    if value is None or not _is_sealed(one.table.c[name]):
        return value
    try:
        return fields.unseal(one.table.name, name, row, value)
    except (Corrupt, Shredded):
        return None
