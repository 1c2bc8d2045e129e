"""Which items one entry of the ledger covers: those that are stored with it, each a leaf of the entry's Merkle tree.

An item remembers its entry and its place there, so that it can be proven to have been ordered (`proofs`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.ids import new_id
from gateway.jobs.model import OPEN, STEPS, NewItem

FORMAT: Final = 1
ORDERED: Final = "transfer.ordered"
"""The entry with which a transfer begins: it covers what the person chose."""
FOUND: Final = "transfer.batch"
"""The entry of what one page of a listing brought."""


@dataclass(frozen=True, slots=True)
class Covered:
    """``items`` as they are to be stored, and the ``leaves`` of the entry that is to be called ``name``."""

    items: Sequence[NewItem]
    leaves: Sequence[bytes]
    name: str


def covering(found: Sequence[NewItem], mode: str, to: str) -> Covered:
    """One entry for all of them that are to be done. ``to``: the destination drive.

    Files are then written under it alone; what makes or moves folders has entries of its own beside it.
    """
    name, marked, leaves = new_id(), list[NewItem](), list[bytes]()
    for one in found:
        if one.kind not in STEPS and one.state in OPEN:
            mark = {"cover": [name, len(leaves)], "covered": one.kind == "copy"}
            leaves.append(leaf(one.kind, one.entry, mode, to, one.folder))
            one = replace(one, entry={**one.entry, **mark})
        marked.append(one)
    return Covered(marked, leaves, name)


def leaf(kind: str, entry: Mapping[str, Any], mode: str, to: str, folder: str | None) -> bytes:
    """What goes where: JSON of the format, kind, mode, source drive and item, destination drive, folder step, name."""
    told = [FORMAT, kind, mode, entry["drive"], entry["ref"], to, folder, entry["to"]]
    return json.dumps(told, separators=(",", ":")).encode()
