"""Small pictures are accesses, committed before they are shown: once a sign-in and item, many in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import StorageError
from cache.model import Scope
from cache.vault import Vault
from gateway.api.accesses import NOTED, Accesses
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.ledger.ledger import Entry
from gateway.policy import Principal
from providers.drive import Ref
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
ANN, BOB = (Principal(one, "s1", "student", "13_15", "page", f"session of {one}", 0) for one in ("ann", "bob"))


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        await enrol(database, started, "s1", "ann")
        yield started


@pytest.fixture
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database)


class Counting:
    """A database whose transactions are counted, at a time that the test sets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.writes = 0
        self.at = NOTED * 10

    async def now(self) -> int:
        return self.at

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self.writes += 1
        return self._database.write()


@pytest.fixture
def counting(database: Database) -> Counting:
    return Counting(database)


@pytest.fixture
def accesses(ledger: Ledger, counting: Any) -> Accesses:
    return Accesses(ledger, counting)


async def seen(accesses: Accesses, who: Principal = ANN, item: str = "leaf") -> None:
    await accesses.pictured(who, "the word", Scope("s1", who.person), "native", Ref("", item), f"{item}.png")


async def entries(ledger: Ledger) -> list[Entry]:
    return await ledger.read("s1", limit=1000)


async def test_a_picture_is_one_access_for_a_sign_in_and_a_while(
    accesses: Accesses, ledger: Ledger, counting: Counting
) -> None:
    await seen(accesses)
    [entry] = await entries(ledger)
    assert (entry.action, entry.principal, entry.subject, entry.instruction) == (
        "file.pictured", "ann", "ann", "the word",
    )  # fmt: skip
    assert entry.details == {"drive": "native", "item": str(Ref("", "leaf")), "name": "leaf.png", "client": "page"}
    await asyncio.gather(seen(accesses), seen(accesses))
    assert len(await entries(ledger)) == 1
    await seen(accesses, replace(ANN, session="another"))
    await seen(accesses, item="another")
    counting.at += NOTED
    await asyncio.gather(seen(accesses), seen(accesses))
    assert len(await entries(ledger)) == 4


async def test_a_folder_full_of_pictures_is_a_few_transactions(
    accesses: Accesses, ledger: Ledger, counting: Counting
) -> None:
    await asyncio.gather(*(seen(accesses, item=f"{number}") for number in range(200)))
    assert len({(entry.details or {})["item"] for entry in await entries(ledger)}) == 200
    assert counting.writes <= 3


async def test_what_cannot_be_recorded_is_not_shown_and_stops_nobody_else(
    accesses: Accesses, ledger: Ledger, counting: Counting
) -> None:
    """Bob has no key that could seal what he looked at."""
    looks = [seen(accesses), seen(accesses, BOB), seen(accesses, item="another")]
    first, second, third = await asyncio.gather(*looks, return_exceptions=True)
    assert (first, third) == (None, None)
    assert isinstance(second, StorageError)
    assert [entry.principal for entry in await entries(ledger)] == ["ann", "ann"]
    with pytest.raises(StorageError):
        await seen(accesses, BOB)


async def test_who_leaves_takes_the_entry_from_nobody(accesses: Accesses, ledger: Ledger) -> None:
    leaving, staying = asyncio.create_task(seen(accesses)), asyncio.create_task(seen(accesses))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert len(await entries(ledger)) == 1
