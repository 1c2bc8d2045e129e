"""The inventory as a person reads it: for each store the kinds of data that its tables hold, and in which forms."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sqlalchemy import Column

from cache.inventory import Held
from gateway.db.schema import METADATAS
from gateway.inventory.tables import TABLES
from gateway.inventory.words import FORMS, KINDS

_CONTENTS = frozenset({"cached", "native", "uploads"})
"""Stores whose files lie beside the database, as sealed objects."""


def columns() -> Iterator[tuple[str, Column[object], Held]]:
    """(the store's key, the column, its entry) of every column."""
    for metadata in METADATAS:
        for table in metadata.sorted_tables:
            for column in table.columns:
                yield TABLES[table.name].store, column, column.info["held"]


def kind_of(column: Column[object]) -> str:
    """The kind of data that a column holds."""
    return TABLES[column.table.name].columns[column.name]


@cache
def kinds(store: str) -> tuple[str, ...]:
    """The kinds of data in a store, in the order of the vocabulary."""
    found = {kind_of(column) for key, column, _ in columns() if key == store}
    found |= {"contents"} if store in _CONTENTS else set()
    return tuple(kind for kind in KINDS if kind in found)


@cache
def forms(store: str) -> tuple[str, ...]:
    """The forms in which a store's data lies, in the order of the vocabulary."""
    found = {held.form for key, _, held in columns() if key == store}
    found |= {"sealed"} if store in _CONTENTS else set()
    return tuple(form for form in FORMS if form in found)
