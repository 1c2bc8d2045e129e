"""The tables of legal holds: what a school must keep of whom, on which basis, and how far that is.

What it is about is sealed under the school's key; what the person may know of it under the person's own, so that those
words end with them. What is kept itself stands in `native_kept`, under the key of the hold alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_KEPT = "at the school's retention once it is over"
_WORDS = "when the person is forgotten, else with the hold"

holds = Table(
    "holds",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a legal hold", ends=_KEPT)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_KEPT)),
    Column("person", String(32), nullable=False, info=held("random id of whose things", "person", ends=_KEPT)),
    Column("state", String(16), nullable=False, info=held("how far it is, as a code", ends=_KEPT)),
    Column("tells", Boolean, nullable=False, info=held("whether the person may know of it", ends=_KEPT)),
    Column(
        "told",
        LargeBinary,
        nullable=False,
        info=held("basis, authority, reference, which things, who asked", "person", "sealed", _KEPT),
    ),
    Column("approval", String(32), info=held("random id of the administrators' approval", ends=_KEPT)),
    Column("release", String(32), info=held("random id of the approval of its release", ends=_KEPT)),
    Column("review", BigInteger, nullable=False, info=held("when the school looks at it again, epoch ms", ends=_KEPT)),
    Column("made", BigInteger, nullable=False, info=held("when it was asked for, epoch ms", ends=_KEPT)),
    Column("began", BigInteger, info=held("since when it holds, epoch ms", ends=_KEPT)),
    Column("ended", BigInteger, info=held("when it was over, epoch ms", ends=_KEPT)),
    Index("ix_holds_school", "school", "made", "id"),
    Index("ix_holds_person", "person"),
    Index("ix_holds_state", "state"),
    info=sealed_by("id", "school"),
)

hold_words = Table(
    "hold_words",
    metadata,
    Column(
        "hold",
        String(32),
        ForeignKey("holds.id", ondelete="CASCADE"),
        primary_key=True,
        info=held("random id of the legal hold", ends=_WORDS),
    ),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_WORDS)),
    Column("person", String(32), nullable=False, index=True, info=held("random id", "person", ends=_WORDS)),
    Column("told", LargeBinary, nullable=False, info=held("what is kept, and why", "person", "sealed", _WORDS)),
    Column("began", BigInteger, nullable=False, info=held("since when it holds, epoch ms", "person", ends=_WORDS)),
    Column("ended", BigInteger, info=held("when it was released, epoch ms", "person", ends=_WORDS)),
    info=sealed_by("hold", "school", "person"),
)
