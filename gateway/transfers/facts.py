"""An entry of a drive as plain values that can be sealed with an item, and back. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
        exports=tuple(ExportChoice(*choice) for choice in facts["exports"]),
    )


def identity(ref: Ref) -> str:
    """The same for the same item, whichever way it was found."""
    return f"{ref.space}\0{ref.id}"
