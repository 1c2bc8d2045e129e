"""A ledger over a real vault, on the databases of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import gateway.db.tables_ledger
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ends, Ledger
from gateway.ledger.checkpoints import DAY, Checkpoints
from gateway.signing import SigningKeys
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
assert gateway.db.tables_ledger


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """Keys of two schools, and of one person in each."""
    async with open_vault(database, tmp_path) as started:
        for school in ("s1", "s2"):
            await enrol(database, started, school, f"{school}-ann")
        yield started


@pytest.fixture
def ends() -> Ends:
    """With a key, as the deployment has one."""
    return Ends(b"k" * 32)


@pytest.fixture
def ledger(vault: Vault, database: Database, ends: Ends) -> Ledger:
    return Ledger(vault, database, ends)


@pytest.fixture
async def signing(vault: Vault, database: Database) -> SigningKeys:
    """The deployment's keys."""
    made = SigningKeys(vault, database)
    await made.start()
    return made


@dataclass
class Kept:
    """How long schools keep entries, ms: a test's own."""

    life: int = 365 * DAY

    async def __call__(self, _school: str) -> int:
        return self.life


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def checkpoints(ledger: Ledger, database: Database, ends: Ends, signing: SigningKeys, kept: Kept) -> Checkpoints:
    return Checkpoints(ledger, database, ends, signing, kept)
