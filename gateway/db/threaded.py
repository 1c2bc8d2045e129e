"""A SQLite connection in a thread of its own, to which a statement is one trip, its rows included.

The driver makes a trip for each of cursor, statement, rows and close, and each costs more than most statements do.
What opens a transaction or a savepoint waits for the first statement inside and travels with it; a transaction in
which nothing was asked makes no trip at all. It knows no table and no engine.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import aiosqlite

T = TypeVar("T")
_LATER: Final = ("BEGIN", "SAVEPOINT ", "RELEASE ")
"""Statements that can wait for the next one: they answer nothing, and nothing but a statement notices them."""


class Done:
    """A statement's outcome, brought along whole."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor | None = None) -> None:
        self.rows: list[Any] = []
        self.description: Any = None
        self.rowcount, self.lastrowid = -1, None
        if cursor is not None:
            self.description = cursor.description
            if self.description is not None:
                self.rows = cursor.fetchall()
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid  # after the rows: RETURNING counts then
            cursor.close()


class Cursor:
    """What SQLAlchemy's adapter asks of the driver's cursor."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done = Done()

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """One statement, or a note that it is to go before the next one."""
        if sql.startswith(_LATER):
            self._connection.later.append(sql)
            self._done = Done()
        else:
            self._done = await self._connection.trip(lambda connection: Done(connection.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        """One statement for each of the parameters."""
        self._done = await self._connection.trip(lambda connection: Done(connection.executemany(sql, parameters)))
        return self

    async def fetchall(self) -> list[Any]:
        """Every row."""
        return self._done.rows

    async def close(self) -> None:
        """There is nothing to be closed any more."""

    @property
    def description(self) -> Any:
        """As `sqlite3.Cursor.description`."""
        return self._done.description

    @property
    def rowcount(self) -> int:
        """As `sqlite3.Cursor.rowcount`."""
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        """As `sqlite3.Cursor.lastrowid`."""
        return self._done.lastrowid


class Connection(aiosqlite.Connection):
    """Rolls back before it closes.

    Who is cancelled inside a transaction leaves a connection that is closed in a hurry. SQLite keeps the lock of a
    closed connection for as long as a cursor of it is remembered, by the traceback of the cancellation for one, and
    nobody could write until then.
    """

    def __init__(self, path: str) -> None:
        super().__init__(partial(sqlite3.connect, path, check_same_thread=False), 64)
        self._thread.daemon = True  # as SQLAlchemy does: it must not keep the process
        self.later: list[str] = []
        """What goes before the next statement, in this order."""
        self._unsure = False

    def cursor(self) -> Any:
        """Made without a trip."""
        return Cursor(self)

    async def trip(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """Do this in the thread, after what was left for later."""
        later, self.later = self.later, []

        def run() -> T:
            connection = self._conn
            for one in later:
                connection.execute(one)
            return do(connection)

        try:
            done: T = await self._execute(run)  # type: ignore[no-untyped-call]  # the driver does not type it
            return done
        except asyncio.CancelledError:
            self._unsure = True  # it may still be running
            raise

    async def commit(self) -> None:
        """Commit what was begun. Savepoints that were left open end with it."""
        if self._is_open():
            await self.trip(sqlite3.Connection.commit)

    async def rollback(self) -> None:
        """Take back what was begun, before the next trip: nobody has to wait for it."""
        if self._is_open():
            self._roll_back()

    def _is_open(self) -> bool:
        self.later.clear()
        return self._unsure or self._conn.in_transaction

    async def close(self) -> None:
        """As the driver does, after a rollback."""
        self._roll_back()
        await super().close()

    def stop(self) -> asyncio.Future[Any] | None:
        """As the driver does, after a rollback."""
        self._roll_back()
        return super().stop()

    def _roll_back(self) -> None:
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.rollback))
