"""A school's settings over a real vault, on the databases of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import gateway.db.schema
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.schools import SchoolChoices
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
assert gateway.db.schema


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """With the keys of two schools."""
    async with open_vault(database, tmp_path) as started:
        for school in ("s1", "s2"):
            await enrol(database, started, school, None)
        yield started


@pytest.fixture
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database)


@pytest.fixture
def choices(vault: Vault, database: Database, ledger: Ledger) -> SchoolChoices:
    return SchoolChoices(vault, database, ledger)
