"""One key, one deed: also where the process died before it answered, and never for somebody who is being forgotten."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope, Vault
from gateway.api.idempotency import LIFE, Idempotency, Once
from gateway.api.problems import Problem
from gateway.api.services import Services
from gateway.db.engine import Database
from gateway.db.tables_files import idempotency
from gateway.identity.errors import NotActive
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.api.live import Person
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
LEO = Scope("school", "leo")
PRINT = b"f" * 32


@pytest.fixture
def schema() -> list[object]:
    """The tables these tests need."""
    return list(SCHEMA)


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """Started, with one person enrolled."""
    async with open_vault(database, tmp_path) as opened:
        await enrol(database, opened, LEO.tenant, LEO.subject)
        yield opened


async def active(tx: AsyncConnection, person: str) -> None:
    """Everybody is."""


async def forgotten(tx: AsyncConnection, person: str) -> None:
    """Nobody is."""
    raise NotActive("this person is being forgotten")


async def test_nothing_is_kept_for_somebody_who_is_being_forgotten(vault: Vault, database: Database) -> None:
    """Else a late request would leave a row of theirs behind."""
    with pytest.raises(NotActive):
        await Idempotency(vault, database, "one", forgotten).claim(LEO, "key", PRINT)
    async with database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(idempotency))).scalar_one() == 0


@pytest.mark.both
async def test_a_living_process_is_not_taken_over(vault: Vault, database: Database) -> None:
    """Where there are several, a claim counts until it is old; then one of those who come takes it."""
    first, second, third = (Idempotency(vault, database, name, active, abandoned=60_000) for name in "abc")
    assert isinstance(await first.claim(LEO, "key", PRINT), Once)
    with pytest.raises(Problem) as refused:
        await second.claim(LEO, "key", PRINT)
    assert refused.value.code == "still_running"
    async with database.write() as tx:
        await tx.execute(update(idempotency).values(ends=await database.now(tx) + LIFE - 61_000))
    assert isinstance(await second.claim(LEO, "key", PRINT), Once)
    assert isinstance(await third.claim(LEO, "key", PRINT), Once)


async def test_a_transfer_whose_answer_was_lost_is_not_ordered_twice(student: Person) -> None:
    """As after kill -9: the job is stored, its answer is not, and another process is asked again."""
    path = "/v1/drives/native/items/root/children"
    source, target = [await student.post(path, 201, json={"name": secrets.token_hex(6)}) for _ in range(2)]
    order = {
        "mode": "copy",
        "sources": [{"drive": "native", "item": source["id"]}],
        "destination": {"drive": "native", "item": target["id"]},
    }
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = await student.post("/v1/transfers", 202, json=order, headers=key)

    async def forget_the_answer(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(idempotency).values(status=None, reply=None, owner="d" * 32))

    student.live.run(forget_the_answer)
    assert (await student.post("/v1/transfers", 202, json=order, headers=key))["id"] == first["id"]
    other = await student.post("/v1/transfers", 202, json=order, headers={"Idempotency-Key": secrets.token_hex(8)})
    assert other["id"] != first["id"]
