"""Rows in every table of a person, each value of its own, and sealed where the table says so: nothing may be missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.fields import Fields
from cache.model import Scope
from gateway.rights.sections import Part

OWNERS = ("person", "subject")
SCHOOLS = ("school", "tenant")


class Filler:
    """Makes rows whose values are told apart: texts name their column, numbers and bytes come from a counter."""

    def __init__(self, scope: Scope, own: Fields, lasting: Fields) -> None:
        """``own``, ``lasting``: what seals columns of the person, and what they never seal anew."""
        self.scope = scope
        self.own = own
        self.lasting = lasting
        self.number = 1_000_000
        self.parents: dict[str, Any] = {}

    async def fill(self, tx: AsyncConnection, part: Part, **given: Any) -> dict[str, Any]:
        """A row about the person, below one of each table that it belongs to; what it says, sealed values as text."""
        table = part.table
        for parent in {key.column.table for key in table.foreign_keys} - {table}:
            if parent.name not in (*self.parents, "persons", "schools"):
                await self.fill(tx, Part(parent, part.mine))
        row: dict[str, Any] = {}
        for column in table.columns:
            row[column.name] = given[column.name] if column.name in given else self._value(table, column)
        plain = dict(row)
        for column in table.columns:
            if column.info["held"].form == "sealed":
                plain[column.name] = f"{table.name}.{column.name} opened"
                sealing = table.info["sealing"]
                name, fields = row[sealing.row], self.lasting if sealing.lasting else self.own
                key = name if isinstance(name, str) else name.hex()
                row[column.name] = fields.seal(table.name, column.name, key, plain[column.name])
        await tx.execute(insert(table).values(**row))
        self.parents[table.name] = row
        return plain

    def _value(self, table: Table, column: Column[Any]) -> Any:
        if column.name in SCHOOLS:
            return self.scope.tenant
        if column.name in OWNERS:
            return self.scope.subject
        for key in column.foreign_keys:
            if key.column.table.name in self.parents:
                return self.parents[key.column.table.name][key.column.name]
            if key.column.table.name == "persons":
                return self.scope.subject
        self.number += 1
        match column.type:
            case Boolean():
                return True
            case BigInteger() | Integer():
                return self.number
            case LargeBinary():
                return self.number.to_bytes(32, "big")
        return f"{self.number:032}"[-(column.type.length or 32) :]  # type: ignore[attr-defined]  # all others are text


def shown(plain: Mapping[str, Any]) -> dict[str, Any]:
    """As a review shows it: bytes in hexadecimal."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in plain.items()}
