"""What is done to all items of a large job: by statements of few rows each, and in a commit of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.some import AT_ONCE
from gateway.db.tables_work import items, jobs, lanes
from gateway.jobs import queue, service
from gateway.jobs.commits import Commits
from gateway.jobs.model import ItemState
from tests.gateway.jobs.support import PERSON, SCHOOL, make_jobs, new, order

MANY = 2 * AT_ONCE + 1


@contextmanager
def changed() -> Iterator[list[int]]:
    """How many rows each statement changes that changes or deletes items."""
    rows: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if cursor.rowcount and statement.startswith(("UPDATE items", "DELETE FROM items")):
            rows.append(cursor.rowcount)

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield rows
    finally:
        event.remove(Engine, "after_cursor_execute", note)


def few(database: Database, rows: list[int]) -> list[int]:
    """PostgreSQL does by one statement what SQLite does by several."""
    return rows if database.dialect == "sqlite" else [sum(rows)]


async def states(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        found = await tx.execute(select(items.c.state, func.count().label("number")).group_by(items.c.state))
        return {row.state: row.number for row in found}


async def set_all(database: Database, *which: ColumnElement[bool], **values: Any) -> None:
    async with database.write() as tx:
        await tx.execute(update(items).where(*which).values(**values))


@pytest.mark.both
async def test_a_large_job_is_cancelled_and_tried_again_few_rows_at_a_time(database: Database) -> None:
    made = make_jobs(database)
    job = await order(made, *[new(f"{number}") for number in range(MANY)])
    with changed() as rows:
        async with database.write() as tx:
            assert await made.cancel(tx, SCHOOL, PERSON, job)
    assert await states(database) == {ItemState.SKIPPED: MANY}
    assert rows == few(database, [AT_ONCE, AT_ONCE, 1])
    await set_all(database, state=ItemState.FAILED)
    async with database.write() as tx:
        await tx.execute(update(jobs).values(cancelled=None))
    with changed() as rows:
        async with database.write() as tx:
            assert await made.retry(tx, SCHOOL, PERSON, job) == MANY
    assert await states(database) == {ItemState.READY: MANY}
    assert rows == few(database, [AT_ONCE, AT_ONCE, 1])


@pytest.mark.both
async def test_what_waits_for_a_folder_goes_on_or_fails_few_rows_at_a_time(database: Database) -> None:
    made = make_jobs(database)
    folder = new("folder", kind="folder")
    below = [new(f"{number}", folder=folder.id) for number in range(MANY)]
    await order(made, folder, *below)
    await set_all(database, items.c.folder == folder.id, state=ItemState.BLOCKED)
    assert await states(database) == {ItemState.READY: 1, ItemState.BLOCKED: MANY}
    with changed() as rows:
        async with database.write() as tx:
            await queue._release(tx, folder.id, "copy")
    assert await states(database) == {ItemState.READY: MANY + 1}
    assert rows == few(database, [AT_ONCE, AT_ONCE, 1])
    await set_all(database, items.c.folder == folder.id, state=ItemState.BLOCKED)
    with changed() as rows:
        async with database.write() as tx:
            await queue._fail_below(tx, folder.id, 1)
    assert await states(database) == {ItemState.READY: 1, ItemState.FAILED: MANY}
    assert rows == few(database, [AT_ONCE, AT_ONCE, 1])


@pytest.mark.both
async def test_an_old_job_goes_after_its_items(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_ITEMS", 4)
    made = make_jobs(database)
    job = await order(made, *[new(f"{number}") for number in range(10)])
    async with database.write() as tx:
        await tx.execute(update(jobs).values(ended=1, state="done"))
    with changed() as rows:
        assert await made.sweep(7) == 7, "there is more to do"
        assert await made.get(SCHOOL, PERSON, job) is not None, "it is there until its last item went"
        assert await made.sweep(7) == 7
        assert await made.sweep(7) == 1
    assert rows == [4, 4, 2]
    assert await made.get(SCHOOL, PERSON, job) is None
    assert await states(database) == {}
    assert await made.sweep(7) == 0


async def test_a_write_of_many_rows_has_a_commit_of_its_own(database: Database) -> None:
    """Small ones before and after it go together, in savepoints; it stands alone, without one, and may fail alone."""
    commits, told = Commits(database), list[tuple[str, bool]]()

    def lane(name: str, *, fails: bool = False) -> Any:
        async def write(tx: AsyncConnection) -> str:
            told.append((name, tx.in_nested_transaction()))
            await tx.execute(insert(lanes).values(id=name, tenant=SCHOOL, person=PERSON, concurrency=1))
            if fails:
                raise LookupError(name)
            return name

        return write

    names = ["a", "b", "large", "broken", "c", "d"]
    writes = [commits.run(lane(name, fails=name == "broken"), alone=name in ("large", "broken")) for name in names]
    found = await asyncio.gather(*writes, return_exceptions=True)
    assert [str(one) if isinstance(one, LookupError) else one for one in found] == names
    assert told == [(name, name in "abcd") for name in names]
    async with database.read() as tx:
        kept = set((await tx.execute(select(lanes.c.id))).scalars())
    assert kept == {"a", "b", "large", "c", "d"}
    await commits.close()
