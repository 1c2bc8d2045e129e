"""The native drive's tables: owners, their trees of nodes, each file's versions, their parts in the vault, uploads.

Names, media types and content hashes are sealed under their owner's key; the name index is a keyed hash that only
tells that two live siblings share a name. Clear are random ids, sizes and times.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from cache.encoding import enc
from cache.inventory import blind, held, sealed_by
from providers.names import collision_key

metadata = MetaData()

NAME_LABEL = "native-name"
_GONE = "when the item is deleted or the person is forgotten"
_UPLOADED = "when the upload is a week old, or the person is forgotten"


_LEFT = "about a month later, or when the person is forgotten"
_FORGOTTEN = "when the person is forgotten"
_RELEASED = "when whoever keeps it lets go of it"


def name_value(parent: str, name: str) -> bytes:
    """What the index of names is made of: equal for two names that may not stand beside each other."""
    return enc(parent, collision_key(name))


def _tenant(*, key: bool = False) -> Column[str]:
    info = held("a random id of the school", "school")
    return Column("tenant", String(64), primary_key=key, nullable=False, info=info)


def _subject(ends: str, *, key: bool = False) -> Column[str]:
    info = held("a random id of the owner, empty for the school's own", "person", ends=ends)
    return Column("subject", String(64), primary_key=key, nullable=False, info=info)


owners = Table(
    "native_owners",
    metadata,
    _tenant(key=True),
    _subject(_FORGOTTEN, key=True),
    Column("number", BigInteger, nullable=False, info=held("counts changes of the drive", "person", ends=_FORGOTTEN)),
    Column("bytes", BigInteger, nullable=False, info=held("bytes stored", "person", ends=_FORGOTTEN)),
)

nodes = Table(
    "native_nodes",
    metadata,
    Column("id", String(64), primary_key=True, info=held("a random id of the item", "person", ends=_GONE)),
    _tenant(),
    _subject(_GONE),
    Column("parent", String(64), info=held("the folder it lies in", "person", ends=_GONE)),
    Column("kind", String(8), nullable=False, info=held("file or folder", "person", ends=_GONE)),
    Column("name", LargeBinary, nullable=False, info=held("its name", "person", "sealed", _GONE)),
    Column(
        "name_index",
        LargeBinary,
        info=held("keyed hash of folder and name", "person", "index", _GONE)
        | blind(NAME_LABEL, ("parent", "name"), lambda parent, name: name_value(parent, name.decode())),
    ),
    Column("media_type", LargeBinary, nullable=False, info=held("its media type", "person", "sealed", _GONE)),
    Column("version", String(32), info=held("a random id of its content", "person", ends=_GONE)),
    Column("revision", Integer, nullable=False, info=held("counts changes of a folder", "person", ends=_GONE)),
    Column("modified", BigInteger, nullable=False, info=held("when it was changed", "person", ends=_GONE)),
    Column("trashed", BigInteger, info=held("when it was put into the trash", "person", ends=_GONE)),
    Column(
        "changed",
        BigInteger,
        nullable=False,
        server_default="0",
        info=held("the number of its latest change", "person", ends=_GONE),
    ),
    UniqueConstraint("parent", "name_index", name="native_nodes_sibling"),
    Index("native_nodes_owner", "tenant", "subject", "id"),
    Index("native_nodes_changed", "tenant", "subject", "changed", "id"),
    Index("native_nodes_children", "parent", "id"),
    Index("native_nodes_trashed", "trashed"),
    info=sealed_by("id", "tenant", "subject"),
)
_IN_TRASH = nodes.c.trashed.is_not(None)
Index(
    "native_nodes_trash",
    *(nodes.c.tenant, nodes.c.subject, nodes.c.trashed, nodes.c.id),
    sqlite_where=_IN_TRASH,
    postgresql_where=_IN_TRASH,
)

gone = Table(
    "native_gone",
    metadata,
    _tenant(key=True),
    _subject(_LEFT, key=True),
    Column(
        "number",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        info=held("the number of the change", "person", ends=_LEFT),
    ),
    Column("node", String(64), nullable=False, info=held("the item that went out of sight", "person", ends=_LEFT)),
    Column("since", BigInteger, nullable=False, info=held("when it went", "person", ends=_LEFT)),
    Index("native_gone_since", "since"),
)

versions = Table(
    "native_versions",
    metadata,
    Column("id", String(32), primary_key=True, info=held("a random id of the content", "person", ends=_GONE)),
    _tenant(),
    _subject(_GONE),
    Column("node", String(64), nullable=False, info=held("the file it is or was the content of", "person", ends=_GONE)),
    Column("number", Integer, nullable=False, info=held("puts a file's contents in order", "person", ends=_GONE)),
    Column("modified", BigInteger, nullable=False, info=held("when it was changed", "person", ends=_GONE)),
    Column("size", BigInteger, nullable=False, info=held("its length in bytes", "person", ends=_GONE)),
    Column("sha256", LargeBinary, nullable=False, info=held("its content hash", "person", "sealed", _GONE)),
    UniqueConstraint("node", "number", name="native_versions_order"),
    Index("native_versions_owner", "tenant", "subject"),
    info=sealed_by("id", "tenant", "subject"),
)

parts = Table(
    "native_parts",
    metadata,
    Column("version", String(32), primary_key=True, info=held("the content it is part of", "person", ends=_GONE)),
    Column(
        "start",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        info=held("where it begins in the content, bytes", "person", ends=_GONE),
    ),
    _tenant(),
    _subject(_GONE),
    Column("size", BigInteger, nullable=False, info=held("its length in bytes", "person", ends=_GONE)),
    Column("object", String(32), nullable=False, info=held("the sealed object that holds it", "person", ends=_GONE)),
    Index("native_parts_owner", "tenant", "subject"),
    Index("native_parts_object", "object"),
)

uploads = Table(
    "native_uploads",
    metadata,
    Column("id", String(32), primary_key=True, info=held("a random id of the upload", "person", ends=_UPLOADED)),
    _tenant(),
    _subject(_UPLOADED),
    Column("version", String(32), nullable=False, info=held("the content being made", "person", ends=_UPLOADED)),
    Column("received", BigInteger, nullable=False, info=held("bytes here, -1: given up", "person", ends=_UPLOADED)),
    Column("closed", Boolean, nullable=False, info=held("whether all bytes are here", "person", ends=_UPLOADED)),
    Column("node", String(64), info=held("the item it became", "person", ends=_UPLOADED)),
    Column("ends", BigInteger, nullable=False, info=held("when it is given up", "person", ends=_UPLOADED)),
    Index("native_uploads_owner", "tenant", "subject"),
    Index("native_uploads_ends", "ends"),
)

kept = Table(
    "native_kept",
    metadata,
    _tenant(),
    Column(
        "subject",
        String(64),
        primary_key=True,
        nullable=False,
        info=held("a random id of what keeps it, and whose key seals it", "school", ends=_RELEASED),
    ),
    Column("content", String(32), primary_key=True, info=held("a random id of the content", "person", ends=_RELEASED)),
    Column(
        "owner",
        String(64),
        nullable=False,
        info=held("a random id of whose it is or was, empty for the school's own", "person", ends=_RELEASED),
    ),
    Column("node", String(64), nullable=False, info=held("the file it is or was of", "person", ends=_RELEASED)),
    Column("number", Integer, nullable=False, info=held("puts a file's contents in order", "person", ends=_RELEASED)),
    Column("modified", BigInteger, nullable=False, info=held("when it was changed", "person", ends=_RELEASED)),
    Column("size", BigInteger, nullable=False, info=held("its length in bytes", "person", ends=_RELEASED)),
    Column("told", LargeBinary, info=held("its name, path and content hash", "person", "sealed", _RELEASED)),
    Index("native_kept_content", "content"),
    Index("native_kept_owner", "tenant", "owner"),
    info=sealed_by("content", "tenant", "subject"),
)
"""Contents that outlive their file and its owner; ``told`` is empty until they are under the key of what keeps them."""

kept_parts = Table(
    "native_kept_parts",
    metadata,
    _tenant(),
    Column("subject", String(64), primary_key=True, info=held("what keeps it, as above", "school", ends=_RELEASED)),
    Column("content", String(32), primary_key=True, info=held("the content it is part of", "person", ends=_RELEASED)),
    Column(
        "start",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        info=held("where it begins in the content, bytes", "person", ends=_RELEASED),
    ),
    Column("size", BigInteger, nullable=False, info=held("its length in bytes", "person", ends=_RELEASED)),
    Column(
        "object", String(32), nullable=False, info=held("the sealed object that holds it", "person", ends=_RELEASED)
    ),
    Index("native_kept_parts_object", "object"),
)
