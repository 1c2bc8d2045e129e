"""One process of many has the turn: it keeps it, passes it on, and loses it when it gives no sign any more."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import MetaData, func, select, update

from gateway.db.clock import Clock
from gateway.db.engine import Database
from gateway.db.metadata import metadata
from gateway.db.tables_work import leases
from gateway.lease import LEASE, Lease
from gateway.sweeper import Sweeper
from tests.databases import database, database_url, pytest_generate_tests
from tests.sandboxes import ROOT

__all__ = ["database", "database_url", "pytest_generate_tests"]
pytestmark = pytest.mark.both

PROCESS = """
import asyncio, sys
from gateway.db.engine import Database
from gateway.lease import Lease
from gateway.sweeper import Sweeper

async def sweep(_limit):
    print("swept", flush=True)
    return 0

async def settle():
    pass

async def main():
    async with Database(sys.argv[1]) as database:
        await Sweeper({"rows": sweep}, database.clock, settle, Lease(database, "sweep"), every=0.05).start()
        await asyncio.sleep(600)

asyncio.run(main())
"""


class Hours:
    """The time of the databases and of the processes of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        real = Database.now

        async def now(database: Database, tx: object = None) -> int:
            return await real(database, tx) + round(self.seconds * 1000)  # type: ignore[arg-type]

        monkeypatch.setattr(Database, "now", now)

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return [metadata]


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    return Hours(monkeypatch)


@pytest.fixture
async def other(database: Database, database_url: str) -> AsyncIterator[Database]:
    """What another process has of the same database; there is none on SQLite."""
    if database.dialect == "sqlite":
        pytest.skip("a SQLite database belongs to one process")
    async with Database(database_url) as opened:
        yield opened


async def test_one_has_it_until_it_passes_it_on(database: Database, other: Database) -> None:
    first, second = Lease(database, "sweep"), Lease(other, "sweep")
    assert [await first.mine(), await second.mine(), await first.mine()] == [True, False, True]
    await second.release()
    assert await second.mine() is False, "nobody gives away what is another's"
    await first.release()
    assert [await second.mine(), await first.mine()] == [True, False]
    assert await Lease(database, "something else").mine() is True


async def test_who_gives_no_sign_loses_it_and_knows(database: Database, other: Database, hours: Hours) -> None:
    first, second = Lease(database, "sweep", clock=hours), Lease(other, "sweep", clock=hours)
    assert await first.mine()
    hours.seconds += LEASE / 1000 - 1
    assert await second.mine() is False
    hours.seconds += 2  # the first one is stopped all this time
    assert await second.mine() is True
    assert await first.mine() is False, "it wakes up and looks before it goes on"


async def test_who_gives_signs_keeps_it(database: Database, other: Database, hours: Hours) -> None:
    first, second = Lease(database, "sweep", clock=hours), Lease(other, "sweep", clock=hours)
    for _ in range(10):
        assert await first.mine()
        hours.seconds += LEASE / 3000
        assert await second.mine() is False
    assert await first.mine()


async def test_one_taken_by_a_clock_that_ran_ahead_is_free(database: Database, other: Database) -> None:
    assert await Lease(database, "sweep").mine()
    async with database.write() as tx:
        await tx.execute(update(leases).values(until=leases.c.until + 365 * 86_400_000))
    assert await Lease(other, "sweep").mine() is True


async def test_a_database_of_one_process_needs_no_row(database: Database) -> None:
    if database.dialect == "postgresql":
        pytest.skip("SQLite")
    lease = Lease(database, "sweep")
    assert await lease.mine()
    await lease.release()
    async with database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(leases))).scalar_one() == 0


class Sweeping:
    """One process's sweeper, its steps counted."""

    def __init__(self, database: Database, clock: Hours | None = None) -> None:
        lease = Lease(database, "sweep") if clock is None else Lease(database, "sweep", clock=clock)
        self.steps = 0
        self.sweeper = Sweeper({"rows": self._step}, Clock(), self._settle, lease)

    async def _step(self, _limit: int) -> int:
        self.steps += 1
        return 0

    async def _settle(self) -> None:
        raise AssertionError("no clock went back")


async def test_one_of_two_sweepers_sweeps_and_the_other_follows(
    database: Database, other: Database, hours: Hours
) -> None:
    first, second = Sweeping(database, hours), Sweeping(other, hours)
    for _ in range(3):
        await first.sweeper.round()
        await second.sweeper.round()
    assert (first.steps, second.steps) == (3, 0)
    hours.seconds += LEASE / 1000 + 1
    await second.sweeper.round()
    await first.sweeper.round()
    assert (first.steps, second.steps) == (3, 1)


async def test_a_sweeper_that_stops_in_good_order_is_followed_at_once(database: Database, other: Database) -> None:
    first, second = Sweeping(database), Sweeping(other)
    await first.sweeper.start()
    while not first.steps:
        await asyncio.sleep(0.01)
    await second.sweeper.round()
    assert second.steps == 0
    await first.sweeper.close()
    await second.sweeper.round()
    assert second.steps == 1


async def test_a_killed_process_is_followed_when_its_time_is_over(
    database: Database, other: Database, database_url: str, hours: Hours
) -> None:
    """A real process sweeps, is killed amid it, and says nothing more."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, database_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"swept\n"
        second = Sweeping(other, hours)
        await second.sweeper.round()
        assert second.steps == 0
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await second.sweeper.round()
    assert second.steps == 0, "nobody knows yet that it is dead"
    hours.seconds += LEASE / 1000 + 1
    await second.sweeper.round()
    assert second.steps == 1
