"""Migrations and tables agree, on both databases, and a database of a later version is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import MetaData, text

from gateway.db.engine import Database
from gateway.db.migrate import DatabaseTooNew, differences, is_empty, migrate


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """Nothing: the migrations make it."""
    return []


@pytest.mark.both
async def test_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    """From nothing, twice, with no difference left."""
    assert await is_empty(database)
    await migrate(database)
    await migrate(database)
    assert not await is_empty(database)
    async with database.read() as tx:
        assert await tx.run_sync(differences) == []


@pytest.mark.both
async def test_a_later_versions_database_is_refused(database: Database) -> None:
    """Before anything is touched."""
    await migrate(database)
    async with database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = 'ffffffffffff'"))
    with pytest.raises(DatabaseTooNew):
        await migrate(database)
