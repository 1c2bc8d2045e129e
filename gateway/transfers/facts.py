"""An entry of a drive as plain values that can be sealed with an item, and back. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.jobs.turn import Turn
from providers.drive import Entry, ExportChoice, Kind, Ref


def pack(entry: Entry, **more: Any) -> dict[str, Any]:
    """JSON values; ``more`` is put beside them (path, destination name, …)."""
    return {
        "ref": str(entry.ref),
        "name": entry.name,
        "kind": entry.kind.value,
        "media_type": entry.media_type,
        "size": entry.size,
        "version": entry.version,
        "modified": entry.modified.isoformat(),
        "hashes": {name: digest.hex() for name, digest in entry.hashes.items()},
        "target": entry.target and str(entry.target),
        "exports": [[choice.id, choice.media_type, choice.suffix] for choice in entry.exports],
        **more,
    }


def unpack(facts: Mapping[str, Any]) -> Entry:
    """The entry, without what `pack` did not keep (parent, rights)."""
    return Entry(
        ref=Ref.parse(facts["ref"]),
        parent=None,
        name=facts["name"],
        kind=Kind(facts["kind"]),
        media_type=facts["media_type"],
        size=facts["size"],
        version=facts["version"],
        modified=datetime.fromisoformat(facts["modified"]),
        hashes={name: bytes.fromhex(digest) for name, digest in facts["hashes"].items()},
        target=Ref.parse(facts["target"]) if facts.get("target") else None,
        exports=tuple(ExportChoice(*choice) for choice in facts["exports"]),
    )


def identity(ref: Ref) -> str:
    """The same for the same item, whichever way it was found."""
    return f"{ref.space}\0{ref.id}"


def source_identity(drive: str, ref: Ref, via: Sequence[str] = ()) -> str:
    """The same for the same source item of a job; another one where it was reached through shortcuts."""
    return "\0".join([drive, identity(ref), *via])


def chosen(turn: Turn, name: str) -> Any:
    """What was decided for the item ('to', 'export', 'convert'): when it was planned, or once it was resolved."""
    return turn.work.get("as", turn.item.entry).get(name)
