"""The sealed columns and blind indexes of all tables, read off the tags that the inventory demands.

Whoever replaces a key finds here everything that is under it: which table, under whose key, for which row, and what an
index is made of. A column that does not tell makes this fail, and so the start and a test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, MetaData, Row, Table, and_, func, literal, or_, true

from cache.fields import HEAD, Fields, head
from cache.inventory import Blind, Held, Sealing
from cache.model import Scope


@dataclass(frozen=True, slots=True)
class SealedTable:
    """One table: its sealed ``columns``, ``indexes`` that go with them, and ``foreign`` ones under the tenant's key."""

    table: Table
    sealing: Sealing
    columns: tuple[Column[Any], ...]
    indexes: tuple[Column[Any], ...]
    foreign: tuple[Column[Any], ...]

    @property
    def key(self) -> tuple[Column[Any], ...]:
        """The primary key."""
        return tuple(self.table.primary_key.columns)

    @property
    def subject(self) -> ColumnElement[Any]:
        """The column that says whose a row is."""
        return literal("") if self.sealing.subject is None else self.table.c[self.sealing.subject]

    def row_id(self, row: Row[Any]) -> str:
        """What stands for a row in the associated data."""
        value = row._mapping[self.sealing.row]  # noqa: SLF001  # the documented name
        return value.hex() if isinstance(value, bytes) else str(value)

    def owner(self, row: Row[Any]) -> str:
        """The subject of a row, '' for the tenant's own."""
        return "" if self.sealing.subject is None else row._mapping[self.sealing.subject] or ""  # noqa: SLF001

    def of_tenant(self, tenant: str) -> ColumnElement[bool]:
        """Rows of a tenant and all its subjects."""
        if self.sealing.tenant is None:
            return literal(tenant) == literal(self.sealing.always)
        return self.table.c[self.sealing.tenant] == tenant

    def mine(self, tenant: str, owners: Collection[str]) -> ColumnElement[bool]:
        """Rows under the keys of these subjects; '' for the tenant's own."""
        if self.sealing.subject is None:
            return self.of_tenant(tenant) if "" in owners else ~true()
        column = self.table.c[self.sealing.subject]
        whose = column.in_(owners)
        return and_(self.of_tenant(tenant), or_(whose, column.is_(None)) if "" in owners else whose)

    def stale(self, tenant: str, versions: Mapping[str, int]) -> ColumnElement[bool]:
        """Rows that hold something under another key of its subject than these."""
        groups: dict[int, list[str]] = {}
        for owner, version in versions.items():
            groups.setdefault(version, []).append(owner)
        found = [and_(self.mine(tenant, owners), self._under_another(version)) for version, owners in groups.items()]
        return or_(*found) if found else ~true()

    def _under_another(self, version: int) -> ColumnElement[bool]:
        begins = [func.substr(column, 1, HEAD, type_=LargeBinary) for column in self.columns]
        return or_(*(begin != literal(head(version), LargeBinary) for begin in begins))


def blind_of(column: Column[Any]) -> Blind | None:
    """What an index is made of; None where it is under a secret of its own."""
    found: Blind | None = column.info["blind"]
    return found


def index_of(column: Column[Any], fields: Fields, opened: Mapping[str, Any]) -> bytes | None:
    """The index made anew; None where its row need not be found by it again."""
    made = blind_of(column)
    assert made is not None
    if made.value is None:
        return None
    return fields.index(made.label, made.value(*(opened[name] for name in made.of)))


def scope_of(tenant: str, owner: str) -> Scope:
    """A scope from what stands in rows."""
    return Scope(tenant, owner or None)


def sealed_tables(metadatas: Iterable[MetaData]) -> tuple[SealedTable, ...]:
    """All tables with something sealed or indexed in them. LookupError where a tag is missing."""
    found = (_sealed(table) for metadata in metadatas for table in metadata.sorted_tables)
    return tuple(one for one in found if one is not None)


def _sealed(table: Table) -> SealedTable | None:
    sealed = tuple(column for column in table.columns if _form(column) == "sealed")
    indexes = tuple(column for column in table.columns if _form(column) == "index")
    for column in indexes:
        if "blind" not in column.info:
            raise LookupError(f"{column}: an index must tell what it is made of (cache.inventory.blind)")
    made = [column for column in indexes if blind_of(column) is not None]
    if not sealed and not made:
        return None
    if "sealing" not in table.info:
        raise LookupError(f"{table.name}: it must tell under whose key it is sealed (cache.inventory.sealed_by)")
    return SealedTable(
        table,
        table.info["sealing"],
        sealed,
        tuple(column for column in made if _version(column) is None),
        tuple(column for column in made if _version(column) is not None),
    )


def _form(column: Column[Any]) -> str | None:
    told: Held | None = column.info.get("held")
    return None if told is None else told.form


def _version(column: Column[Any]) -> str | None:
    made = blind_of(column)
    return None if made is None else made.version
