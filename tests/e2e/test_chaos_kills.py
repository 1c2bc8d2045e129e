"""kill -9 and SIGSTOP at seeded points, again and again, with SQLite and with PostgreSQL: whatever is under way then.

The seed is in the test's name; what was struck is printed where a test fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Server
from tests.e2e.storms import open_storm
from tests.soak import FACTOR

pytestmark = pytest.mark.slow

SEEDS = range(1, 2 + FACTOR // 4)
ON_SQLITE, ON_POSTGRESQL = 4, 5
"""Strikes for each of three legs."""
BESIDE = ("gateway", "gateway", "google", "microsoft")
APART = ("worker", "worker", "worker", "worker", "gateway", "google", "microsoft", "sleep")


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_over_one_process(tmp_path: Path, seed: int) -> None:
    """SQLite: the gateway does the work itself."""
    async with open_storm(tmp_path / "house", seed, BESIDE) as storm:
        await storm.rage(ON_SQLITE)


@pytest.mark.both
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_over_workers(request: pytest.FixtureRequest, tmp_path: Path, seed: int) -> None:
    """PostgreSQL: workers beside the gateway, some of which sleep past their lease and wake up again."""
    server = await Server.get(request.config)
    name = await server.make([])
    async with open_storm(tmp_path / "house", seed, APART, server.url(name), workers=2) as storm:
        await storm.rage(ON_POSTGRESQL)
        assert storm.slept
        assert "worker.lost_lease" in storm.house.log.read_text(), "nobody noticed that it had slept"
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")
