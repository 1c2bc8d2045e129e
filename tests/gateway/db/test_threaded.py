"""SQLite's connection: what it asks of its thread, and that what waits for the next statement is never lost."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.threaded import Connection


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}") as made:
        async with made.write() as tx:
            await tx.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"))
        yield made


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch, database: Database) -> list[str]:
    """One for each time that a thread is asked for something, on this test's loop: others may run in the process."""
    made: list[str] = []
    real, here = Connection._execute, threading.get_ident()

    async def counted(self: Connection, do: Callable[..., Any], *args: Any, **named: Any) -> Any:
        if threading.get_ident() == here:
            made.append(getattr(do, "__name__", ""))
        return await real(self, do, *args, **named)  # type: ignore[no-untyped-call]  # the driver does not type it

    monkeypatch.setattr(Connection, "_execute", counted)
    return made


async def names(database: Database) -> list[str]:
    async with database.read() as tx:
        return list((await tx.execute(text("SELECT name FROM t ORDER BY id"))).scalars())


async def test_a_transaction_costs_its_statements_and_its_end(database: Database, trips: list[str]) -> None:
    async with database.write() as tx:
        for name in ("one", "two"):
            async with tx.begin_nested():
                await tx.execute(text("INSERT INTO t (name) VALUES (:name)"), {"name": name})
    assert len(trips) == 3, "two statements with their savepoints, and the commit"
    assert await names(database) == ["one", "two"]


async def test_where_nothing_is_asked_nothing_is_done(database: Database, trips: list[str]) -> None:
    async with database.write() as tx, tx.begin_nested():
        pass
    assert trips == []


async def refused(tx: AsyncConnection, before: str) -> None:
    """A savepoint in which something fails after ``before``."""
    async with tx.begin_nested():
        if before:
            await tx.execute(text(before))
        await tx.execute(text("INSERT INTO t (id, name) VALUES (1, 'twice')"))


async def test_a_savepoint_takes_back_its_own_statements_only(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(text("INSERT INTO t (id, name) VALUES (1, 'kept')"))
        for doomed in ("INSERT INTO t (id, name) VALUES (2, 'lost')", "SELECT 1", ""):
            with pytest.raises(IntegrityError):
                await refused(tx, doomed)
        async with tx.begin_nested():
            await tx.execute(text("INSERT INTO t (id, name) VALUES (3, 'kept too')"))
    assert await names(database) == ["kept", "kept too"]


async def test_what_fails_before_its_first_statement_leaves_the_connection_as_new(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.write() as tx, tx.begin_nested():
            raise ZeroDivisionError
    async with database.write() as tx:
        await tx.execute(text("INSERT INTO t (name) VALUES ('later')"))
    assert await names(database) == ["later"]


async def test_rows_of_a_returning_statement_are_counted(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(text("INSERT INTO t (name) VALUES (:name)"), [{"name": "one"}, {"name": "two"}])
        found = await tx.execute(text("UPDATE t SET name = name || '!' RETURNING name"))
        assert (found.rowcount, sorted(found.scalars())) == (2, ["one!", "two!"])
