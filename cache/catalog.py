"""The tables of this storey: wrapped keys, sealed objects, what was destroyed, and the epoch that tells of it.

Clear here are random ids, sizes and times; everything else is wrapped or sealed. Expiry keys are never here.

Of a scope's keys one is ``current``: it wraps and seals. One that is to follow it is ``next`` until every process knows
it; one that was followed is ``old`` until nothing is under it any more.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, false

from cache.inventory import Whose, held, sealed_by

metadata = MetaData()

_TENANT = "a random id of the school"
_SUBJECT = "a random id of the person or space, empty for the school's own"
_SHRED = "destroyed when the person or school is forgotten"
_TURN = "with the next cycle, or when the person is forgotten"


def _tenant(*, key: bool = False) -> Column[str]:
    return Column("tenant", String(64), primary_key=key, nullable=False, info=held(_TENANT, "school"))


def _subject(*, key: bool = False) -> Column[str]:
    return Column("subject", String(64), primary_key=key, nullable=False, info=held(_SUBJECT, "person", ends=_SHRED))


def _state(whose: Whose, ends: str) -> Column[str]:
    info = held("next, current, or old: followed by another", whose, ends=ends)
    return Column("state", String(8), nullable=False, server_default="current", info=info)


roots = Table(
    "vault_roots",
    metadata,
    Column("version", Integer, primary_key=True, info=held("which root key this is", ends="never")),
    Column("check", LargeBinary, nullable=False, info=held("tells a wrong root key from the right one", form="hash")),
    Column("made", BigInteger, nullable=False, info=held("when this root was first used", ends="never")),
    Column(
        "state",
        String(8),
        nullable=False,
        server_default="current",
        info=held("next, current, old, retired (for backups only) or gone", ends="never"),
    ),
    Column("kms", Text, info=held("its key in AWS KMS, an ARN", ends="never")),
    Column("box", LargeBinary, info=held("a data key that KMS made for it", "gateway", "wrapped")),
    Column("missing", BigInteger, info=held("when a process last said that it lacks this root, epoch ms")),
    Column("due", BigInteger, info=held("when no backup needs it any more, epoch ms", ends="never")),
    Column("gone", BigInteger, info=held("when it was, or will be, destroyed here, epoch ms", ends="never")),
    Column("attested", BigInteger, info=held("when the operator vouched that no copy is left, epoch ms", ends="never")),
)

tenant_keys = Table(
    "vault_tenant_keys",
    metadata,
    _tenant(key=True),
    Column("version", Integer, primary_key=True, info=held("which key of the school this is", "school")),
    Column("root_version", Integer, nullable=False, info=held("the root key that wraps it", "school")),
    Column("box", LargeBinary, nullable=False, info=held("the school's key", "school", "wrapped", _SHRED)),
    Column("made", BigInteger, nullable=False, info=held("when the key was made", "school")),
    _state("school", _SHRED),
)

subject_keys = Table(
    "vault_subject_keys",
    metadata,
    _tenant(key=True),
    _subject(key=True),
    Column("version", Integer, primary_key=True, info=held("which key of the person this is", "person", ends=_SHRED)),
    Column("tenant_version", Integer, nullable=False, info=held("the school key that wraps it", "person", ends=_SHRED)),
    Column("box", LargeBinary, nullable=False, info=held("the person's key", "person", "wrapped", _SHRED)),
    Column("made", BigInteger, nullable=False, info=held("when the key was made", "person", ends=_SHRED)),
    _state("person", _SHRED),
)
_NOT_CURRENT = subject_keys.c.state != "current"
Index(
    "vault_subject_keys_turning",
    *(subject_keys.c.tenant, subject_keys.c.subject),
    sqlite_where=_NOT_CURRENT,
    postgresql_where=_NOT_CURRENT,
)

record_keys = Table(
    "vault_record_keys",
    metadata,
    _tenant(key=True),
    _subject(key=True),
    Column("version", Integer, primary_key=True, info=held("which record key this is", "person", ends=_SHRED)),
    Column("key_version", Integer, nullable=False, info=held("the key that wraps it", "person", ends=_SHRED)),
    Column("box", LargeBinary, nullable=False, info=held("key of the person's records", "person", "wrapped", _SHRED)),
    Column("made", BigInteger, nullable=False, info=held("when the key was made", "person", ends=_SHRED)),
)

changes = Table(
    "vault_changes",
    metadata,
    _tenant(key=True),
    _subject(key=True),
    Column("epoch", BigInteger, nullable=False, info=held("the epoch in which the keys changed", "person", ends=_TURN)),
    Index("vault_changes_epoch", "epoch"),
)

renewals = Table(
    "vault_renewals",
    metadata,
    _tenant(key=True),
    _subject(key=True),
    Column("since", BigInteger, nullable=False, info=held("when a new key became due, epoch ms", "person", ends=_TURN)),
    Column(
        "bulk",
        Boolean,
        nullable=False,
        server_default=false(),
        info=held("whether the sealed objects are to be rewritten too", "person", ends=_TURN),
    ),
)

cycles = Table(
    "vault_cycles",
    metadata,
    Column("id", Integer, primary_key=True, info=held("counts the cycles", ends="never")),
    Column("kind", String(8), nullable=False, info=held("cycle, or rekey: without a new root", ends="never")),
    Column("step", String(8), nullable=False, info=held("what is being done", ends="never")),
    Column("begun", BigInteger, nullable=False, info=held("when it was begun, epoch ms", ends="never")),
    Column("stepped", BigInteger, nullable=False, info=held("when the step was begun, epoch ms", ends="never")),
    Column("finished", BigInteger, info=held("when it was finished, epoch ms", ends="never")),
    Column("counts", Text, nullable=False, info=held("numbers only, JSON", ends="never")),
    Column("owner", String(32), info=held("the process at work on it, random id")),
    Column("until", BigInteger, nullable=False, info=held("when that process gives it up at the latest, epoch ms")),
)

_ENDS = "at its end, when destroyed, or when the person is forgotten"

objects = Table(
    "vault_objects",
    metadata,
    Column("id", String(32), primary_key=True, info=held("a random id", "person", ends=_ENDS)),
    _tenant(),
    _subject(),
    Column("blob", String(32), info=held("the blob's name, where it is not the id", "person", ends=_ENDS)),
    Column("life", String(8), nullable=False, info=held("how the object ends", "person", ends=_ENDS)),
    Column("format", Integer, nullable=False, info=held("layout of the sealed stream", ends=_ENDS)),
    Column("segment", Integer, nullable=False, info=held("segment size of the sealed stream, bytes", ends=_ENDS)),
    Column("size", BigInteger, nullable=False, info=held("plaintext length, bytes", "person", ends=_ENDS)),
    Column("key_version", Integer, nullable=False, info=held("the person's key that wraps it", "person", ends=_ENDS)),
    Column("expiry_version", Integer, info=held("the kind of expiry key that is part of its wrap", ends=_ENDS)),
    Column("bucket", BigInteger, info=held("five-minute bucket of its end", "person", ends=_ENDS)),
    Column("box", LargeBinary, nullable=False, info=held("the object's key", "person", "wrapped", _ENDS)),
    Column("hashes", LargeBinary, info=held("content hashes", "person", "sealed", _ENDS)),
    Column("stored", BigInteger, nullable=False, info=held("when it was stored", "person", ends=_ENDS)),
    Column("ends", BigInteger, info=held("when it ends by itself", "person", ends=_ENDS)),
    Column("used", BigInteger, info=held("when a cached copy was last opened", "person", ends=_ENDS)),
    Index("vault_objects_owner", "tenant", "subject"),
    Index("vault_objects_ends", "ends"),
    Index("vault_objects_used", "used"),
    Index("vault_objects_blob", "blob"),
    info=sealed_by("id", "tenant", "subject"),
)

graves = Table(
    "vault_graves",
    metadata,
    Column("id", String(32), primary_key=True, info=held("a destroyed object whose blob is still to be deleted")),
    Column("since", BigInteger, nullable=False, info=held("when it was destroyed")),
    Index("vault_graves_since", "since"),
)

shredded = Table(
    "vault_shredded",
    metadata,
    _tenant(key=True),
    Column(
        "subject",
        String(64),
        primary_key=True,
        info=held("a random id that is never used again, empty for a school that left", ends="never"),
    ),
    Column("epoch", BigInteger, nullable=False, info=held("the epoch in which its keys were destroyed", ends="never")),
    Index("vault_shredded_epoch", "epoch"),
)

epoch = Table(
    "vault_epoch",
    metadata,
    Column("id", Integer, primary_key=True, info=held("always 1", ends="never")),
    Column("value", BigInteger, nullable=False, info=held("advances when something is destroyed", ends="never")),
)
