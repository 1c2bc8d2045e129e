"""The one way to the database, SQLite or PostgreSQL: short transactions, the database's clock, nothing left behind.

It knows no table. SQLite belongs to exactly one gateway process, which a lock on a file beside the database enforces;
reads there run on connections that cannot write, writes one after the other. No network or blob traffic belongs inside
a transaction.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.db.address import Address, Dialect, parse

_BUSY_MS: Final = 10_000
# secure_delete overwrites deleted rows, temp_store keeps sorted plaintext off the disk, FULL survives power loss.
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)


class DatabaseInUse(RuntimeError):
    """Another gateway process holds this SQLite database."""


class Database:
    """Transactions on one database. Start it before use, close it after; both are what ``async with`` does."""

    def __init__(self, url: str, *, readers: int = 4, pool: int = 10) -> None:
        """``readers`` connections for SQLite's reads, ``pool`` connections for PostgreSQL. BadDatabaseUrl."""
        self.address: Final[Address] = parse(url)
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._lock: int | None = None
        if self.dialect == "sqlite":
            self._write_engine = _sqlite(self.address, 1, "BEGIN IMMEDIATE", ())
            self._read_engine = _sqlite(self.address, readers, "BEGIN", ("PRAGMA query_only=ON",))
        else:
            self._write_engine = _postgresql(self.address, pool)
            self._read_engine = self._write_engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def dialect(self) -> Dialect:
        """Which database this is, for the few statements that differ."""
        return self.address.dialect

    async def start(self) -> None:
        """Take the lock and prove that the database answers. DatabaseInUse."""
        if self.address.path is not None:
            self._lock = await asyncio.to_thread(_claim, self.address.path)
        async with self.write() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Return every connection and the lock."""
        await self._read_engine.dispose()
        await self._write_engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot; it cannot write."""
        async with self._read_engine.connect() as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end, rolls back on an exception. On SQLite one at a time, so a nested one is an error."""
        if self.dialect == "postgresql":
            async with self._write_engine.begin() as tx:
                yield tx
            return
        if self._writer is not None and self._writer is asyncio.current_task():
            raise RuntimeError("a write transaction inside another one would wait for itself")
        async with self._writing:
            self._writer = asyncio.current_task()
            try:
                async with self._write_engine.begin() as tx:
                    yield tx
            finally:
                self._writer = None

    async def now(self, tx: AsyncConnection | None = None) -> int:
        """The database's clock in epoch milliseconds. SQLite runs inside this process: its clock is the machine's."""
        if self.dialect == "sqlite":
            return time.time_ns() // 1_000_000
        if tx is not None:
            return await _clock(tx)
        async with self._write_engine.connect() as own:
            return await _clock(own)

    async def create_all(self, metadatas: Iterable[MetaData]) -> None:
        """Every table of the storeys, without migrations: for tests."""
        async with self.write() as tx:
            for metadata in metadatas:
                await tx.run_sync(metadata.create_all)

    async def checkpoint(self, patience: float = 5.0) -> bool:
        """Empty SQLite's write-ahead log, so that nothing deleted is left in it; wait ``patience`` seconds for readers.

        False where a long read prevents it: try again later. PostgreSQL keeps deleted bytes in heap and WAL whatever is
        done here: there only the death of a key helps.
        """
        if self.dialect == "postgresql":
            return True
        async with self._writing, self._write_engine.connect() as tx:
            driver = (await tx.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
            try:
                cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy = (await cursor.fetchone())[0]
                await cursor.close()
            finally:
                await driver.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        return not busy


async def _clock(tx: AsyncConnection) -> int:
    found = await tx.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"))
    return int(found.scalar_one())


def _sqlite(address: Address, size: int, begin: str, extra: tuple[str, ...]) -> AsyncEngine:
    """An engine whose transactions start with ``begin``: the driver's own late BEGIN would make readers of writers."""
    engine = create_async_engine(
        address.url, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *extra):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql(address: Address, size: int) -> AsyncEngine:
    return create_async_engine(
        address.url,
        connect_args=address.connect,
        pool_size=size,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _claim(path: Path) -> int:
    """Hold the file beside the database for as long as this process lives; the database itself is the owner's alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DatabaseInUse(
            "another gateway process uses this SQLite database. SQLite serves exactly one process; "
            "stop the other one, or use PostgreSQL to run several"
        ) from None
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return lock
