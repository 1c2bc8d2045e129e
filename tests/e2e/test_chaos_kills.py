"""kill -9 and SIGSTOP at seeded points, again and again, with SQLite and with PostgreSQL: whatever is under way then.

The seed is in the test's name; what was struck is printed where a test fails.
"""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests import soak
from tests.databases import Server
from tests.e2e.stores import open_stores
from tests.e2e.storms import LEGS, open_storm

pytestmark = pytest.mark.slow

BESIDE = ("gateway", "gateway", "google", "microsoft")
APART = ("worker", "worker", "worker", "worker", "gateway", "google", "microsoft", "sleep")


@pytest.mark.parametrize("seed", soak.storms())
async def test_a_storm_over_one_process(tmp_path: Path, seed: int) -> None:
    """SQLite and a folder: the gateway does the work itself."""
    async with open_storm(tmp_path / "house", seed, BESIDE) as storm:
        await storm.rage(soak.ON_SQLITE)


@pytest.mark.both
@pytest.mark.parametrize("seed", soak.storms())
async def test_a_storm_over_many_machines(request: pytest.FixtureRequest, tmp_path: Path, seed: int) -> None:
    """PostgreSQL: workers beside the gateway, of which some sleep past their lease and wake up.

    Every other seed of the long run also has the bucket and the Redis of many machines.
    """
    server = await Server.get(request.config)
    name = await server.make([])
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(tmp_path / "stores")) if seed % 2 == 0 else None
        opening = open_storm(tmp_path / "house", seed, APART, server.url(name), workers=2, stores=stores)
        storm = await stack.enter_async_context(opening)
        await storm.rage(soak.ON_POSTGRESQL)
        assert 0 < storm.slept <= soak.SLEEPERS
        assert "worker.lost_lease" in storm.house.log.read_text(), "nobody noticed that it had slept"
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_so_many_are_killed() -> None:
    """In every run at least 50, in the long one at least 200, over both databases."""
    script = (Path(__file__).parents[2] / "scripts" / "soak").read_text()
    [usual] = re.findall(r"FILE_ACCESS_SOAK:-([0-9]+)", script)
    assert len(LEGS) == soak.LEGS
    assert APART.count("sleep") * (soak.ON_POSTGRESQL * soak.LEGS // len(APART) + 1) == soak.SLEEPERS
    assert soak.kills(1) >= 50
    assert soak.kills(int(usual)) >= 200
