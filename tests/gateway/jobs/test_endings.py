"""Each job's end is an entry of its school's ledger, in the transaction that ends it: none twice, none left out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Row, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Unavailable
from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_work import jobs as table
from gateway.jobs.endings import Endings
from gateway.jobs.model import ItemState, JobState, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from gateway.ledger import Ends, Event, Ledger
from gateway.ledger.verify import Check, verify
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, copied, ended, make_jobs, new, order
from tests.gateway.vaults import SCHEMA, enrol, open_vault

pytestmark = pytest.mark.both
OTHERS = replace(QUICK, lease=3600.0)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        await enrol(database, started, SCHOOL, PERSON)
        yield started


@pytest.fixture
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database, Ends(b"k" * 32))


async def told(ledger: Ledger) -> list[Any]:
    return await ledger.read(SCHOOL, limit=10_000)


async def test_how_a_job_ended_is_told_once_and_again_when_it_ends_again(database: Database, ledger: Ledger) -> None:
    fails = True

    async def step(_: Turn) -> Outcome:
        return Outcome(ItemState.FAILED, "gone") if fails else Outcome(ItemState.COPIED)

    jobs = make_jobs(database)
    worker = Worker(jobs, {"copy": Steered(step)}, timing=QUICK, tell=Endings(ledger).tell)
    await worker.start()
    job = await order(jobs, new("one"), new("two"))
    assert (await ended(jobs, job)).state is JobState.FAILED
    (entry,) = await told(ledger)
    assert (entry.action, entry.principal, entry.subject) == ("transfer.ended", PERSON, PERSON)
    assert (entry.instruction, entry.policy_version) == ("i" * 32, "1")
    assert entry.details == {
        "job": job, "mode": "copy", "state": "failed", "outcome": "nothing", "kept": 0, "bytes": 0,
        "counts": {"found": 2, "copied": 0, "skipped": 0, "failed": 2, "unsupported": 0},
    }  # fmt: skip
    fails = False
    async with database.write() as tx:
        assert await jobs.retry(tx, SCHOOL, PERSON, job) == 2
    jobs.wake(job)
    await ended(jobs, job)
    await worker.stop()
    assert [one.details["state"] for one in await told(ledger)] == ["failed", "done"]


async def test_a_cancelled_job_and_an_upload_are_told_and_a_plan_is_not(database: Database, ledger: Ledger) -> None:
    jobs = make_jobs(database)
    made = [await order(jobs, new(f"{n}")) for n in range(3)]
    async with database.write() as tx:
        await tx.execute(update(table).where(table.c.id == made[1]).values(kind="upload", mode="upload"))
        await tx.execute(update(table).where(table.c.id == made[2]).values(kind="preflight"))
        assert await jobs.cancel(tx, SCHOOL, PERSON, made[0])
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK, tell=Endings(ledger).tell)
    await worker.start()
    for job in made:
        await ended(jobs, job)
    await worker.stop()
    assert {(one.action, one.details["state"], one.details["job"]) for one in await told(ledger)} == {
        ("transfer.ended", "cancelled", made[0]), ("upload.ended", "done", made[1]),
    }  # fmt: skip


async def test_a_job_whose_person_was_forgotten_or_is_suspended_ends_without_details(
    database: Database, vault: Vault, ledger: Ledger
) -> None:
    """Else it would never end, and its entry would never come."""
    jobs, scope = make_jobs(database), Scope(SCHOOL, PERSON)
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK, tell=Endings(ledger).tell)
    async with database.write() as tx:
        await vault.suspend(tx, scope, 1)
    await vault.hasten()
    await worker.start()
    await ended(jobs, await order(jobs, new("one")))
    async with database.write() as tx:
        await vault.shred_keys(tx, scope)
    await vault.hasten()
    await ended(jobs, await order(jobs, new("two")))
    await worker.stop()
    assert [(one.action, one.principal) for one in await told(ledger)] == [("transfer.ended", PERSON)] * 2
    async with database.read() as tx:
        assert {row.details for row in await tx.execute(ledger_entries.select())} == {None}


async def test_an_end_that_cannot_be_told_waits_and_keeps_no_other_job_from_ending(
    database: Database, ledger: Ledger
) -> None:
    barred = set[str]()

    class Away(Endings):
        async def tell(self, tx: AsyncConnection, job: Row[Any], came: Any) -> None:
            if job.id in barred:
                raise Unavailable("the ledger cannot be written")
            await super().tell(tx, job, came)

    jobs = make_jobs(database)
    made = [await order(jobs, new(f"{n}")) for n in range(4)]
    barred |= set(made[:2])
    worker = Worker(jobs, {"copy": Steered(copied)}, timing=QUICK, tell=Away(ledger).tell)
    await worker.start()
    for job in made[2:]:
        await ended(jobs, job)
    for job in made[:2]:
        view = await jobs.get(SCHOOL, PERSON, job)
        assert view is not None
        assert view.state is JobState.RUNNING
    barred.clear()
    for job in made[:2]:
        await ended(jobs, job)
    await worker.stop()
    assert Counter(one.details["job"] for one in await told(ledger)) == Counter(made)


async def test_many_workers_and_writers_end_many_jobs_in_one_chain(database: Database, ledger: Ledger) -> None:
    """Orders, looks and cancels that write entries meanwhile: nobody waits for ever, and the chain holds."""
    jobs = make_jobs(database)
    many = 3 if database.dialect == "postgresql" else 1
    workers = [
        Worker(
            Jobs(database, jobs.sealers, jobs._require_active), {"copy": Steered(copied)}, slots=8, sole=False,
            timing=OTHERS, tell=Endings(ledger).tell,
        )
        for _ in range(many)
    ]  # fmt: skip
    for worker in workers:
        await worker.start()

    async def ordered(n: int) -> str:
        job = await order(jobs, *[new(f"{n} {part}", drive=f"{n % 5}") for part in range(3)])
        async with database.write() as tx:  # as a transfer's listing: items and their entry, the entry last
            await jobs.add(tx, job, [new(f"{n} more", drive=f"{n % 5}")])
            event = Event("transfer.batch", PERSON, PERSON, "i" * 32, "1", {"job": job})
            await ledger.append(tx, SCHOOL, event)
        if n % 4 == 0:
            async with database.write() as tx:
                await jobs.cancel(tx, SCHOOL, PERSON, job)
                await ledger.append(tx, SCHOOL, Event("transfer.cancelled", PERSON, PERSON, None, "1"))
        return job

    made = await asyncio.gather(*(ordered(n) for n in range(24)))
    for job in made:
        await ended(jobs, job, within=60)
    for worker in workers:
        await worker.stop()
    ends = [one.details["job"] for one in await told(ledger) if one.action == "transfer.ended"]
    assert Counter(ends) == Counter(made)
    assert (await verify(database, SCHOOL, Check(Ends(b"k" * 32)))).whole
