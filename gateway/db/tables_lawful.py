"""The table of lawful requests: an authority's, on which basis, for what, and how far it is.

What it is about is sealed under the school's key, or, while the law forbids to tell the school, the deployment's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_KEPT = "at the school's retention"

lawful_requests = Table(
    "lawful_requests",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of the request", ends=_KEPT)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_KEPT)),
    Column("state", String(16), nullable=False, info=held("how far it is, as a code", ends=_KEPT)),
    Column("keeper", String(32), nullable=False, info=held("whose key it is under: the school, or 'deployment'")),
    Column(
        "told",
        LargeBinary,
        nullable=False,
        info=held("authority, reference, basis, whom and what, who approved", "person", "sealed", _KEPT),
    ),
    Column("approval", String(32), info=held("random id of the administrators' approval", ends=_KEPT)),
    Column("made", BigInteger, nullable=False, info=held("when it was opened, epoch ms", ends=_KEPT)),
    Column("ended", BigInteger, info=held("when it was over, epoch ms", ends=_KEPT)),
    Index("ix_lawful_requests_school", "school", "keeper", "made"),
    info=sealed_by("id", "keeper"),
)
