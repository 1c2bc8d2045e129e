"""The house of transfers on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import gateway.db.tables_work  # noqa: F401 - puts its tables on the metadata
from gateway.db.engine import Database
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.transfers.support import House, open_house
from tests.gateway.vaults import SCHEMA

__all__ = ["database", "database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, tmp_path) as opened:
        yield opened
