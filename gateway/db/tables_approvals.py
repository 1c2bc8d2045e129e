"""Tables of what needs two administrators and a delay: the request, who stands behind it, whom it is about.

What is asked for in detail is sealed under the school's key. What was done stays in the ledger; these rows go.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_ENDED: Final = "a year after it ended, or when the school leaves"
_PERSON: Final = "with the request, or when the person is forgotten"

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a request", "school", ends=_ENDED)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_ENDED)),
    Column("kind", String(32), nullable=False, info=held("what is to be done, as a code", "school", ends=_ENDED)),
    Column(
        "state",
        String(16),
        nullable=False,
        info=held("proposed, approved, done, cancelled or lapsed", "school", ends=_ENDED),
    ),
    Column("needed", Integer, nullable=False, info=held("administrators that it needs", "school", ends=_ENDED)),
    Column("delay", BigInteger, nullable=False, info=held("wait after the last of them, ms", "school", ends=_ENDED)),
    Column("people", Integer, nullable=False, info=held("how many people it is about", "school", ends=_ENDED)),
    Column(
        "details",
        LargeBinary,
        nullable=False,
        info=held("what exactly is to be done, and why", "school", "sealed", "with the school's key"),
    ),
    Column("made", BigInteger, nullable=False, info=held("when it was asked for, epoch ms", "school", ends=_ENDED)),
    Column("due", BigInteger, info=held("when it is done unless cancelled, epoch ms", "school", ends=_ENDED)),
    Column("ended", BigInteger, info=held("when it was done, cancelled or lapsed, epoch ms", "school", ends=_ENDED)),
    Index("ix_approvals_school", "school", "made"),
    Index("ix_approvals_due", "state", "due"),
    info=sealed_by("id", "school"),
)

approval_votes = Table(
    "approval_votes",
    metadata,
    Column(
        "approval",
        String(32),
        ForeignKey("approvals.id", ondelete="CASCADE"),
        primary_key=True,
        info=held("random id of the request", "school", ends=_ENDED),
    ),
    Column(
        "person",
        String(32),
        primary_key=True,
        index=True,
        info=held("random id of an administrator who stands behind it", "person", ends=_PERSON),
    ),
    Column("at", BigInteger, nullable=False, info=held("when they said so, epoch ms", "person", ends=_PERSON)),
)

approval_subjects = Table(
    "approval_subjects",
    metadata,
    Column(
        "approval",
        String(32),
        ForeignKey("approvals.id", ondelete="CASCADE"),
        primary_key=True,
        info=held("random id of the request", "school", ends=_ENDED),
    ),
    Column(
        "person",
        String(32),
        primary_key=True,
        index=True,
        info=held("random id of a person it is about", "person", ends=_PERSON),
    ),
)
