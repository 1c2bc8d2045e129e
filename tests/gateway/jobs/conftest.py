"""The database with the tables of work."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import MetaData

import gateway.db.tables_work  # noqa: F401 - puts its tables on the metadata
from gateway.db.metadata import metadata
from tests.databases import database, database_url, pytest_generate_tests

__all__ = ["database", "database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return (metadata,)
