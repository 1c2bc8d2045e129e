"""The tables of what is suspended while something is looked into: a school, a person, a connection, a sign-in, a key.

A row is ended, not deleted, as long as its person is here: that access was cut off must itself be accounted for.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, text

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_ENDS: Final = "when the person is forgotten, else with the school"
_ACTIVE: Final = text("lifted IS NULL")

containments = Table(
    "containments",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a suspension", "school", ends=_ENDS)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_ENDS)),
    Column("kind", String(16), nullable=False, info=held("what is suspended: a code", "school", ends=_ENDS)),
    Column("target", String(64), nullable=False, info=held("random id, or version of a key", "school", ends=_ENDS)),
    Column("person", String(32), index=True, info=held("random id of the person it is of", "person", ends=_ENDS)),
    Column("incident", String(32), info=held("random id of the incident it belongs to", "school", ends=_ENDS)),
    Column("began", BigInteger, nullable=False, info=held("since when, epoch ms", "school", ends=_ENDS)),
    Column("by", String(32), info=held("random id of the administrator; empty: the operator", "person", ends=_ENDS)),
    Column("noted", BigInteger, info=held("its entry in the erasure journal", ends=_ENDS)),
    Column("lifted", BigInteger, info=held("when it was lifted, epoch ms", "school", ends=_ENDS)),
    Column("lifted_by", String(32), info=held("random id of the administrator, as above", "person", ends=_ENDS)),
    Column("lift_noted", BigInteger, info=held("the lifting's entry in the erasure journal", ends=_ENDS)),
    Index(
        "containments_active", "school", "kind", "target", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    ),
    Index("containments_began", "school", "began", "id"),
)

containment_words = Table(
    "containment_words",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a reason", "school", ends=_ENDS)),
    Column(
        "containment",
        String(32),
        ForeignKey("containments.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        info=held("random id of the suspension", "school", ends=_ENDS),
    ),
    Column("lifting", Boolean, nullable=False, info=held("whether it is of the lifting", "school", ends=_ENDS)),
    Column("tenant", String(64), nullable=False, info=held("whose key seals it: the school", "school", ends=_ENDS)),
    Column("subject", String(64), nullable=False, info=held("the person, or the book", "person", ends=_ENDS)),
    Column("told", LargeBinary, nullable=False, info=held("why, in words", "person", "sealed", _ENDS)),
    info=sealed_by("id", "tenant", "subject"),
)
