"""While keys follow one another nobody notices: other processes read, find, write and store all the time."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from cache.announcing import SETTLE
from cache.errors import Stale, Unavailable
from cache.replacing import Waits
from cache.root_places import RootFile
from cache.vault import Scope
from gateway.db.engine import Database
from tests.cache.rotating import DAY, SCHEMA, Turning, letters, turning

SCHOOL = Scope("school", None)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path) as made:
        yield made


@pytest.mark.both
async def test_others_go_on(house: Turning) -> None:
    """Two other processes, each with its own view of the keys, work on the same person's things during a cycle."""
    await house.card("ada", "Ada")
    item = await house.keep(b"kept")
    ended, rounds = asyncio.Event(), [0, 0]

    async def busy(mine: Turning, number: int) -> None:
        while not ended.is_set():
            letter = f"{number}-{rounds[number]}"
            await mine.write(letter, f"title {letter}")
            await mine.write(f"school {letter}", f"title {letter}", SCHOOL)
            new = await mine.keep(letter.encode())
            for name in (letter, f"{number}-0"):
                assert await mine.find(f"title {name}") == [name]
                assert await mine.read(name) == (f"title {name}", f"text of title {name}")
                assert await mine.find(f"title {name}", SCHOOL) == [f"school {name}"]
            assert await mine.who("Ada") == ["ada"]
            assert await mine.get(item) == b"kept"
            assert await mine.get(new) == letter.encode()
            rounds[number] += 1
            await asyncio.sleep(0.05)

    async with house.started() as (one, _), house.started() as (two, _), house.started(settle=SETTLE) as (_, cycles):
        views = [dataclasses.replace(house, vault=vault, keyring=vault._keyring) for vault in (one, two)]
        working = [asyncio.create_task(busy(view, number)) for number, view in enumerate(views)]
        await house.cycles.rekey([house.scope], compromised=True)
        turned = asyncio.create_task(house.turn(cycles))
        done, _ = await asyncio.wait({turned, *working}, return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        await asyncio.gather(*working, *done)
        assert min(rounds) > 5
    assert (await house.versions())["tenants"] == [("school", 2, "current")]
    assert (await house.versions())["subjects"] == [("ada", 1, "current"), ("person", 2, "current")]
    for number, count in enumerate(rounds):
        for letter in (f"{number}-{n}" for n in range(count)):
            assert await house.read(letter) == (f"title {letter}", f"text of title {letter}")
            assert await house.find(f"title {letter}") == [letter]


@pytest.mark.both
async def test_only_one_process_works_on_a_cycle(house: Turning) -> None:
    async with house.started(settle=0.3) as (_, other):
        assert await house.cycles.begin()
        assert not await other.begin()
        working = asyncio.create_task(other.run())
        await asyncio.sleep(0.2)
        assert not await house.cycles.run()
        assert await working
    assert (await house.versions())["roots"] == [(1, "retired"), (2, "current")]


async def test_who_lost_the_cycle_writes_nothing_more(house: Turning) -> None:
    async with house.started(settle=1.0) as (_, other):
        assert await house.cycles.begin()
        working = asyncio.create_task(other.run())
        await asyncio.sleep(0.5)
        house.database.ahead += 120_000  # as if it had stood still
        assert await house.cycles.run()
        before = await house.versions()
        assert not await working
    assert await house.versions() == before


@pytest.mark.both
async def test_a_root_follows_only_where_every_process_has_it(house: Turning, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other machine" / "root"
    elsewhere.parent.mkdir()
    shutil.copy(house.file, elsewhere)
    item = await house.keep(b"file")
    place = RootFile(elsewhere, tmp_path / "data")
    async with house.started(place) as (vault, _), house.started(settle=0.7) as (_, cycles):
        assert await cycles.begin()
        with pytest.raises(Waits, match="missing in a process"):
            await cycles.run()
        assert (await house.versions())["roots"] == [(1, "current"), (2, "next")]
        status = await cycles.status()
        assert status.cycle is not None
        assert "missing in a process" in status.cycle.counts["waits"]
        async with vault.open(house.scope, item.id) as pieces:
            assert b"".join([piece async for piece in pieces]) == b"file"
        shutil.copy(house.file, elsewhere)
        async with asyncio.timeout(30):
            while vault._keyring.roots.lacking:
                await asyncio.sleep(0.1)
        house.database.ahead += 60_000
        assert await cycles.run()
        async with vault.open(house.scope, item.id) as pieces:
            assert b"".join([piece async for piece in pieces]) == b"file"
        house.database.ahead += 40 * DAY
        assert await cycles.let_go() == 1
        async with asyncio.timeout(30):
            while len(place.read()) > 1:
                await asyncio.sleep(0.1)
    assert list(place.read()) == [2], "each machine takes the dead version out of its own file"


async def test_a_process_that_was_stopped_catches_up(house: Turning) -> None:
    """It heard of nothing while a whole cycle passed: it uses no key before it has looked, then the new ones."""
    await house.write("one", "Hello")
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
    async with house.started() as (vault, _):
        fields, view = await vault.fields(house.scope), dataclasses.replace(house, vault=vault)
        await vault._keyring.watch.close()  # stopped
        await house.turn()
        vault._keyring.watch._read_at = float("-inf")  # long ago
        with pytest.raises(Unavailable):
            fields.seal("letters", "title", "two", "World")
        assert await view.read("one") == ("Hello", "text of Hello")
        assert fields.version == 2, "who held the keys before has the new one under their hands"


async def test_a_key_that_is_not_known_here_yet_is_no_lost_one(house: Turning) -> None:
    await house.write("one", "Hello")
    async with house.started() as (vault, _):
        fields, view = await vault.fields(house.scope), dataclasses.replace(house, vault=vault)
        vault._keyring.watch._changed = _deaf
        async with house.database.write() as tx:
            await house.vault.renew(tx, house.scope)
        await house.turn()
        await house.write("two", "World")
        async with house.database.read() as tx:
            row = (await tx.execute(select(letters).where(letters.c.id == "two"))).one()
        with pytest.raises(Stale):
            fields.unseal("letters", "title", "two", row.title)
        assert await view.read("two") == ("World", "text of World")


async def _deaf(scopes: object) -> None:
    """A process whose word of new keys is lost."""
