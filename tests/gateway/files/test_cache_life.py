"""A school lets copies live for less: new ones do, and those that are there end earlier, never later."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, select, update

from cache.catalog import objects
from cache.errors import Suspended
from cache.keys import bucket_of
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_containment import containments
from gateway.db.tables_files import cached_files
from gateway.files.cached import CachedFiles
from gateway.files.opening import Opener
from tests.gateway.files.conftest import LEO, MIA, School, Scripted, read_all
from tests.gateway.files.test_opening import stored
from tests.gateway.vaults import enrol

HOUR = 3_600_000
BODY = b"what is cached" * 1000


async def rows(database: Database) -> list[tuple[int, int]]:
    """(stored, ends) of every copy, as its row and its sealed object say alike."""
    async with database.read() as tx:
        copies = (await tx.execute(select(cached_files).order_by(cached_files.c.person))).all()
        ends = {row.id: row for row in await tx.execute(select(objects))}
    for row in copies:
        assert ends[row.object].ends == row.ends
        assert ends[row.object].bucket == bucket_of(row.ends)
    return [(row.stored, row.ends) for row in copies]


@pytest.mark.both
async def test_new_copies_live_as_long_as_the_school_says(opener: Opener, school: School, database: Database) -> None:
    school.kept = 90_000
    await read_all(opener, LEO, Scripted(BODY))
    await stored(opener)
    ((at, ends),) = await rows(database)
    assert ends - at == 90_000


@pytest.mark.both
async def test_copies_that_are_there_end_earlier_and_can_be_read_until_then(
    opener: Opener, school: School, database: Database, vault: Vault
) -> None:
    for scope in (LEO, MIA):
        await read_all(opener, scope, Scripted(BODY))
        await stored(opener)
    cached = CachedFiles(vault, database)
    assert await cached.shorten({}, 10) == 0
    assert await cached.shorten({LEO.tenant: HOUR, "other": 60_000}, 10) == 0
    assert await cached.shorten({LEO.tenant: 2 * HOUR}, 10) == 0, "an end is never put off"
    assert await cached.shorten({LEO.tenant: HOUR // 2}, 1) == 1
    assert await cached.shorten({LEO.tenant: HOUR // 2}, 10) == 1
    assert await cached.shorten({LEO.tenant: HOUR // 2}, 10) == 0
    assert [ends - at for at, ends in await rows(database)] == [HOUR // 2, HOUR // 2]
    school.kept = HOUR // 2
    assert (await read_all(opener, LEO, Scripted(b"")))[0] == "hit"
    assert (await read_all(opener, MIA, Scripted(BODY))) == ("hit", BODY)


@pytest.mark.both
async def test_what_is_too_old_by_now_goes_at_once(opener: Opener, database: Database, vault: Vault) -> None:
    await read_all(opener, LEO, Scripted(BODY))
    await stored(opener)
    assert await CachedFiles(vault, database).shorten({LEO.tenant: 0}, 10) == 1
    assert await rows(database) == []
    async with database.read() as tx:
        assert (await tx.execute(select(objects))).all() == []


@pytest.mark.both
async def test_before_the_sweep_has_been_there_nobody_reads_what_is_too_old(
    opener: Opener, school: School, database: Database
) -> None:
    await read_all(opener, LEO, Scripted(BODY))
    await stored(opener)
    async with database.write() as tx:
        await tx.execute(update(cached_files).values(stored=cached_files.c.stored - HOUR // 2))
    assert (await read_all(opener, LEO, Scripted(BODY)))[0] == "hit"
    school.kept = HOUR // 2
    assert (await read_all(opener, LEO, Scripted(BODY)))[0] == "stored"


@pytest.mark.parametrize("known", [True, False], ids=["known", "a moment ago"])
@pytest.mark.parametrize("subject", [LEO.subject, None], ids=["person", "school"])
async def test_a_suspended_key_holds_up_no_other_copy(
    database: Database, vault: Vault, subject: str | None, known: bool
) -> None:
    noor, cached = Scope("other", "noor"), CachedFiles(vault, database)
    await enrol(database, vault, "other", "noor")
    now = await database.now()
    for scope in (LEO, noor):
        async with vault.put(scope, Life.CACHE, now + HOUR) as writer:
            await writer.write(BODY)
            await writer.finish()
            async with database.write() as tx:
                await cached.store(tx, scope, "native", b"l" * 32, {}, writer, now, now + HOUR)
    lives = dict.fromkeys((LEO.tenant, noor.tenant), HOUR // 2)
    async with database.write() as tx:
        await vault.suspend(tx, Scope(LEO.tenant, subject), 1)
        if known:
            row = {"id": "c", "school": LEO.tenant, "kind": "key", "target": "k", "person": subject, "began": 1}
            await tx.execute(insert(containments).values(**row))
    await vault.hasten()
    while await usable(vault):
        await asyncio.sleep(0.01)
    assert await cached.shorten(lives, 1 if known else 10) == 1
    assert [ends - at for at, ends in await rows(database)] == [HOUR, HOUR // 2]
    assert await cached.shorten(lives, 1) == 0
    assert await cached.shorten({LEO.tenant: 0}, 1) == 1, "what is over by now needs no key to go"
    assert len(await rows(database)) == 1


async def usable(vault: Vault) -> bool:
    try:
        await vault.fields(LEO)
    except Suspended:
        return False
    return True
