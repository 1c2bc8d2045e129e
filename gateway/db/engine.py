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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import asyncpg
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import MetaData, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_

from gateway.db.address import Address, Dialect, parse
from gateway.db.clock import Clock
from gateway.db.threaded import Connection

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
_QUERY_ONLY: Final = ("PRAGMA query_only=ON",)
_SNAPSHOT: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class DatabaseInUse(RuntimeError):
    """Another gateway process holds this SQLite database."""


class DatabaseUnreachable(OSError):
    """No connection to the database could be made. ``orig`` is what the driver said; it may name the address."""

    def __init__(self, orig: BaseException) -> None:
        super().__init__("the database cannot be reached")
        self.orig = orig


class Database:
    """Transactions on one database. Start it before use, close it after; both are what ``async with`` does."""

    def __init__(self, url: str, *, readers: int = 4, pool: int = 10, beside: bool = False) -> None:
        """``readers`` connections for SQLite's reads; ``pool`` each for PostgreSQL's reads and writes. BadDatabaseUrl.

        ``beside``: a gateway may be running on it; for commands that read, and write an entry of the ledger at most.

        A read inside another transaction has connections of its own, else those who wait for a second one could hold
        all the first ones. There are hardly more of them than outer transactions.
        """
        self.address: Final[Address] = parse(url)
        self._beside = beside
        self.clock: Final = Clock()
        self._writing = asyncio.Lock()
        self._held: dict[asyncio.Task[Any] | None, list[str]] = {}
        self._lock: int | None = None
        self._looks: list[Callable[[], Awaitable[None] | None]] = []
        if self.dialect == "sqlite":
            self._write_engine = _sqlite(self.address, 1, "BEGIN IMMEDIATE", ())
            self._read_engine = _sqlite(self.address, readers, "BEGIN", _QUERY_ONLY)
            self._inner_engine = _sqlite(self.address, readers, "BEGIN", _QUERY_ONLY, overflow=-1)
        else:
            self._write_engine = _postgresql(self.address, pool)
            self._read_engine = _postgresql(self.address, pool, **_SNAPSHOT)
            self._inner_engine = _postgresql(self.address, pool, overflow=-1, **_SNAPSHOT)
        for engine in (self._write_engine, self._read_engine, self._inner_engine):
            event.listen(engine.sync_engine, "after_cursor_execute", self._after_statement)

    @property
    def dialect(self) -> Dialect:
        """Which database this is, for the few statements that differ."""
        return self.address.dialect

    async def start(self) -> None:
        """Take the lock and prove that the database answers. DatabaseInUse; FileNotFoundError beside nothing."""
        if self._beside:
            await asyncio.to_thread(_require, self.address.path)
        elif self.address.path is not None:
            self._lock = await asyncio.to_thread(_claim, self.address.path)
        async with self.write() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Return every connection and the lock."""
        for engine in (self._inner_engine, self._read_engine, self._write_engine):
            await engine.dispose()
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
    async def read(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """One snapshot; it cannot write. Inside a `write` it sees what was committed before.

        ``urgent``: others may be waiting for it inside their transactions, so it waits for no connection of theirs.
        """
        inner = urgent or asyncio.current_task() in self._held
        engine = self._inner_engine if inner else self._read_engine
        async with _reached(engine.connect()) as tx:
            with self._holding("read"):
                yield tx
        await self._after_transaction()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end, rolls back on an exception; a nested one is an error. On SQLite one at a time."""
        if "write" in self._held.get(asyncio.current_task(), ()):
            raise RuntimeError("a write transaction inside another one would wait for itself")
        async with self._turn(), _reached(self._write_engine.begin()) as tx:
            with self._holding("write"):
                yield tx
        await self._after_transaction()

    def after_waits(self, look: Callable[[], Awaitable[None] | None]) -> Callable[[], None]:
        """Call ``look`` whenever a statement or a transaction has been waited for, before its caller goes on.

        What it gives is awaited; it may read. What comes back ends this, once.
        """
        self._looks.append(look)

        def leave() -> None:
            if look in self._looks:
                self._looks.remove(look)

        return leave

    def _after_statement(self, *_: object) -> None:
        for look in tuple(self._looks):
            if (wanted := look()) is not None:
                await_(wanted)

    async def _after_transaction(self) -> None:
        for look in tuple(self._looks):
            if (wanted := look()) is not None:
                await wanted

    @asynccontextmanager
    async def alone(self, key: int) -> AsyncIterator[None]:
        """Nobody else does what ``key`` stands for at the same time, in any process of this database."""
        if self.dialect == "sqlite":  # it belongs to one process
            yield
            return
        async with self.read() as tx:
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield

    def _turn(self) -> AbstractAsyncContextManager[Any]:
        return self._writing if self.dialect == "sqlite" else nullcontext()

    @contextmanager
    def _holding(self, kind: str) -> Iterator[None]:
        task = asyncio.current_task()
        self._held.setdefault(task, []).append(kind)
        try:
            yield
        finally:
            self._held[task].remove(kind)
            if not self._held[task]:
                del self._held[task]

    async def now(self, tx: AsyncConnection | None = None) -> int:
        """The database's clock in epoch milliseconds, as `clock` believes it.

        SQLite runs inside this process: its clock is the machine's.
        """
        if self.dialect == "sqlite":
            return self.clock.told(time.time_ns() // 1_000_000)
        if tx is not None:
            return self.clock.told(await _clock(tx))
        async with self.read() as own:
            return self.clock.told(await _clock(own))

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


@asynccontextmanager
async def _reached(opening: AbstractAsyncContextManager[AsyncConnection]) -> AsyncIterator[AsyncConnection]:
    """The transaction. DatabaseUnreachable: a socket's error would else look like that of whoever asked us."""
    async with AsyncExitStack() as stack:
        try:
            tx = await stack.enter_async_context(opening)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnreachable(error) from error
        yield tx


async def _clock(tx: AsyncConnection) -> int:
    found = await tx.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"))
    return int(found.scalar_one())


def _sqlite(address: Address, size: int, begin: str, extra: tuple[str, ...], *, overflow: int = 0) -> AsyncEngine:
    """An engine whose transactions start with ``begin``: the driver's own late BEGIN would make readers of writers."""
    engine = create_async_engine(
        address.url,
        async_creator=partial(_opened, str(address.path)),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=overflow,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *extra):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: SyncConnection) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def _opened(path: str) -> Connection:
    connection = Connection(path)
    await connection
    return connection


def _postgresql(address: Address, size: int, *, overflow: int = 0, **options: Any) -> AsyncEngine:
    return create_async_engine(
        address.url,
        connect_args=address.connect,
        pool_size=size,
        max_overflow=overflow,
        pool_pre_ping=True,
        hide_parameters=True,
        execution_options=options,
    )


def _require(path: Path | None) -> None:
    """Beside a gateway nothing is made: FileNotFoundError where SQLite's file is not there."""
    if path is not None and not path.is_file():
        raise FileNotFoundError("there is no database yet")


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
