"""Every column is in the inventory, says what kind of data it holds, and what names somebody is never in the clear."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gateway.db.engine import Database
from gateway.db.migrate import migrate
from gateway.db.schema import METADATAS
from gateway.erasure import holdings
from gateway.inventory.listing import columns, forms, kind_of, kinds
from gateway.inventory.stores import STORES
from gateway.inventory.tables import TABLES
from gateway.inventory.words import BASES, FORMS, KINDS

MODELS = {table.name: table for metadata in METADATAS for table in metadata.sorted_tables}
MADE_BY_OTHERS = {"alembic_version": {"version_num"}}
"""Tables that the migration tool makes."""
NEVER_CLEAR = {
    "name", "email", "account", "filenames", "fingerprints", "access", "order", "reply", "signin", "marks",
}  # fmt: skip
"""Kinds of data that nobody may read from a stolen disk."""


@pytest.mark.parametrize("name", [*MODELS, *MADE_BY_OTHERS])
def test_a_table_is_listed_column_by_column(name: str) -> None:
    found = {column.name for column in MODELS[name].columns} if name in MODELS else MADE_BY_OTHERS[name]
    assert set(TABLES[name].columns) == found, f"say in gateway/inventory/tables.py which kind of data {name} holds"
    assert set(TABLES[name].columns.values()) <= set(KINDS)


def test_nothing_is_listed_that_is_not_there() -> None:
    assert set(TABLES) == {*MODELS, *MADE_BY_OTHERS}


@pytest.mark.both
async def test_a_migrated_database_holds_no_other_table(database: Database) -> None:
    await migrate(database)
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    }[database.dialect]
    async with database.read() as tx:
        found = {str(row[0]) for row in await tx.execute(text(query))}
    assert found - {"sqlite_sequence"} == set(TABLES), "sqlite_sequence counts rows: SQLite's own"


def test_what_names_somebody_or_something_of_theirs_is_sealed_or_a_mark() -> None:
    clear = [str(column) for _, column, held in columns() if kind_of(column) in NEVER_CLEAR and held.form == "clear"]
    assert clear == []


def test_keys_are_never_bare() -> None:
    bare = [str(column) for _, column, held in columns() if kind_of(column) == "keys" and held.form == "clear"]
    assert bare == ["signing_keys.public"]


def test_every_store_is_told_of_and_holds_something() -> None:
    assert {listed.store for listed in TABLES.values()} == {store.key for store in STORES}
    for store in STORES:
        assert kinds(store.key)
        assert set(forms(store.key)) <= set(FORMS)
        assert store.basis in BASES
    assert {kind for store in STORES for kind in kinds(store.key)} == set(KINDS), "a word that nothing needs"


def test_what_is_erased_together_is_told_together() -> None:
    """The stores of the erasure plan are stores of the inventory, called the same, and hold the same tables."""
    titles = {store.key: store.title for store in STORES}
    for store in holdings.STORES:
        assert titles[store.name] == store.what
        for rows in store.rows:
            listed = TABLES[rows.table.name].store
            assert listed == store.name or rows.table.name == "webhook_messages", rows.table.name
