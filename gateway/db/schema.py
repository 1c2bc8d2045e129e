"""All tables of the three storeys: what migrations make, and what the data inventory is checked against."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

import cache.catalog
import providers.native.tables
from cache.sealed import SealedTable, sealed_tables
from gateway.db import (
    tables_approvals,
    tables_containment,
    tables_erasure,
    tables_files,
    tables_holds,
    tables_incidents,
    tables_lawful,
    tables_ledger,
    tables_people,
    tables_rights,
    tables_schools,
    tables_webhooks,
    tables_work,
)
from gateway.db.metadata import metadata

_DEFINED: Final = (
    tables_approvals,
    tables_containment,
    tables_erasure,
    tables_files,
    tables_holds,
    tables_incidents,
    tables_lawful,
    tables_ledger,
    tables_people,
    tables_rights,
    tables_schools,
    tables_webhooks,
    tables_work,
)
"""Importing them is what puts their tables on the gateway's metadata."""

METADATAS: Final[tuple[MetaData, ...]] = (cache.catalog.metadata, providers.native.tables.metadata, metadata)

SEALED: Final[tuple[SealedTable, ...]] = sealed_tables(METADATAS)
"""What is sealed under whose key: all that must be sealed anew when a key is replaced."""
