"""A ledger over a real vault, on the databases of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import gateway.db.tables_ledger
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
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
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database)
