"""A deployment with one process or two, on the databases of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from gateway.db.schema import METADATAS
from tests.databases import database_url, pytest_generate_tests
from tests.gateway.desks import Building, Clock, Desk

__all__ = ["database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return METADATAS


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Clock]:
    async with Clock(database_url) as started:
        yield started


@pytest.fixture
def building(database: Clock, tmp_path: Path) -> Building:
    return Building(database, tmp_path)


@pytest.fixture
async def desk(building: Building) -> AsyncIterator[Desk]:
    async with building.desk() as started:
        yield started


@pytest.fixture
async def other(building: Building, desk: Desk) -> AsyncIterator[Desk]:
    """A second process, started after the first."""
    async with building.desk() as started:
        yield started
