"""The lines of an exported ledger, as JSON: how an entry is written and read back. No I/O, no judgement.

    {"kind": "ledger", "version": 1, "at": …}
    {"kind": "chain", "school": …, "base": n, "to": n, "signed": the checkpoint of the base, or null}
    {"kind": "entry", the columns, bytes as hex; "told": the opened details, or null}
    {"kind": "checkpoint", "signed": …}
    {"kind": "page", "signed": …}     what came since the last page, line by line, and that last page
    {"kind": "seal", "signed": …}     the last line: which chains, each up to where

A page names each line's digest, so that one that was changed is found exactly, also where no chain covers it: what was
opened. Pages and seal are signed with the keys of checkpoints.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = 1
PAGE: Final = 500
"""Lines after which a page is signed."""
LONGEST: Final = 16 << 20
"""Bytes of one line at most: a cover of a few thousand items is the longest."""
BYTES: Final = ("root", "details", "hash")
TEXTS: Final = ("school", "id", "action", "principal", "subject", "instruction", "policy_version")
NUMBERS: Final = ("sequence", "at", "items")
_NEEDED: Final = frozenset({"school", "sequence", "id", "at", "action", "policy_version", "hash"})


def dumps(line: Mapping[str, Any]) -> bytes:
    """One line, with its end."""
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def loads(raw: bytes) -> dict[str, Any]:
    """ValueError for what is no line of ours."""
    try:
        line = json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        raise ValueError("not a line of an exported ledger")  # noqa: TRY004  # the caller knows one error
    return line


def digest(raw: bytes) -> str:
    """What stands for a line in its page."""
    return hashlib.sha256(raw).hexdigest()[:32]


def entry_line(row: Mapping[str, Any], told: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row of the ledger as a line."""
    plain = {name: row[name] for name in (*TEXTS, *NUMBERS)}
    return {"kind": "entry", **plain, **{name: _hex(row[name]) for name in BYTES}, "told": told}


def entry_row(line: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite, strictly: ValueError for anything that `entry_line` would not have written."""
    row: dict[str, Any] = {}
    for name, kind in (*((n, str) for n in TEXTS), *((n, int) for n in NUMBERS), *((n, str) for n in BYTES)):
        value = line.get(name)
        if (value is None and name in _NEEDED) or not (value is None or type(value) is kind):
            raise ValueError("not an entry")
        row[name] = bytes.fromhex(value) if name in BYTES and isinstance(value, str) else value
    if set(line) != {"kind", "told", *row} or entry_line(row, None) != {**line, "told": None}:
        raise ValueError("not an entry as it is written")
    return row


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else bytes(raw).hex()
