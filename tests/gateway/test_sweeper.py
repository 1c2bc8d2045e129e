"""The sweeper ends what has ended, and nothing at all while the clock that says so is doubted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, insert, select

import cache.catalog
from cache.errors import Expired, Missing
from cache.vault import Life, Scope, Vault
from gateway.app import _time_went_back
from gateway.db.clock import STEADY, Clock
from gateway.db.engine import Database
from gateway.db.metadata import metadata
from gateway.db.tables_files import cached_files
from gateway.sweeper import LONG, SMALLEST, STEP, Sweeper
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
LEO = Scope("school", "leo")
MINUTE = 60_000


class Time:
    """Seconds that go on evenly, and a clock that may be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
        self.seconds, self.begun, self.off = 0.0, time.time_ns() // 1_000_000, 0
        vars(database)["clock"] = Clock(lambda: self.seconds)
        monkeypatch.setattr("gateway.db.engine.time.time_ns", lambda: self.now * 1_000_000)

    @property
    def now(self) -> int:
        return self.begun + round(self.seconds * 1000) + self.off


@pytest.fixture
def schema() -> list[object]:
    return [cache.catalog.metadata, metadata]


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch, database: Database) -> Time:
    return Time(monkeypatch, database)


@pytest.fixture
async def vault(passing: Time, database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as opened:
        await enrol(database, opened, "school", "leo")
        yield opened


class Swept:
    """A sweeper over the vault alone."""

    def __init__(self, vault: Vault, database: Database) -> None:
        sweeps = {"objects": vault.sweep}
        self.sweeper = Sweeper(sweeps, database.clock, partial(_time_went_back, database))

    async def round(self) -> bool:
        if may := await self.sweeper.may():
            await self.sweeper.once("objects")
        return may


async def copy(vault: Vault, database: Database, life: int = 10 * MINUTE) -> str:
    """A cached copy; its object."""
    ends = await database.now() + life
    async with vault.put(LEO, Life.CACHE, ends) as writer:
        await writer.write(b"content")
        await writer.finish()
        async with database.write() as tx:
            sealed = await writer.commit(tx)
            row = {"school": "school", "person": "leo", "drive": "d", "facts": b"f", "size": 7, "stored": 1}
            await tx.execute(
                insert(cached_files).values(**row, id=sealed.id, lookup=sealed.id.encode(), object=sealed.id, ends=ends)
            )
    return sealed.id


async def read(vault: Vault, item: str) -> bytes:
    async with vault.open(LEO, item) as pieces:
        return b"".join([piece async for piece in pieces])


async def copies(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(cached_files))).scalar_one())


async def test_a_clock_that_runs_ahead_destroys_nothing(vault: Vault, database: Database, passing: Time) -> None:
    """Set to next year for some minutes: what seems to have ended is refused, and is there again after that."""
    swept, item = Swept(vault, database), await copy(vault, database)
    passing.off = 365 * 24 * 60 * MINUTE
    with pytest.raises(Expired):
        await read(vault, item)
    assert await swept.round() is False
    passing.seconds, passing.off = 120, 0
    assert await read(vault, item) == b"content"
    assert await swept.round() is True
    assert await read(vault, item) == b"content"


async def test_a_clock_that_stays_ahead_is_believed_after_an_hour(
    vault: Vault, database: Database, passing: Time
) -> None:
    swept, item = Swept(vault, database), await copy(vault, database)
    passing.off = 2 * 60 * MINUTE
    await database.now()
    passing.seconds = STEADY - 1
    await database.now()
    assert await swept.round() is False
    passing.seconds = STEADY + 1
    await database.now()
    assert await swept.round() is True
    with pytest.raises(Missing):
        await read(vault, item)


async def test_a_clock_that_goes_back_brings_no_copy_back(vault: Vault, database: Database, passing: Time) -> None:
    """What had ended stays refused while the clock is doubted, and is gone before it is believed."""
    swept, item = Swept(vault, database), await copy(vault, database)
    passing.seconds = 20 * 60
    with pytest.raises(Expired):
        await read(vault, item)
    passing.off = -60 * MINUTE
    with pytest.raises(Expired):
        await read(vault, item)
    assert await swept.round() is False
    young = await copy(vault, database)
    assert await read(vault, young) == b"content", "what is made meanwhile lasts as long as it should"
    passing.seconds += STEADY + 1
    await database.now()
    assert await swept.round() is True
    assert await copies(database) == 0
    for one in (item, young):
        with pytest.raises((Expired, Missing)):
            await read(vault, one)
    assert abs(await database.now() - passing.now) < 1000, "the earlier clock is believed now"


async def test_what_must_end_before_is_tried_again(passing: Time, database: Database) -> None:
    """A clock is not believed as long as its copies are there."""
    tries: list[int] = []

    async def fails_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError

    sweeper = Sweeper({}, database.clock, fails_once)
    await database.now()
    passing.off = -60 * MINUTE
    await database.now()
    passing.seconds = STEADY + 1
    await database.now()
    assert [await sweeper.may() for _ in range(3)] == [False, True, True]
    assert len(tries) == 2


