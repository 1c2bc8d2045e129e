"""What a checkpoint states, signed: where a chain was and what its hash was there. Checked with public keys alone.

An 'end' says how far the chain had come. A 'base' says up to where entries were pruned; only a base lets a chain begin
later than at its first entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.signing import CHECKPOINT, verify

END: Final = "end"
BASE: Final = "base"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Stated:
    """``previous``: place of the checkpoint before. ``at`` in epoch ms."""

    school: str
    sequence: int
    hash: bytes
    kind: str
    previous: int
    at: int

    def statement(self) -> dict[str, Any]:
        """To be signed as `gateway.signing.CHECKPOINT`."""
        return {
            "type": CHECKPOINT.typ,
            "version": VERSION,
            "school": self.school,
            "sequence": self.sequence,
            "hash": self.hash.hex(),
            "kind": self.kind,
            "previous": self.previous,
            "at": datetime.fromtimestamp(self.at / 1000, UTC).isoformat(timespec="milliseconds"),
        }


def read(signed: Mapping[str, Any], keys: Mapping[str, Any]) -> Stated:
    """What was signed by one of these keys (a JWKS). ValueError where it was not, or is no checkpoint."""
    told = verify(signed, keys, CHECKPOINT)
    try:
        at = round(datetime.fromisoformat(told["at"]).timestamp() * 1000)
        hashed = bytes.fromhex(told["hash"])
        found = Stated(told["school"], told["sequence"], hashed, told["kind"], told["previous"], at)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("not a checkpoint") from error
    if found.statement() != told:
        raise ValueError("not a checkpoint of this version")
    return found


def loads(text: str, keys: Mapping[str, Any]) -> Stated:
    """`read` of text."""
    signed = json.loads(text)
    if not isinstance(signed, dict):
        raise ValueError("not a signed statement")  # noqa: TRY004  # the caller knows one error
    return read(signed, keys)
