"""On PostgreSQL the work is done by processes of its own: one of them dies, another takes over what it held, and the
gateway that people talk to notices nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.databases import Server
from tests.e2e.deaths import TREE, Desk, all_is_well, open_desk, struck
from tests.e2e.processes import eventually

pytestmark = pytest.mark.both


@pytest.fixture
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """Its gateway does no work itself."""
    server = await Server.get(request.config)
    name = await server.make([])
    async with open_desk(tmp_path / "house", server.url(name), "--no-worker") as made:
        yield made
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


WITHIN = 10_000
"""Milliseconds by the database's clock in which what a dead worker held is at work again."""
_HELD = "SELECT id, attempt FROM items WHERE state = 'running' AND owner = $1"
_AGAIN = "SELECT count(*) FROM items WHERE id = $1 AND attempt > $2"
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


async def test_another_worker_takes_over(desk: Desk) -> None:
    """Killed with the bytes in the air; the other one waits for the lease to end, and not for us."""
    microsoft = desk.house.microsoft
    match = {"method": "PUT", "path": "/up/*", "after": 2, "times": 1}
    await microsoft.control("POST", "faults", [{"match": match, "do": {"latency_ms": 60_000}}])
    connection = await asyncpg.connect(desk.house.settings["FILE_ACCESS_DATABASE_URL"])
    async with desk.house.worker() as first:
        moved, job = await desk.move("Killed with its worker", TREE)
        await eventually(lambda: struck(microsoft))
        dead = await connection.fetchval("SELECT id FROM processes")
        async with desk.house.worker() as second:
            await eventually(lambda: connection.fetchval("SELECT count(*) = 2 FROM processes"))
            held, died = await connection.fetch(_HELD, dead), await connection.fetchval(_CLOCK)
            assert held
            first.kill()
            await first.wait()
            moved.nothing_is_lost()

            async def goes_on() -> int:
                again = [await connection.fetchval(_AGAIN, *item) for item in held]
                return int(await connection.fetchval(_CLOCK)) if all(again) else 0

            assert await eventually(goes_on) - died <= WITHIN
            await all_is_well(desk, moved, job)
            assert second.returncode is None
    await connection.close()
