"""What a report named, and goes with it: after the next cycle no copy of the database tells it to anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import StorageError
from cache.vault import Scope
from gateway.db.engine import Database
from gateway.db.metadata import metadata
from gateway.db.tables_work import items, jobs
from gateway.jobs.service import Jobs
from tests.cache.rotating import SCHEMA, Turning, turning
from tests.gateway.jobs.support import new, order

WHERE: Any = {"tenant": "school", "person": "person"}


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return (*SCHEMA, metadata)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path) as made:
        await made.enrol(Scope("school", "friend"))
        yield made


async def anybody(_tx: AsyncConnection, _person: str) -> None:
    """Everybody is active."""


async def names(house: Turning, job: str) -> list[tuple[str, str, str, bytes]]:
    """As a copy of the database has them: where each is sealed, and the sealed bytes."""
    async with house.database.read() as tx:
        found = [("jobs", "spec", row.id, row.spec) for row in await tx.execute(select(jobs).where(jobs.c.id == job))]
        rows = await tx.execute(select(items).where(items.c.job == job))
        return found + [("items", "entry", row.id, row.entry) for row in rows]


@pytest.mark.both
@pytest.mark.parametrize("way", ["sweep", "drop"])
async def test_names_of_a_report_that_went_are_dead_in_copies_after_the_next_cycle(house: Turning, way: str) -> None:
    work = Jobs(house.database._inner, house.vault, anybody)
    job = await order(work, *[new(f"{n}.txt", **WHERE) for n in range(3)], **WHERE)
    theirs = await order(work, new("theirs.txt", tenant="school", person="friend"), tenant="school", person="friend")
    async with house.database.write() as tx:
        await tx.execute(update(jobs).where(jobs.c.id == job).values(ended=1, state="done"))
    copy, kept = await names(house, job), await names(house, theirs)
    assert len(copy) == 4
    await house.turn()
    async with house.started() as (vault, _):
        fields = await vault.fields(house.scope)
        assert all(fields.unseal(*box) for box in copy), "nothing was deleted yet"
    if way == "sweep":
        assert await work.sweep(10) == 1
    else:
        assert await work.drop("school", "person", job, at_once=2)
    await house.turn()
    async with house.started() as (vault, _):  # a process that remembers no key
        fields = await vault.fields(house.scope)
        for box in copy:
            with pytest.raises(StorageError):
                fields.unseal(*box)
        friend = await vault.fields(Scope("school", "friend"))
        assert all(friend.unseal(*box) for box in kept), "who deleted nothing keeps their key"