class Rows:
    """So many ended rows of a kind."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.steps: list[int] = []

    async def __call__(self, limit: int) -> int:
        self.steps.append(limit)
        gone = min(limit, self.left)
        self.left -= gone
        return gone


async def nothing() -> None:
    """No clock went back."""


async def test_what_ends_nothing_by_time_goes_on_while_the_clock_is_doubted() -> None:
    clock, ends, goes = Clock(), Rows(1), Rows(1)
    clock.park(3_600_000)
    sweeper = Sweeper({"ends": ends}, clock, nothing, every=0.0, meanwhile={"failing": fails, "goes": goes})
    await sweeper.start()
    async with asyncio.timeout(60):
        while goes.left:
            await asyncio.sleep(0)
    await sweeper.close()
    assert ends.steps == []
    assert goes.steps[0] == STEP


async def fails(_limit: int) -> int:
    raise OSError


async def test_a_kind_goes_on_as_long_as_its_steps_are_full() -> None:
    many, few, none = Rows(5 * STEP + 1), Rows(3), Rows(0)
    sweeper = Sweeper({"few": few, "failing": fails, "many": many, "none": none}, Clock(), nothing, every=600)
    await sweeper.round()
    assert (many.left, few.left) == (0, 0)
    assert len(many.steps) >= 6
    assert max(many.steps) == STEP
    assert (len(few.steps), len(none.steps)) == (1, 1), "what is empty waits for the next round"


async def test_a_round_ends_so_that_no_kind_waits_for_another() -> None:
    endless, other = Rows(1_000_000), Rows(0)
    sweeper = Sweeper({"endless": endless, "other": other}, Clock(), nothing, every=0.0)
    for _ in range(3):
        await sweeper.round()
    assert (len(endless.steps), len(other.steps)) == (3, 3)


class Slow:
    """Steps of that many seconds for a row, and for the step itself; nothing waits for real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, row: float, step: float) -> None:
        self.row, self.step, self.now, self.rows = row, step, 0.0, Rows(1_000_000)
        monkeypatch.setattr("gateway.sweeper.time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr("gateway.sweeper.REST", 0.0)
        monkeypatch.setattr("gateway.sweeper.asyncio", SimpleNamespace(sleep=self._sleep))
        self.rests: list[float] = []
        self.sweeper = Sweeper({"rows": self}, Clock(), nothing, every=0.0)

    async def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def __call__(self, limit: int) -> int:
        self.now += limit * self.row + self.step
        return await self.rows(limit)

    async def steps(self, count: int) -> list[int]:
        """Sizes of the next steps."""
        self.rows.steps.clear()
        for _ in range(count):
            await self.sweeper.round()
        return self.rows.steps


async def test_steps_that_take_long_become_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch, LONG / (SMALLEST + 1), 0.0)
    assert await slow.steps(8) == [500, 250, 125, 62, 50, 100, 50, 100]
    slow.row = 0.0
    assert await slow.steps(5) == [50, 100, 200, 400, 500]


async def test_steps_stay_large_where_small_ones_take_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those do that ask a bucket far away."""
    assert await Slow(monkeypatch, 0.0, 4 * LONG).steps(6) == [500, 250, 500, 250, 500, 250]


async def test_after_each_step_is_a_rest_as_long_as_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch, 0.0, 0.07)
    await slow.steps(3)
    assert slow.rests == pytest.approx([0.07, 0.07, 0.07])


async def test_a_clock_that_jumps_amid_a_round_ends_it(passing: Time, database: Database) -> None:
    async def jumps(_limit: int) -> int:
        passing.off = 60 * MINUTE
        await database.now()
        return 0

    await database.now()
    after = Rows(1)
    await Sweeper({"jumps": jumps, "after": after}, database.clock, nothing).round()
    assert after.steps == []


async def test_who_doubts_the_clock_lets_another_process_sweep(passing: Time, database: Database) -> None:
    released = asyncio.Event()

    class Mine:
        async def mine(self) -> bool:
            raise AssertionError("nothing may end now")

        async def release(self) -> None:
            released.set()

    await database.now()
    passing.off = 60 * MINUTE
    await database.now()
    sweeper = Sweeper({"rows": Rows(1)}, database.clock, nothing, Mine())
    await sweeper.start()
    await released.wait()
    await sweeper.close()


async def test_a_database_that_is_away_keeps_its_sweeps_waiting() -> None:
    class Away:
        async def mine(self) -> bool:
            raise OSError

        async def release(self) -> None:
            raise OSError

    rows = Rows(1)
    sweeper = Sweeper({"rows": rows}, Clock(), nothing, Away())
    await sweeper.round()
    assert rows.steps == []
    await sweeper.start()
    await sweeper.close()
