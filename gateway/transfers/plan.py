"""What is to be done for an entry that was found: its items, their lanes, and the name it takes. No request is made.

Each file and folder becomes one item of the person's report, whatever is wrong with it; what cannot be done is ended
here with its reason. A folder also becomes a listing, and in a move the cleaning of what is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.ids import new_id
from gateway.jobs.model import ItemState, NewItem
from gateway.jobs.service import lane
from gateway.transfers.facts import identity, pack
from gateway.transfers.naming import exported
from providers.drive import Entry, ExportChoice, Kind, Traits

DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Under:
    """Where entries were found: in a folder step (None: chosen by the person), at this path and depth, in a drive."""

    tenant: str
    person: str
    drive: str
    folder: str | None
    path: str
    depth: int


@dataclass(frozen=True, slots=True)
class Found:
    """An entry with what was decided about it: the format a document is read as, or why it ends here."""

    entry: Entry
    choice: ExportChoice | None
    state: ItemState | None
    reason: str | None

    @property
    def wanted(self) -> str:
        """The name before the destination's rules."""
        return exported(self.entry, self.choice)


def judge(entry: Entry, spec: Mapping[str, Any], traits: Traits, depth: int) -> Found:
    """Whether the entry can be transferred to a drive of these traits."""
    ended, reason, choice = None, None, None
    if entry.kind is Kind.DOCUMENT:
        choice = _format(entry, spec.get("exports", {}))
    if entry.kind is Kind.SHORTCUT:
        ended, reason = ItemState.UNSUPPORTED, "shortcut"
    elif entry.kind is Kind.PACKAGE or (entry.kind is Kind.DOCUMENT and choice is None):
        ended, reason = ItemState.UNSUPPORTED, "unsupported"
    elif "malware" in entry.flags:
        ended, reason = ItemState.FAILED, "malware"
    elif "read" not in entry.may:
        ended, reason = ItemState.FAILED, "download_forbidden"
    elif entry.size is not None and entry.size > traits.max_size:
        ended, reason = ItemState.FAILED, "too_large"
    elif entry.kind is Kind.FOLDER and depth >= DEEPEST:
        ended, reason = ItemState.FAILED, "too_deep"
    return Found(entry, choice, ended, reason)


def steps(found: Found, name: str | None, taken: str | None, under: Under, spec: Mapping[str, Any]) -> list[NewItem]:
    """The items of one entry. ``name`` is what it will be called, ``taken`` its key; None where the entry has ended."""
    entry, source = found.entry, lane(under.tenant, under.person, under.drive)
    item = NewItem(
        id=new_id(),
        kind="folder" if entry.kind is Kind.FOLDER else "copy",
        lane=lane(under.tenant, under.person, spec["destination"]["drive"]),
        other=None if entry.kind is Kind.FOLDER else source,
        state=found.state or (ItemState.READY if under.folder is None else ItemState.BLOCKED),
        reason=found.reason,
        folder=under.folder,
        depth=under.depth,
        size=entry.size if entry.kind is Kind.FILE else None,
        identity=f"{under.drive}\0{identity(entry.ref)}",
        taken=taken,
        priority=-2 if entry.kind is Kind.FOLDER else 0,
        entry=pack(
            entry,
            drive=under.drive,
            path=f"{under.path}/{entry.name}" if under.path else entry.name,
            to=name,
            export=found.choice and found.choice.id,
        ),
    )
    if entry.kind is not Kind.FOLDER or found.state is not None:
        return [item]
    listing = replace(item, id=new_id(), kind="scan", lane=source, state=ItemState.READY, folder=item.id, taken=None)
    made = [item, replace(listing, priority=-1)]
    if spec["mode"] == "move":
        cleaning = replace(item, id=new_id(), kind="prune", lane=source, state=ItemState.BLOCKED, after=item.id)
        made.append(replace(cleaning, taken=None, priority=1))
    return made


def _format(entry: Entry, chosen: Mapping[str, str]) -> ExportChoice | None:
    """The format asked for where the document has it, else the drive's preferred one."""
    wanted = chosen.get(entry.media_type)
    return next((choice for choice in entry.exports if choice.id == wanted), None) or next(iter(entry.exports), None)
