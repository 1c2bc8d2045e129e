"""Every column is in the data inventory, and each table of personal data ends when its person is forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, LargeBinary

from cache.inventory import Held
from gateway.db.schema import METADATAS

TABLES = [table for metadata in METADATAS for table in metadata.sorted_tables]
COLUMNS = [column for table in TABLES for column in table.columns]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_column_says_what_it_holds(column: Column[object]) -> None:
    """In plain words, about whom, in which form, and what ends it."""
    held = column.info.get("held")
    assert isinstance(held, Held)
    assert held.what
    assert held.ends
    if held.form in ("sealed", "index", "wrapped"):
        assert isinstance(column.type, LargeBinary), "sealed bytes are not text"


def test_table_names_are_unique_across_the_storeys() -> None:
    """One database holds them all."""
    names = [table.name for table in TABLES]
    assert len(names) == len(set(names))
