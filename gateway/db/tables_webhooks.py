"""The tables of what a school is told at an address of its own: the address with its secrets, and what waits to go.

A message is kept only until it has been delivered or given up; it holds random ids, counts, states and versions of
notices, never a name.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from cache.inventory import held, sealed_by
from gateway.db.metadata import metadata

_SENT = "when it was delivered or given up, with the school's address, or with the person"

webhooks = Table(
    "webhooks",
    metadata,
    Column("school", String(32), primary_key=True, info=held("random id of the school", "school")),
    Column(
        "told",
        LargeBinary,
        nullable=False,
        info=held("the address, its signing secrets, the instruction", "school", "sealed", "with the address"),
    ),
    Column("after", BigInteger, nullable=False, info=held("how long a job must last to be told, ms", "school")),
    Column("stopped", Integer, nullable=False, default=0, info=held("1 where the address is not used now", "school")),
    Column("succeeded", BigInteger, nullable=True, info=held("the last delivery that went well, ms", "school")),
    Column("failed", BigInteger, nullable=True, info=held("the last delivery that did not, ms", "school")),
    Column("failure", Text, nullable=True, info=held("why it did not: a stable code", "school")),
    Column("status", Integer, nullable=True, info=held("what the address answered then, HTTP", "school")),
    Column("given_up", Integer, nullable=False, default=0, info=held("messages that were given up", "school")),
    info=sealed_by("school", "school"),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(40), primary_key=True, info=held("the message, random id", "person", ends=_SENT)),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school", ends=_SENT)),
    Column("person", String(32), nullable=False, info=held("whose job ended, random id, or ''", "person", ends=_SENT)),
    Column("body", Text, nullable=False, info=held("ids, counts, states, versions, JSON", "person", ends=_SENT)),
    Column("created", BigInteger, nullable=False, info=held("when it came to be, ms", "person", ends=_SENT)),
    Column("not_before", BigInteger, nullable=False, info=held("its next attempt, ms", "person", ends=_SENT)),
    Column("attempts", Integer, nullable=False, default=0, info=held("attempts so far", "person", ends=_SENT)),
    Index("ix_webhook_messages_turn", "school", "not_before"),
    Index("ix_webhook_messages_person", "person"),
)
