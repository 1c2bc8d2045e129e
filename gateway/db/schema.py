"""All tables of the three storeys: what migrations make, and what the data inventory is checked against."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

import cache.catalog
import providers.native.tables
from gateway.db.metadata import metadata

METADATAS: Final[tuple[MetaData, ...]] = (cache.catalog.metadata, providers.native.tables.metadata, metadata)
