"""Graph's driveItem as an `Entry`: what is asked for, and what is believed of the answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from providers.drive import Entry, Kind, Ref
from providers.errors import Untrusted
from providers.names import readable

FIELDS = (
    "id,name,size,eTag,cTag,lastModifiedDateTime,fileSystemInfo,parentReference,"
    "file,folder,package,root,deleted,malware,remoteItem,shared"
)
"""The selector for one item; all that `entry` reads and nothing else."""

_RIGHTS: Mapping[Kind, frozenset[str]] = {
    Kind.FOLDER: frozenset({"read", "write", "move", "trash", "delete"}),
    Kind.FILE: frozenset({"read", "write", "move", "trash", "delete"}),
    Kind.SHORTCUT: frozenset({"move", "trash", "delete"}),
    Kind.PACKAGE: frozenset(),
}
"""Graph does not tell what an account may do, so this is what makes sense; a notebook is left alone altogether."""


_FLAGS: Mapping[str, str] = {"malware": "malware", "trashed": "deleted", "shared": "shared"}
"""Each flag, and the facet whose presence says so."""


def entry(data: object, space: str) -> Entry:
    """One driveItem of the drive ``space``. Untrusted where it lacks what every item has."""
    if not isinstance(data, Mapping):
        raise Untrusted("not a drive item", reason="shape")
    try:
        return _entry(data, space)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise Untrusted("not a drive item", reason="shape") from None


def drive(data: object) -> tuple[str, str]:
    """The id and the kind of a drive."""
    if not isinstance(data, Mapping):
        raise Untrusted("not a drive", reason="shape")
    try:
        return _text(data["id"]), _text(data["driveType"])
    except (KeyError, ValueError):
        raise Untrusted("not a drive", reason="shape") from None


def _entry(data: Mapping[str, Any], space: str) -> Entry:
    kind = _kind(data)
    file = data.get("file") or {}
    parent = (data.get("parentReference") or {}).get("id")
    top = "root" in data
    flags = {flag for flag, facet in _FLAGS.items() if data.get(facet) is not None}
    may = _RIGHTS[kind] - ({"move", "trash", "delete"} if top else set()) - ({"read"} if "malware" in flags else set())
    return Entry(
        ref=Ref(space, _text(data["id"])),
        parent=Ref(space, _text(parent)) if parent and not top else None,
        name=readable(_text(data["name"])),
        kind=kind,
        media_type=_text(file.get("mimeType") or "application/octet-stream"),
        size=_size(data) if kind is Kind.FILE else None,
        version=_version(kind, data),
        modified=_modified(data),
        hashes=_hashes(file.get("hashes") or {}),
        target=_target(data["remoteItem"]) if kind is Kind.SHORTCUT else None,
        may=may,
        flags=frozenset(flags),
    )


def _kind(data: Mapping[str, Any]) -> Kind:
    """A remote item may carry the facets of what it leads to, so it is looked for first."""
    for facet, kind in (("remoteItem", Kind.SHORTCUT), ("package", Kind.PACKAGE), ("folder", Kind.FOLDER)):
        if data.get(facet) is not None:
            return kind
    if data.get("root") is not None:
        return Kind.FOLDER
    return Kind.FILE if data.get("file") is not None else Kind.PACKAGE


def _version(kind: Kind, data: Mapping[str, Any]) -> str:
    """The cTag: another one whenever the bytes are others, the same after a rename. A folder has no bytes."""
    if kind is Kind.FILE:
        return _text(data.get("cTag") or data["eTag"])
    return "-"


def _size(data: Mapping[str, Any]) -> int:
    size = data["size"]
    if not isinstance(size, int) or size < 0:
        raise ValueError("not a size")
    return size


def _modified(data: Mapping[str, Any]) -> datetime:
    """The file's own time, which travels with it; else the time of the last change in the drive."""
    own = (data.get("fileSystemInfo") or {}).get("lastModifiedDateTime")
    return parse_time(own or data["lastModifiedDateTime"])


def _hashes(told: Mapping[str, str]) -> dict[str, bytes]:
    found = {ours: bytes.fromhex(told[name]) for name, ours in _HEX.items() if told.get(name)}
    if told.get("quickXorHash"):
        found["quickxor"] = base64.b64decode(told["quickXorHash"], validate=True)
    return found


_HEX = {"sha256Hash": "sha256", "sha1Hash": "sha1"}


def _target(remote: Mapping[str, Any]) -> Ref:
    return Ref(_text(remote["parentReference"]["driveId"]), _text(remote["id"]))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def parse_time(text: str) -> datetime:
    """RFC 3339 with any offset. ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds; school drives keep the seconds only."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def same_time(one: datetime, other: datetime) -> bool:
    """Whether a drive that keeps whole seconds would tell them as one."""
    return abs((one - other).total_seconds()) < 1
