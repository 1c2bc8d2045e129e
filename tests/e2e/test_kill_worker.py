"""On PostgreSQL the work is done by processes of its own: one of them dies, another takes over what it held, and the
gateway that people talk to notices nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import Server
from tests.e2e.deaths import HOLD, TREE, Desk, all_is_well, open_desk, struck
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


async def test_another_worker_takes_over(desk: Desk) -> None:
    """Killed with the bytes in the air; the other one waits for the lease to end, and not for us."""
    microsoft = desk.house.microsoft
    rule = {"match": {"method": "PUT", "path": "/up/*", "after": 2, "times": 1}, "do": HOLD}
    await microsoft.control("POST", "faults", [rule])
    async with desk.house.worker() as first:
        moved, job = await desk.move("Killed with its worker", TREE)
        await eventually(lambda: struck(microsoft))
        async with desk.house.worker() as second:
            first.kill()
            await first.wait()
            moved.nothing_is_lost()
            await all_is_well(desk, moved, job)
            assert second.returncode is None
