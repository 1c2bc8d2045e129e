"""The arithmetic of the ledger: the canonical form of an entry, the chain's hash, and the root over many items. No I/O.

    hash_n = SHA-256(canonical(LABEL, hash_{n-1}, the entry's clear fields, its sealed details))
    hash_0 = SHA-256(canonical(LABEL, school))

The root is the Merkle tree hash of RFC 6962 over the items in their order.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any, Final

LABEL: Final = "file-access ledger 1"
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


def link(previous: bytes, entry: dict[str, Any]) -> bytes:
    """The hash of an entry that follows ``previous``."""
    return hashlib.sha256(canonical(LABEL, previous, *(entry[name] for name in FIELDS))).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1: leaves and nodes are told apart by a first byte, so neither passes for the other."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]
