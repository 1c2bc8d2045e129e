"""What is to be done for an entry that was found: its items, their lanes, and the name it takes. No request is made.

Each file and folder becomes one item of the person's report, whatever is wrong with it; what cannot be done is ended
here with its reason. A folder also becomes a listing, and in a move the cleaning of what is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.ids import new_id
from gateway.jobs.model import ItemState, NewItem
from gateway.jobs.service import lane
from gateway.transfers.facts import pack, source_identity
from gateway.transfers.naming import exported, unsuffixed
from providers.drive import Entry, ExportChoice, Kind, Ref, Traits

DEEPEST: Final = 64
_KINDS: Final = {Kind.FOLDER: "folder", Kind.SHORTCUT: "shortcut"}


@dataclass(frozen=True, slots=True)
class Under:
    """Where entries were found: in a folder step (None: chosen by the person), at this path and depth, in a drive.

    ``via``: the shortcuts that were followed to get there, each with what it points to. ``relocating``: they are to be
    moved inside their drive, one by one. ``copies``: the destination is the same account, and its drive copies itself.
    """

    tenant: str
    person: str
    drive: str
    folder: str | None
    path: str
    depth: int
    via: Sequence[str] = ()
    relocating: bool = False
    copies: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An entry with what was decided about it: the format a document is read as, or why it ends here."""

    entry: Entry
    choice: ExportChoice | None
    state: ItemState | None
    reason: str | None
    convert: bool = False

    @property
    def wanted(self) -> str:
        """The name before the destination's rules."""
        return unsuffixed(self.entry.name) if self.convert else exported(self.entry, self.choice)


def judge(entry: Entry, spec: Mapping[str, Any], traits: Traits, under: Under) -> Found:
    """Whether the entry can be transferred to a drive of these traits, and as what."""
    if under.relocating:
        return Found(entry, None, None, None)
    choice = _format(entry, spec, copies=under.copies) if entry.kind is Kind.DOCUMENT else None
    convert = bool(spec.get("convert")) and entry.kind is Kind.FILE and entry.media_type in traits.converts
    ended, reason = _refused(entry, traits, under, readable=choice is not None or under.copies)
    return Found(entry, choice, ended, reason, convert)


def _refused(entry: Entry, traits: Traits, under: Under, *, readable: bool) -> tuple[ItemState | None, str | None]:
    if entry.kind is Kind.SHORTCUT:
        dangling = entry.target is None or "dangling" in entry.flags
        return (ItemState.UNSUPPORTED, "shortcut_dangling") if dangling else (None, None)
    if entry.kind is Kind.PACKAGE or (entry.kind is Kind.DOCUMENT and not readable):
        return ItemState.UNSUPPORTED, "unsupported"
    if "malware" in entry.flags:
        return ItemState.FAILED, "malware"
    if "read" not in entry.may:
        return ItemState.FAILED, "download_forbidden"
    if entry.size is not None and entry.size > traits.max_size:
        return ItemState.FAILED, "too_large"
    if entry.kind is Kind.FOLDER and under.depth >= DEEPEST:
        return ItemState.FAILED, "too_deep"
    return None, None


def steps(found: Found, name: str | None, taken: str | None, under: Under, spec: Mapping[str, Any]) -> list[NewItem]:
    """The items of one entry. ``name`` is what it will be called, ``taken`` its key; None where the entry has ended."""
    entry, source = found.entry, lane(under.tenant, under.person, under.drive)
    to = lane(under.tenant, under.person, spec["destination"]["drive"])
    ended = {"why": found.reason} if found.state is ItemState.FAILED else {}
    item = NewItem(
        id=new_id(),
        kind="relocate" if under.relocating else _KINDS.get(entry.kind, "copy"),
        lane=to,
        other=None if entry.kind is Kind.FOLDER or source == to else source,
        state=found.state or (ItemState.READY if under.folder is None else ItemState.BLOCKED),
        reason=found.reason,
        folder=under.folder,
        depth=under.depth,
        size=entry.size if entry.kind is Kind.FILE else None,
        identity=source_identity(under.drive, entry.ref, under.via),
        taken=taken,
        priority=-2 if entry.kind is Kind.FOLDER else 0,
        entry=pack(
            entry,
            drive=under.drive,
            path=f"{under.path}/{entry.name}" if under.path else entry.name,
            to=name,
            export=found.choice and found.choice.id,
            convert=found.convert,
            via=list(under.via),
            **ended,
        ),
    )
    if entry.kind is not Kind.FOLDER or found.state is not None or under.relocating:
        return [item]
    return [item, *inside(item.id, item.entry, under, move=spec["mode"] == "move" and not under.via)]


def inside(folder: str, entry: Mapping[str, Any], at: Under, *, move: bool, taken: str | None = None) -> list[NewItem]:
    """What a folder step brings with it: its listing, and in a move the cleaning of what is left of the source.

    ``entry`` is the source folder as it is packed; ``at`` where it was found, ``taken`` marks a folder once met.
    """
    once = source_identity(entry["drive"], Ref.parse(entry["ref"]), entry["via"])
    source = lane(at.tenant, at.person, entry["drive"])
    listing = NewItem(
        new_id(), "scan", source, entry, folder=folder, depth=at.depth, identity=once, taken=taken, priority=-1
    )
    cleaning = NewItem(
        new_id(), "prune", source, entry, state=ItemState.BLOCKED, folder=at.folder, after=folder, depth=at.depth,
        identity=once, priority=1,
    )  # fmt: skip
    return [listing, cleaning] if move else [listing]


def _format(entry: Entry, spec: Mapping[str, Any], *, copies: bool) -> ExportChoice | None:
    """The format the person asked for, else the school's, else the drive's preferred one.

    None inside one account unless the person asked: there a document stays a document.
    """
    formats = {choice.id: choice for choice in entry.exports}
    asked = formats.get(spec.get("exports", {}).get(entry.media_type, ""))
    if asked is not None or copies:
        return asked
    return formats.get(spec.get("defaults", {}).get(entry.media_type, "")) or next(iter(entry.exports), None)
