"""The arithmetic of the ledger: the canonical form of an entry, the chain's hash, the proof of its end. No I/O.

hash_n = SHA-256(canonical(LABEL, hash_{n-1}, the entry's clear fields, its sealed details))
hash_0 = SHA-256(canonical(LABEL, school))
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping
from typing import Any, Final

LABEL: Final = "file-access ledger 1"
END_LABEL: Final = "file-access ledger end 1"
FIELDS: Final = (
    "school", "sequence", "id", "at", "action", "principal", "subject", "instruction", "policy_version", "items",
    "root", "details",
)  # fmt: skip
"""What an entry's hash covers, in this order. Never reorder: a new format is a new label."""

Value = str | bytes | int | None


def canonical(*values: Value) -> bytes:
    """One byte string for exactly these values: each with its type and its length before it."""
    parts = []
    for value in values:
        kind, raw = _raw(value)
        parts += [kind, struct.pack(">I", len(raw)), raw]
    return b"".join(parts)


def _raw(value: Value) -> tuple[bytes, bytes]:
    match value:
        case None:
            return b"n", b""
        case str():
            return b"s", value.encode()
        case bytes():
            return b"b", value
        case int():
            return b"i", str(value).encode()


def genesis(school: str) -> bytes:
    """Where a school's chain begins."""
    return hashlib.sha256(canonical(LABEL, school)).digest()


def link(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash of an entry that follows ``previous``."""
    return hashlib.sha256(canonical(LABEL, previous, *(entry[name] for name in FIELDS))).digest()


def proof(key: bytes, school: str, sequence: int, end: bytes, base: int, checkpoint: int) -> bytes:
    """The MAC by which the end of a chain is known as ours: nobody shortens or replaces it without the key."""
    return hmac.digest(key, canonical(END_LABEL, school, sequence, end, base, checkpoint), "sha256")
