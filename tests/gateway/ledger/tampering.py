"""What somebody does to a ledger who can write to the database but has no key: statements that tests try one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, delete, insert, select, update

from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries, ledger_heads


async def rows(database: Database, table: Table, school: str) -> list[dict[str, Any]]:
    """A school's rows, in order."""
    async with database.read() as tx:
        found = await tx.execute(select(table).where(table.c.school == school).order_by(table.c.sequence))
        return [dict(row) for row in found.mappings()]


async def put(database: Database, table: Table, row: Mapping[str, Any]) -> None:
    """One row more."""
    async with database.write() as tx:
        await tx.execute(insert(table).values(**row))


async def change(database: Database, table: Table, school: str, sequence: int, /, **values: Any) -> None:
    """Other values in one row."""
    mine = (table.c.school == school) & (table.c.sequence == sequence)
    async with database.write() as tx:
        assert (await tx.execute(update(table).where(mine).values(**values))).rowcount == 1


async def drop(database: Database, table: Table, school: str, places: Sequence[int]) -> None:
    """Rows fewer."""
    async with database.write() as tx:
        await tx.execute(delete(table).where(table.c.school == school, table.c.sequence.in_(places)))


async def head(database: Database, school: str, /, **values: Any) -> None:
    """Another end."""
    async with database.write() as tx:
        await tx.execute(update(ledger_heads).where(ledger_heads.c.school == school).values(**values))


async def copy_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    """The three tables as they are: an older backup."""
    async with database.read() as tx:
        return {
            table.name: [dict(row) for row in (await tx.execute(select(table))).mappings()]
            for table in (ledger_entries, ledger_heads, ledger_checkpoints)
        }


async def put_back(database: Database, copy: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """The tables as they were."""
    async with database.write() as tx:
        for table in (ledger_entries, ledger_heads, ledger_checkpoints):
            await tx.execute(delete(table))
            if copy[table.name]:
                await tx.execute(insert(table), [dict(row) for row in copy[table.name]])


def other(column: Column[Any], value: Any) -> Any:
    """Another value that the column takes."""
    match value:
        case None:
            return b"\0" * 32 if column.type.python_type is bytes else 1 if column.type.python_type is int else "x"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case int():
            return value + 1
        case str():
            return ("a" if value[:1] != "a" else "b") + value[1:]
    raise AssertionError(column)
