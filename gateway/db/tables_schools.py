"""The table of what a school has chosen for its people: one sealed document for each school, with its version."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

school_settings = Table(
    "school_settings",
    metadata,
    Column("school", String(32), primary_key=True, info=held("random id of the school", "school")),
    Column("version", Integer, nullable=False, info=held("how often the settings were changed", "school")),
    Column("changed", BigInteger, nullable=False, info=held("when they were last changed, epoch ms", "school")),
    Column(
        "told",
        LargeBinary,
        nullable=False,
        info=held("what the school's administrators chose", "school", "sealed", "with the school's key"),
    ),
    info=sealed_by("school", "school"),
)
