"""A cycle that is killed anywhere: nothing is lost meanwhile, and another process goes on where it stood."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import cycles
from cache.lease import LEASE_MS
from cache.vault import Scope
from gateway.db.engine import Database
from tests.cache.conftest import Clocked
from tests.cache.rotating import SCHEMA, Turning, turning
from tests.soak import FACTOR

SCHOOL = Scope("school", None)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path) as made:
        yield made


class Killed(BaseException):
    """The process is no more."""


class Dying(Clocked):
    """A database whose process dies in its ``last`` transaction that writes: before its commit, or after it."""

    def __init__(self, house: Turning, last: int, *, before: bool) -> None:
        super().__init__(house.database._inner)
        self.ahead = house.database.ahead
        self.left = last
        self._before = before
        self.write = self._write

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        self.left -= 1
        async with self._inner.write() as tx:
            yield tx
            if self.left <= 0 and self._before:
                raise Killed
        if self.left <= 0:
            raise Killed


async def fill(house: Turning) -> dict[str, Any]:
    """Something of every kind."""
    found = {"file": await house.keep(b"file"), "shared": await house.keep(b"shared", scope=SCHOOL)}
    await house.write("one", "Hello")
    await house.write("two", "Notice", SCHOOL)
    await house.card("ada", "Ada")
    await house.log("1", "done")
    return found


async def whole(house: Turning, found: dict[str, Any]) -> None:
    """All of it can be read and found, by a process that has heard of what was announced."""
    await house.keyring.watch.refresh()
    assert await house.get(found["file"]) == b"file"
    assert await house.get(found["shared"], scope=SCHOOL) == b"shared"
    assert await house.read("one") == ("Hello", "text of Hello")
    assert await house.read("two", SCHOOL) == ("Notice", "text of Notice")
    assert (await house.find("Hello"), await house.find("Notice", SCHOOL)) == (["one"], ["two"])
    assert await house.who("Ada") == ["ada"]
    fields = await house.vault.records(house.scope)
    assert fields.version


@pytest.mark.both
@pytest.mark.parametrize("before", [True, False], ids=["rolled-back", "committed"])
async def test_killed_at_every_transaction(house: Turning, *, before: bool) -> None:
    """On PostgreSQL at every third, but under ./scripts/soak."""
    stride = 3 if FACTOR == 1 and house.database._inner.dialect == "postgresql" else 1
    found, last = await fill(house), 0
    while True:
        last += stride
        await house.cycles.rekey([house.scope], compromised=True)  # so that every step has something to do
        survived = await _lives(house, last, before=before)
        await whole(house, found)
        house.database.ahead += LEASE_MS + 1
        async with house.database.read() as tx:
            begun = (await tx.execute(select(cycles.c.id).where(cycles.c.finished.is_(None)))).first()
        assert begun or await house.cycles.begin() or survived
        assert await house.cycles.run() or survived
        await whole(house, found)
        now = await house.versions()
        assert {state for _, _, state in now["tenants"] + now["subjects"]} == {"current"}
        assert [state for _, state in now["roots"]][-2:] == ["retired", "current"]
        if survived:
            break
    assert last > 20, "there are as many transactions at least"


async def _lives(house: Turning, last: int, *, before: bool) -> bool:
    """A process that works until it is killed. True where the cycle was over before that."""
    dying = Dying(house, 1_000_000, before=before)
    vault, _, turning_ = house.other(database=dying)
    await vault.start()
    dying.left = last
    try:
        assert await turning_.begin()
        return await turning_.run()
    except Killed:
        return False
    finally:
        dying.left = 1_000_000
        await vault.close()


@pytest.mark.both
async def test_killed_for_real_again_and_again(house: Turning, database_url: str) -> None:
    found = await fill(house)
    await house.cycles.rekey([house.scope], compromised=True)
    where = {"database": database_url, "folder": str(house.folder)}
    if database_url.startswith("sqlite"):
        await house.vault.close()
        await house.database._inner.close()
    deaths = 0
    for ahead in range(0, 100 * LEASE_MS, LEASE_MS + 1):
        ended = await _process({**where, "ahead": ahead, "writes": 3 + deaths % 3})
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        deaths += 1
    assert deaths > 4
    if database_url.startswith("sqlite"):
        await house.database._inner.start()
        await house.vault.start()
    await whole(house, found)
    assert (await house.versions())["subjects"] == [("ada", 1, "current"), ("person", 2, "current")]


async def _process(where: dict[str, Any]) -> int:
    """How a process ended that works on the cycle."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cache.cycle_process", json.dumps(where), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
