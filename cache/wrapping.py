"""How an object's key is wrapped, as columns of its row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from cache.keys import EXPIRY_VERSION, Key, Wrap, bucket_of, unwrap_key, wrap_key
from cache.model import Scope


def wrap_of(scope: Scope, object_id: str, life: str, ends: int | None) -> Wrap:
    """What an object's key is bound to."""
    return Wrap(life, scope.tenant, scope.owner, object_id, None if ends is None else bucket_of(ends))


def wrapped(parent: Key, wrap: Wrap, ends: int | None, key: bytes, expiry: bytes | None) -> dict[str, Any]:
    """The columns of an object whose key is wrapped so; ``expiry`` where it is temporary."""
    return {
        "life": wrap.purpose,
        "key_version": parent.version,
        "expiry_version": EXPIRY_VERSION if expiry else None,
        "bucket": wrap.bucket,
        "box": wrap_key(key, parent, wrap, expiry=expiry),
        "ends": ends,
    }


def opened(row: Row[Any], parent: Key, expiry: bytes | None) -> bytes:
    """The key of an object's row. Corrupt."""
    return unwrap_key(row.box, parent, Wrap(row.life, row.tenant, row.subject, row.id, row.bucket), expiry=expiry)
