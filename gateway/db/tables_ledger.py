"""The tables of the ledger: entries that are only ever added, and each school's end of its chain.

In the clear are times, actions and random ids; what was done to what is sealed under the key of the person it is
about, so that forgetting the person silences the entry and leaves the chain whole.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_KEPT: Final = "at the school's retention"

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("school", String(32), primary_key=True, info=held("random id of the school", "school", ends=_KEPT)),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, info=held("place in the chain", ends=_KEPT)),
    Column("id", String(32), nullable=False, unique=True, info=held("random id of the entry", ends=_KEPT)),
    Column("at", BigInteger, nullable=False, info=held("when it was written, epoch ms", ends=_KEPT)),
    Column("action", String(64), nullable=False, info=held("what was done, as a code", ends=_KEPT)),
    Column("principal", String(32), info=held("random id of who instructed it", "person", ends=_KEPT)),
    Column("subject", String(32), info=held("random id of whom it is about", "person", ends=_KEPT)),
    Column("instruction", String(64), info=held("random id of the instruction", "person", ends=_KEPT)),
    Column("policy_version", String(32), nullable=False, info=held("the rules it was decided by", ends=_KEPT)),
    Column("items", BigInteger, info=held("how many items the entry covers", ends=_KEPT)),
    Column("root", LargeBinary(32), info=held("Merkle root of the covered items", "person", "hash", _KEPT)),
    Column(
        "details",
        LargeBinary,
        info=held("what was done to what", "person", "sealed", "unreadable once the person is forgotten"),
    ),
    Column("hash", LargeBinary(32), nullable=False, info=held("the chain up to here", form="hash", ends=_KEPT)),
    Index("ix_ledger_entries_instruction", "school", "instruction"),
    Index("ix_ledger_entries_subject", "school", "subject", "at"),
    info=sealed_by("id", "school", "subject", lasting=True),  # the chain is over the sealed bytes
)

ledger_heads = Table(
    "ledger_heads",
    metadata,
    Column("school", String(32), primary_key=True, info=held("random id of the school", "school", ends="never")),
    Column("sequence", BigInteger, nullable=False, info=held("the last place in the chain", ends="never")),
    Column("hash", LargeBinary(32), nullable=False, info=held("the chain's end", form="hash", ends="never")),
)
