"""The tables of durable work: which processes live, what people asked for, the steps of it, and the lanes they wait in.

Names, paths, provider ids and upload-session addresses are sealed under the key of the person who gave the order;
what stays clear is what the queue needs to choose, fence and count without that key.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from cache.inventory import Whose, blind_by_its_own, held, sealed_by
from gateway.db.metadata import metadata

PLACES: Final = 32
"""Items of one account at work at once, unless its lane says otherwise."""
_WITH_JOB: Final = "with its job: forgetting the person, or the end of the job's keeping time"
_SEQUENCE: Final = BigInteger().with_variant(Integer, "sqlite")


def _clear(name: str, kind: Any, what: str, whose: Whose = "person", **more: Any) -> Column[Any]:
    return Column(name, kind, nullable=more.pop("nullable", False), info=held(what, whose, ends=_WITH_JOB), **more)


def _sealed(name: str, what: str) -> Column[Any]:
    return Column(name, LargeBinary, nullable=True, info=held(what, "person", "sealed", _WITH_JOB))


def _index(name: str, what: str) -> Column[Any]:
    info = held(what, "person", "index", _WITH_JOB) | blind_by_its_own()  # the secret is in jobs.marks
    return Column(name, LargeBinary(32), nullable=True, info=info)


processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True, info=held("a running worker process, by random id")),
    Column("started", BigInteger, nullable=False, info=held("when the process registered, ms")),
    Column("beaten", BigInteger, nullable=False, info=held("the process's last heartbeat, ms")),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True, info=held("what one process at a time does, a word of the program's")),
    Column("owner", Text, nullable=False, info=held("the process that does it, by random id")),
    Column("until", BigInteger, nullable=False, info=held("when another process may take it over, ms")),
)

lanes = Table(
    "lanes",
    metadata,
    _clear("id", Text, "the queue of one person's account: school, person and drive, random ids", primary_key=True),
    _clear("tenant", Text, "the school, random id"),
    _clear("person", Text, "the person, random id"),
    _clear("not_before", BigInteger, "the provider asked to wait until then, ms", default=0),
    _clear("strikes", Integer, "throttled answers in a row", default=0),
    _clear("concurrency", Integer, "items of this account at work at once", default=PLACES),
    _clear("served", BigInteger, "when an item was last taken from this lane, ms", default=0),
    _clear("used", BigInteger, "when an item was last put into this lane, ms", default=0),
    Index("ix_lanes_person", "tenant", "person"),
)

jobs = Table(
    "jobs",
    metadata,
    _clear("id", Text, "the job, random id", primary_key=True),
    _clear("tenant", Text, "the school, random id"),
    _clear("person", Text, "the person who gave the order, random id"),
    _clear("kind", Text, "transfer, upload or preflight"),
    _clear("mode", Text, "copy, move or upload"),
    _clear("state", Text, "planning, running, paused, done, failed or cancelled"),
    _clear("instruction", Text, "the instruction in the ledger, random id"),
    _clear("policy_version", Text, "the policy that allowed it"),
    _clear("priority", Integer, "smaller goes first", default=0),
    _clear("created", BigInteger, "when it was ordered, ms"),
    _clear("cancelled", BigInteger, "when its end was asked for, ms", nullable=True),
    _clear("pauses", Integer, "how often it was paused", default=0, server_default="0"),
    _clear("ended", BigInteger, "when it ended, ms", nullable=True),
    _clear("totals", Text, "its counts and bytes once it has ended, JSON of numbers", nullable=True),
    _sealed("spec", "what was asked for: sources, destination, choices"),
    _sealed("marks", "a secret under which the job's items are found again by source and by name"),
    Index("ix_jobs_owner", "tenant", "person", "created"),
    Index("ix_jobs_state", "state"),
    info=sealed_by("id", "tenant", "person"),
)

items = Table(
    "items",
    metadata,
    _clear("seq", _SEQUENCE, "order of discovery", primary_key=True, autoincrement=True),
    _clear("id", Text, "the step, random id", unique=True),
    Column(
        "job",
        Text,
        ForeignKey("jobs.id", ondelete="CASCADE"),
        nullable=False,
        info=held("the job it belongs to", "person", ends=_WITH_JOB),
    ),
    _clear("tenant", Text, "the school, random id"),
    _clear("person", Text, "the person who gave the order, random id"),
    _clear("kind", Text, "scan, folder, copy, relocate, shortcut, prune, upload or survey"),
    _clear("state", Text, "blocked, ready, running, or how it ended"),
    _clear("priority", Integer, "smaller goes first", default=0),
    _clear("lane", Text, "the account whose turn it waits for"),
    _clear("other", Text, "the second account it needs", nullable=True),
    _clear("not_before", BigInteger, "not tried again before, ms", default=0),
    _clear("owner", Text, "the process at work on it", nullable=True),
    _clear("attempt", Integer, "how often it was taken up: the fence of every later write", default=0),
    _clear("failures", Integer, "failed attempts", default=0),
    _clear("losses", Integer, "attempts that ended with their process", default=0),
    _clear("folder", Text, "the folder step it waits for, random id", nullable=True),
    _clear("after", Text, "the folder step whose contents must have ended first, random id", nullable=True),
    _clear("depth", Integer, "how deep below what was chosen", default=0),
    _clear("size", BigInteger, "bytes to be moved, where known", nullable=True),
    _clear("done", BigInteger, "bytes moved so far", default=0),
    _clear("reason", Text, "why it ended as it did: a stable code", nullable=True),
    _clear("ended", BigInteger, "when it ended, ms", nullable=True),
    _index("identity", "the source item's id, to meet it once only"),
    _index("taken", "the name it takes in its destination folder"),
    _sealed("entry", "the source item: id, name, path, version, hashes"),
    _sealed("work", "how far it is: upload session, ids made beforehand, hashes"),
    _sealed("result", "what it became: destination id and name"),
    UniqueConstraint("job", "kind", "identity", name="uq_items_once"),
    Index("ix_items_turn", "state", "lane", "priority", "seq"),
    Index("ix_items_owner", "owner"),
    Index("ix_items_job", "job", "state", "kind"),
    Index("ix_items_folder", "folder", "state"),
    Index("ix_items_taken", "folder", "taken"),
    Index("ix_items_person", "person"),
    info=sealed_by("id", "tenant", "person"),
)
