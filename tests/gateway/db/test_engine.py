"""Transactions, snapshots, the clock and the lock, on both databases where they must agree."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, MetaData, String, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from gateway.db.engine import Database, DatabaseInUse

notes = MetaData()
note = Table("note", notes, Column("id", String(32), primary_key=True), Column("at", BigInteger))


@pytest.fixture
def schema() -> list[MetaData]:
    return [notes]


async def count(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(note))).scalar_one())


async def add_two(database: Database, *ids: str) -> None:
    async with database.write() as tx:
        for one in ids:
            await tx.execute(insert(note).values(id=one, at=2))


@pytest.mark.both
async def test_write_commits_and_rolls_back(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(insert(note).values(id="a", at=1))
    with pytest.raises(DBAPIError):
        await add_two(database, "b", "a")
    assert await count(database) == 1


@pytest.mark.both
async def test_read_is_one_snapshot_and_cannot_write(database: Database) -> None:
    async with database.read() as tx:
        before = (await tx.execute(select(func.count()).select_from(note))).scalar_one()
        async with database.write() as other:
            await other.execute(insert(note).values(id="a", at=1))
        after = (await tx.execute(select(func.count()).select_from(note))).scalar_one()
        assert before == after == 0
    assert await count(database) == 1
    with pytest.raises(DBAPIError):
        async with database.read() as tx:
            await tx.execute(insert(note).values(id="b", at=1))


@pytest.mark.both
async def test_many_writers_lose_nothing(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.write() as tx:
            await tx.execute(insert(note).values(id=str(number), at=number))
            await asyncio.sleep(0)

    await asyncio.gather(*(add(number) for number in range(40)))
    assert await count(database) == 40


@pytest.mark.both
async def test_a_cancelled_write_is_rolled_back_and_blocks_nobody(database: Database) -> None:
    started = asyncio.Event()

    async def stuck() -> None:
        async with database.write() as tx:
            await tx.execute(insert(note).values(id="a", at=1))
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as tx:
        await tx.execute(insert(note).values(id="b", at=1))
    assert await count(database) == 1


@pytest.mark.both
async def test_the_clock_is_in_milliseconds(database: Database) -> None:
    assert abs(await database.now() - time.time() * 1000) < 5000
    async with database.write() as tx:
        assert abs(await database.now(tx) - time.time() * 1000) < 5000


@pytest.mark.both
async def test_reads_inside_transactions_never_wait_for_their_own_kind(database: Database) -> None:
    async def nested(number: int) -> None:
        async with database.write() as tx:
            await tx.execute(insert(note).values(id=str(number), at=await database.now()))
            async with database.read() as inner, database.read() as innermost:
                await inner.execute(select(note))
                await innermost.execute(select(note))
        async with database.read() as tx, database.read() as inner:
            await tx.execute(select(note))
            await inner.execute(select(note))
            await database.now()

    await asyncio.wait_for(asyncio.gather(*(nested(number) for number in range(30))), 20)
    assert await count(database) == 30


@pytest.mark.both
async def test_nested_write_is_refused_instead_of_waiting_for_itself(database: Database) -> None:
    with pytest.raises(RuntimeError, match="inside another"):
        async with database.write(), database.write():
            pass
    async with database.write() as tx:
        await tx.execute(insert(note).values(id="a", at=1))


async def test_sqlite_is_set_to_leave_nothing_behind(database: Database) -> None:
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "temp_store": 2, "synchronous": 2}
    for name, value in wanted.items():
        async with database.write() as tx:
            assert (await tx.execute(text(f"PRAGMA {name}"))).scalar_one() == value
    assert database.address.path is not None
    assert database.address.path.stat().st_mode & 0o077 == 0


async def test_checkpoint_empties_the_log_and_a_deleted_row_is_gone_from_disk(database: Database) -> None:
    path = database.address.path
    assert path is not None
    async with database.write() as tx:
        await tx.execute(insert(note).values(id="canary-7d1f", at=1))
    async with database.write() as tx:
        await tx.execute(note.delete())
    assert await database.checkpoint()
    wal = Path(f"{path}-wal")
    assert wal.stat().st_size == 0
    assert b"canary-7d1f" not in path.read_bytes()


async def test_checkpoint_says_so_when_a_reader_prevents_it(database: Database) -> None:
    async with database.read() as tx:
        await tx.execute(select(note))
        async with database.write() as other:
            await other.execute(insert(note).values(id="a", at=1))
        assert await database.checkpoint(patience=0.05) is False
    assert await database.checkpoint() is True


async def test_only_one_process_holds_a_sqlite_database(database: Database, database_url: str) -> None:
    with pytest.raises(DatabaseInUse, match="PostgreSQL"):
        await Database(database_url).start()
    code = (
        "import asyncio, sys; from gateway.db.engine import Database, DatabaseInUse\n"
        "async def main():\n"
        "    try:\n        await Database(sys.argv[1]).start()\n"
        "    except DatabaseInUse:\n        sys.exit(7)\n"
        "asyncio.run(main())"
    )
    run = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, database_url], check=False)
    assert run.returncode == 7
    await database.close()
    async with Database(database_url):
        pass


async def test_errors_do_not_repeat_values(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(insert(note).values(id="secret-name", at=1))
    with pytest.raises(DBAPIError) as caught:
        async with database.write() as tx:
            await tx.execute(insert(note).values(id="secret-name", at=1))
    assert "secret-name" not in str(caught.value)


async def test_whoever_is_cancelled_inside_a_transaction_locks_nobody_out(database: Database) -> None:
    """Again and again, also while the cancellation is being dealt with: the next write has its turn at once."""
    dice, number = random.Random(1), itertools.count()

    async def work() -> None:
        async with database.write() as tx:
            await tx.execute(insert(note).values(id=f"{next(number)}", at=1))
            assert await count(database) >= 0
            async with tx.begin_nested():
                await tx.execute(insert(note).values(id=f"{next(number)}", at=2))
            (await tx.execute(select(note))).all()

    for _ in range(60):
        doomed = [asyncio.create_task(work()) for _ in range(4)]
        await asyncio.sleep(dice.random() * 0.008)
        for _ in range(dice.randint(1, 4)):
            for task in doomed:
                task.cancel()
            await asyncio.sleep(dice.random() * 0.002)
        await asyncio.gather(*doomed, return_exceptions=True)
        async with asyncio.timeout(5):
            await work()
