"""Many rows changed by one statement, each only where it still is what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Column, Table, and_, bindparam, cast, column, func, update
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Change:
    """One row: its ``key``, the values it ``had`` when it was read, and those it is to ``get``; by column name."""

    key: Mapping[str, Any]
    had: Mapping[str, Any]
    get: Mapping[str, Any]


async def change_all(tx: AsyncConnection, table: Table, changes: Sequence[Change]) -> None:
    """Make them; all name the same columns. A row that is gone, or no longer what it was, stays as it is."""
    if not changes:
        return
    parts = {"key": changes[0].key, "had": changes[0].had, "get": changes[0].get}
    columns = [(f"{part}_{name}", table.c[name]) for part, names in parts.items() for name in names]
    values = [_flat(change) for change in changes]
    if tx.dialect.name == "postgresql":
        await tx.execute(_from_arrays(table, columns, parts, values))
    else:
        where, given = _conditions(table, parts, {name: bindparam(name) for name, _ in columns})
        await tx.execute(update(table).where(where).values(given), values)


def _flat(change: Change) -> dict[str, Any]:
    parts = {"key": change.key, "had": change.had, "get": change.get}
    return {f"{part}_{name}": value for part, values in parts.items() for name, value in values.items()}


def _conditions(table: Table, parts: Mapping[str, Mapping[str, Any]], new: Mapping[str, Any]) -> tuple[Any, Any]:
    same = [table.c[name] == new[f"key_{name}"] for name in parts["key"]]
    same += [table.c[name].is_not_distinct_from(new[f"had_{name}"]) for name in parts["had"]]
    return and_(*same), {table.c[name]: new[f"get_{name}"] for name in parts["get"]}


def _from_arrays(
    table: Table,
    columns: Sequence[tuple[str, Column[Any]]],
    parts: Mapping[str, Mapping[str, Any]],
    values: Sequence[Mapping[str, Any]],
) -> Any:
    """PostgreSQL: one array for each column."""
    arrays = []
    for name, of in columns:
        kind = ARRAY(of.type)
        arrays.append(cast(bindparam(name, [row[name] for row in values], type_=kind), kind))
    new = func.unnest(*arrays).table_valued(*(column(name, of.type) for name, of in columns)).render_derived(name="new")
    where, given = _conditions(table, parts, {name: new.c[name] for name, _ in columns})
    return update(table).where(where).values(given)
