"""What a receipt states: per store what was erased, what stays and why, what remains outside. Ids and counts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.erasure.stores import Store

VERSION = 1

KEPT = (
    {
        "store": "ledger",
        "why": "The record of what was done keeps times, actions and random ids. Its details were sealed under your "
        "key and can no longer be read by anybody.",
    },
    {
        "store": "erasures",
        "why": "This erasure itself: random ids, times and counts, so that a restored backup cannot bring you back.",
    },
)


@dataclass(frozen=True, slots=True)
class Statement:
    """The facts of one erasure. Times in epoch ms."""

    erasure: str
    school: str
    scope: str
    begun: int
    ended: int
    counts: Mapping[str, Any]


def statement(facts: Statement, stores: Sequence[Store]) -> dict[str, Any]:
    """The receipt's payload, ready to be signed."""
    erased = [
        {"store": store.name, "what": store.what, "erased": facts.counts.get(store.name, {}).get("erased", 0)}
        for store in stores
    ]
    return {
        "type": "file-access-erasure-receipt",
        "version": VERSION,
        "erasure": facts.erasure,
        "school": facts.school,
        "scope": facts.scope,
        "asked": _iso(facts.begun),
        "finished": _iso(facts.ended),
        "keys_destroyed": True,
        "erased": erased,
        "kept": list(KEPT),
        "outside": list(facts.counts.get("outside", [])),
        "backups": "Your keys are destroyed. A backup of the database made before this holds them wrapped under the "
        "school's key and the root key; it can be read only together with that root key, until both are replaced.",
    }


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
