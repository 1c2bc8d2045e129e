"""Tables of being forgotten: which erasures ran, which journal entries this database has seen, and who signs receipts.

No foreign key leads from here to a person: what is kept about an erasure is ids, times and counts.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_KEPT = "kept as proof: ids, times and counts only"
_DONE = "when the erasure is finished"

erasures = Table(
    "erasures",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of an erasure", ends=_KEPT)),
    Column("sequence", BigInteger, info=held("its entry in the erasure journal", ends=_KEPT)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_KEPT)),
    Column(
        "person",
        String(32),
        nullable=False,
        index=True,
        info=held("random id that is never used again, empty for many people or a school", ends=_KEPT),
    ),
    Column("scope", String(16), nullable=False, info=held("what was to be forgotten", ends=_KEPT)),
    Column("target", Text, info=held("random ids of the one thing to be forgotten, as JSON", "person", ends=_DONE)),
    Column("by", String(32), info=held("random id of who asked for it", "person", ends=_KEPT)),
    Column("through", String(32), info=held("random id of the guardian's link it was asked by", "person", ends=_KEPT)),
    Column(
        "batch", String(32), index=True, info=held("random id of the erasure of many that it is part of", ends=_KEPT)
    ),
    Column("step", String(16), nullable=False, info=held("the last finished step", ends=_KEPT)),
    Column("counts", Text, nullable=False, info=held("numbers per store, as JSON", ends=_KEPT)),
    Column("bundle", String(96), info=held("id of the sealed list of revocations", ends="with the erasure")),
    Column("begun", BigInteger, nullable=False, info=held("when it was asked for, epoch ms", ends=_KEPT)),
    Column("destroyed", BigInteger, info=held("when its keys, or its one thing, were destroyed, epoch ms", ends=_KEPT)),
    Column("ended", BigInteger, info=held("when it was finished, epoch ms", ends=_KEPT)),
    Column("dead_by", BigInteger, info=held("when backups are dead too, epoch ms", ends=_KEPT)),
    Column("owner", String(32), info=held("random id of the process that is at it", ends=_DONE)),
    Column("until", BigInteger, info=held("when another process may go on with it, epoch ms", ends=_DONE)),
    Index("ix_erasures_school", "school", "begun"),
    Index("ix_erasures_step", "step", "begun"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("erasure", String(32), primary_key=True, info=held("random id of the erasure", ends="a month after it")),
    Column("made", BigInteger, nullable=False, info=held("when it was signed, epoch ms", ends="with the receipt")),
    Column(
        "signed",
        Text,
        nullable=False,
        info=held("the signed receipt: ids and counts", ends="when the last link was used, or after a month"),
    ),
)

receipt_links = Table(
    "receipt_links",
    metadata,
    Column(
        "secret",
        LargeBinary(32),
        primary_key=True,
        info=held("hash of a one-time link's secret", "person", "hash", "at first use, or a month after the erasure"),
    ),
    Column(
        "erasure", String(32), nullable=False, index=True, info=held("random id of the erasure", ends="with the link")
    ),
    Column("made", BigInteger, nullable=False, info=held("when it was given out, epoch ms", ends="with the link")),
)

erasure_state = Table(
    "erasure_state",
    metadata,
    Column("id", String(16), primary_key=True, info=held("always the same")),
    Column("applied", BigInteger, nullable=False, info=held("up to which journal entry this database has seen all")),
    Column(
        "generation", BigInteger, nullable=False, server_default="0", info=held("counts, so that an older copy is told")
    ),
    Column("starting", String(32), info=held("random id of a start that is about to be journalled")),
    Column("clock", BigInteger, nullable=False, server_default="0", info=held("the latest time seen, epoch ms")),
    Column("parked", BigInteger, info=held("until when nothing ends by itself, because the clock jumped, epoch ms")),
)

journal_seen = Table(
    "journal_seen",
    metadata,
    Column(
        "sequence",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        info=held("a journal entry that was seen before one in front of it", ends="once all before it were seen"),
    ),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String(64), primary_key=True, info=held("key id", ends="kept, so that old receipts verify")),
    Column("purpose", String(16), nullable=False, info=held("receipts, checkpoints or journal")),
    Column("public", LargeBinary, info=held("public half", ends="kept, so that old receipts verify")),
    Column("secret", LargeBinary, nullable=False, info=held("secret half", "gateway", "sealed")),
    Column("made", BigInteger, nullable=False, info=held("when it was made, epoch ms")),
    Column("succession", Text, info=held("what it and the key before it state of each other", ends="kept for ever")),
    info=sealed_by("id", None, always="deployment"),
)
