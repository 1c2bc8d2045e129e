"""What the person is told about an item that arrived: its state and the reason, by how it arrived. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.jobs.model import ItemState
from gateway.transfers.verify import Verdict

_KEPT: Final[Mapping[str, str]] = {
    Verdict.ALTERED: "altered_kept",
    Verdict.ALTERED_EQUAL: "altered_equal_kept",
    Verdict.CONVERTED: "converted_kept",
    Verdict.LIKELY: "same_kept",
}
"""Why the original of a move stays, where the copy is not proven equal."""
_TOLD: Final[Mapping[str, str]] = {
    Verdict.ALTERED: "altered",
    Verdict.ALTERED_EQUAL: "altered_equal",
    Verdict.CONVERTED: "converted",
}


def may_remove(arrived: Mapping[str, Any]) -> bool:
    """Only what is proven equal is a reason to remove an original, and never the original itself."""
    return bool(arrived["verdict"] == Verdict.EQUAL) and arrived["note"] != "already_there"


def ending(arrived: Mapping[str, Any], kept: str | None, *, moves: bool) -> tuple[ItemState, str | None]:
    """``kept``: why a source stays that could have been removed, None where it went or was to stay."""
    note = arrived["note"]
    if note == "already_there":
        return ItemState.SKIPPED, note
    if moves:
        if not may_remove(arrived):
            return (ItemState.SKIPPED if note else ItemState.COPIED), _KEPT[arrived["verdict"]]
        return ItemState.COPIED, kept or note
    if note == "same_there":
        return ItemState.SKIPPED, note
    return ItemState.COPIED, _TOLD.get(arrived["verdict"]) or note
