"""One stored stream under the keys of two subjects of a tenant: a second row over the same bytes, wrapped by another.

A stream is bound to its blob's name and its tenant, never to a subject, so no byte of it is written again. Each row
ends by itself, with its key or when it is destroyed; the bytes go with the last of them. Only what is kept is shared:
nothing that would end by itself lives longer by this.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import shelf
from cache.catalog import objects
from cache.errors import Missing, Shredded
from cache.fields import Fields
from cache.keyring import Keyring
from cache.keyrows import hold_current
from cache.keys import Key
from cache.model import Life, Scope
from cache.ring import Ring
from cache.wrapping import opened, wrap_of, wrapped


async def share(
    tx: AsyncConnection, keyring: Keyring, scope: Scope, ids: Sequence[str], other: Scope
) -> Mapping[str, str]:
    """See `Vault.share`."""
    if scope.tenant != other.tenant or scope == other:
        raise ValueError("bytes are shared with another subject of the same tenant")
    ring, theirs = await keyring.ring(scope, tx), await keyring.ring(other, tx)
    parent = await hold_current(tx, theirs)
    made: dict[str, str] = {}
    for chunk in (ids[at : at + shelf.IDS_AT_ONCE] for at in range(0, len(ids), shelf.IDS_AT_ONCE)):
        rows = await shelf.find_all(tx, scope, chunk, hold=True)
        if len(rows) != len(set(chunk)):
            raise Missing("no such object")
        new = [_row(row, ring, theirs, parent) for row in rows]
        await tx.execute(insert(objects), new)
        made.update((row.id, one["id"]) for row, one in zip(rows, new, strict=True))
    return made


def _row(row: Row[Any], ring: Ring, theirs: Ring, parent: Key) -> dict[str, Any]:
    if row.life != Life.KEPT:
        raise ValueError("only what is kept is shared")
    under = ring.version(row.key_version)
    if under is None:
        raise Shredded("the key that wraps the object is gone")
    name = secrets.token_hex(16)
    wrap = wrap_of(theirs.scope, name, row.life, None)
    same = {column: getattr(row, column) for column in ("tenant", "format", "segment", "size", "stored", "used")}
    return {
        **same,
        **wrapped(parent, wrap, None, opened(row, under, None), None),
        "id": name,
        "subject": theirs.scope.owner,
        "blob": row.blob or row.id,
        "hashes": None if row.hashes is None else seal_hashes(Fields(theirs), name, open_hashes(Fields(ring), row)),
    }


def seal_hashes(fields: Fields, object_id: str, hashes: Mapping[str, bytes]) -> bytes:
    """Hashes as an object's row has them."""
    text = json.dumps({name: digest.hex() for name, digest in hashes.items()}, sort_keys=True)
    return fields.seal("vault_objects", "hashes", object_id, text)


def open_hashes(fields: Fields, row: Row[Any]) -> Mapping[str, bytes]:
    """The inverse, of a row. Corrupt."""
    found = json.loads(fields.unseal("vault_objects", "hashes", row.id, row.hashes))
    return {name: bytes.fromhex(digest) for name, digest in found.items()}
