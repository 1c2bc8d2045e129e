"""The tables of this storey: wrapped keys, sealed objects, what was destroyed or suspended, the epoch that tells of it.

Clear here are random ids, sizes and times; everything else is wrapped or sealed. Expiry keys are never here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from cache.inventory import held

metadata = MetaData()

_TENANT = "a random id of the school"
_SUBJECT = "a random id of the person or space, empty for the school's own"
_SHRED = "destroyed when the person or school is forgotten"


def _tenant(*, key: bool = False) -> Column[str]:
    return Column("tenant", String(64), primary_key=key, nullable=False, info=held(_TENANT, "school"))


def _subject(*, key: bool = False) -> Column[str]:
    return Column("subject", String(64), primary_key=key, nullable=False, info=held(_SUBJECT, "person", ends=_SHRED))


roots = Table(
    "vault_roots",
    metadata,
    Column("version", Integer, primary_key=True, info=held("which root key this is")),
    Column("check", LargeBinary, nullable=False, info=held("tells a wrong root key from the right one", form="hash")),
    Column("made", BigInteger, nullable=False, info=held("when this root was first used")),
)

tenant_keys = Table(
    "vault_tenant_keys",
    metadata,
    _tenant(key=True),
    Column("version", Integer, primary_key=True, info=held("which key of the school this is", "school")),
    Column("root_version", Integer, nullable=False, info=held("the root key that wraps it", "school")),
    Column("box", LargeBinary, nullable=False, info=held("the school's key", "school", "wrapped", _SHRED)),
    Column("made", BigInteger, nullable=False, info=held("when the key was made", "school")),
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
)

_ENDS = "at its end, when destroyed, or when the person is forgotten"

objects = Table(
    "vault_objects",
    metadata,
    Column("id", String(32), primary_key=True, info=held("a random id, also the blob's name", "person", ends=_ENDS)),
    _tenant(),
    _subject(),
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

suspended = Table(
    "vault_suspended",
    metadata,
    _tenant(key=True),
    _subject(key=True),
    Column("version", Integer, primary_key=True, info=held("which key of theirs", "person", ends=_SHRED)),
    Column("newest", Integer, nullable=False, info=held("the highest version there was then", "person", ends=_SHRED)),
    Column("active", Boolean, nullable=False, info=held("whether it may not be used now", "person", ends=_SHRED)),
    Column("epoch", BigInteger, nullable=False, info=held("the epoch in which that changed", ends=_SHRED)),
    Index("vault_suspended_epoch", "epoch"),
)
