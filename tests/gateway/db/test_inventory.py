"""Every column of the gateway says what it holds, about whom, and what ends it; what names a person is sealed."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, LargeBinary

from cache.inventory import Held
from gateway.db import tables_ledger, tables_people
from gateway.db.metadata import metadata

assert tables_ledger
assert tables_people
COLUMNS = [column for table in metadata.tables.values() for column in table.columns]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_column_is_in_the_inventory(column: Column[object]) -> None:
    held = column.info.get("held")
    assert isinstance(held, Held)
    assert held.what
    assert held.ends
    if held.form in ("sealed", "index", "wrapped"):
        assert isinstance(column.type, LargeBinary)


@pytest.mark.parametrize(
    "name", ["persons.name", "persons.email", "persons.subject", "accounts.label", "accounts.grant"]
)
def test_what_names_a_person_is_sealed(name: str) -> None:
    table, column = name.split(".")
    assert metadata.tables[table].columns[column].info["held"].form == "sealed"
