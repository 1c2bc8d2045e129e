"""Tables of opening, uploading and repeating: what is cached for whom, uploads that are arriving, stored answers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from cache.inventory import blind, held, sealed_by
from gateway.db.metadata import metadata

cached_files = Table(
    "cached_files",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a cached copy")),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school")),
    Column("person", String(32), nullable=False, info=held("random id of the person it was opened by", "person")),
    Column("drive", String(32), nullable=False, info=held("random id of the connected drive", "person")),
    Column(
        "lookup",
        LargeBinary(32),
        nullable=False,
        info=held("which item, version and format, as a keyed hash", "person", "index", "with the person's key")
        | blind("cached"),
    ),
    Column("object", String(32), nullable=False, info=held("random id of the sealed bytes", "person")),
    Column(
        "facts",
        LargeBinary,
        nullable=False,
        info=held("item id, name and media type", "person", "sealed", "with the person's key"),
    ),
    Column("size", BigInteger, nullable=False, info=held("bytes", "person")),
    Column("stored", BigInteger, nullable=False, info=held("when it was stored, epoch ms", "person")),
    Column("ends", BigInteger, nullable=False, info=held("when it ends, epoch ms", "person")),
    Index("cached_files_lookup", "person", "lookup", unique=True),
    Index("cached_files_ends", "ends"),
    info=sealed_by("id", "school", "person"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of an upload")),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school")),
    Column("person", String(32), nullable=False, index=True, info=held("random id of the person", "person")),
    Column("drive", String(32), nullable=False, info=held("random id of the destination drive", "person")),
    Column("instruction", String(32), nullable=False, info=held("random id of the instruction", "person")),
    Column(
        "spec",
        LargeBinary,
        nullable=False,
        info=held("destination folder, name, type, time", "person", "sealed", "with the person's key"),
    ),
    Column("length", BigInteger, info=held("announced bytes", "person")),
    Column("offset", BigInteger, nullable=False, info=held("bytes that are safe", "person")),
    Column("state", String(16), nullable=False, info=held("receiving, sending, done or failed", "person")),
    Column("job", String(32), info=held("random id of the job that sends it on", "person")),
    Column("created", BigInteger, nullable=False, info=held("when it began, epoch ms", "person")),
    Column("ends", BigInteger, nullable=False, info=held("when it is given up, epoch ms", "person")),
    Index("uploads_ends", "ends"),
    info=sealed_by("id", "school", "person"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column(
        "upload",
        String(32),
        ForeignKey("uploads.id", ondelete="CASCADE"),
        primary_key=True,
        info=held("random id of the upload"),
    ),
    Column("seq", Integer, primary_key=True, info=held("place in the upload")),
    Column("object", String(32), nullable=False, info=held("random id of the sealed part", "person")),
    Column("size", BigInteger, nullable=False, info=held("bytes of the part", "person")),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("person", String(32), primary_key=True, info=held("random id of the person", "person")),
    Column("school", String(32), nullable=False, info=held("random id of the school", "school")),
    Column("key", LargeBinary(32), primary_key=True, info=held("hash of the caller's key", "person", "hash")),
    Column("request", LargeBinary(32), nullable=False, info=held("hash of the request", "person", "hash")),
    Column("status", Integer, info=held("status of the answer; empty while it runs", "person")),
    Column("owner", String(32), nullable=False, info=held("random id of the process that answers")),
    Column(
        "reply",
        LargeBinary,
        info=held("headers and body of the answer", "person", "sealed", "with the person's key, or after a day"),
    ),
    Column("ends", BigInteger, nullable=False, info=held("when it is forgotten, epoch ms", "person")),
    Index("idempotency_ends", "ends"),
    info=sealed_by("key", "school", "person"),
)
