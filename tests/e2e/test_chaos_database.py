"""The database goes away in the middle, again and again: its connections end, it crashes, it is locked for seconds."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from tests import soak
from tests.databases import Server
from tests.e2e.storms import open_storm

pytestmark = pytest.mark.slow

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
)


@pytest.mark.both
@pytest.mark.parametrize("seed", soak.storms())
async def test_connections_end_and_the_server_crashes(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int
) -> None:
    """PostgreSQL: every third time the server itself, else all connections at once."""
    server, turn = await Server.get(request.config), count(1)
    name = await server.make([])
    await server.run(f"ALTER DATABASE {name} SET synchronous_commit = on")  # as a real one: what was told is kept
    async with open_storm(tmp_path / "house", seed, ("trouble",), server.url(name)) as storm:

        async def trouble() -> None:
            if next(turn) % 3:
                await server.run(TERMINATE.format(name=name))
            else:
                await asyncio.to_thread(server.crash)

        storm.trouble, storm.large = trouble, 0
        await storm.rage(3)
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("seed", soak.storms())
async def test_it_is_locked_for_seconds(tmp_path: Path, seed: int) -> None:
    """SQLite: somebody else holds its only lock, for shorter and for longer than a lease."""
    async with open_storm(tmp_path / "house", seed, ("trouble",)) as storm:
        path, durations = storm.house.ours / "gateway" / "gateway.db", [2.0, 6.5, 1.0]

        def lock(seconds: float) -> None:
            with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                database.execute("ROLLBACK")

        async def trouble() -> None:
            await asyncio.to_thread(lock, durations.pop())

        storm.trouble, storm.large = trouble, 0
        await storm.rage(1)
