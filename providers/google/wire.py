"""Drive's file resource as an `Entry`: what is asked for, and what is believed of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from providers.drive import Entry, Kind, Ref
from providers.errors import Untrusted
from providers.google.traits import EXPORTS, FOLDER, kind_of
from providers.names import readable

_RIGHTS = {
    "read": ("canDownload", "canListChildren"),
    "write": ("canModifyContent", "canAddChildren"),
    "move": ("canMoveItemWithinDrive", "canRename"),
    "trash": ("canTrash",),
    "delete": ("canDelete",),
}
"""What each right needs: any of these capabilities."""


def selector(*capabilities: str) -> str:
    """The fields of one file: all that `entry` reads, and these capabilities beside its own."""
    known = [name for names in _RIGHTS.values() for name in names]
    return (
        "id,name,mimeType,parents,driveId,size,version,headRevisionId,modifiedTime,trashed,shared,resourceKey,"
        "md5Checksum,sha1Checksum,sha256Checksum,shortcutDetails(targetId,targetResourceKey),"
        f"capabilities({','.join([*known, *capabilities])})"
    )


FIELDS = selector()
ARRIVED = FIELDS.replace("md5Checksum,sha1Checksum,", "")
"""Of a file that was just sent: with the one hash that is compared."""

_HASHES = {"sha256Checksum": "sha256", "sha1Checksum": "sha1", "md5Checksum": "md5"}


def entry(data: object) -> Entry:
    """One file resource. Untrusted where it lacks what every file has."""
    if not isinstance(data, Mapping):
        raise Untrusted("not a file resource", reason="shape")
    try:
        return _entry(data)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise Untrusted("not a file resource", reason="shape") from None


def _entry(data: Mapping[str, Any]) -> Entry:
    kind = kind_of(data["mimeType"])
    space = str(data.get("driveId") or "")
    parents = data.get("parents") or []
    target = _target(data.get("shortcutDetails"))
    flags = {flag for flag in ("trashed", "shared") if data.get(flag)}
    if kind is Kind.SHORTCUT and target is None:
        flags.add("dangling")
    return Entry(
        ref=Ref(space, _text(data["id"]), data.get("resourceKey")),
        parent=Ref(space, _text(parents[0])) if parents else None,
        name=readable(_text(data["name"])),
        kind=kind,
        media_type=data["mimeType"],
        size=size_of(data["size"]) if kind is Kind.FILE and "size" in data else None,
        version=_version(kind, data),
        modified=parse_time(data["modifiedTime"]),
        hashes={ours: bytes.fromhex(data[theirs]) for theirs, ours in _HASHES.items() if data.get(theirs)},
        target=target,
        exports=EXPORTS.get(data["mimeType"], ()),
        may=_may(data.get("capabilities")),
        flags=frozenset(flags),
    )


def _target(details: object) -> Ref | None:
    """What a shortcut points to; its drive is not told."""
    if details is None:
        return None
    if not isinstance(details, Mapping):
        raise TypeError("not details")
    return Ref("", _text(details["targetId"]), details.get("targetResourceKey")) if "targetId" in details else None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def size_of(told: object) -> int:
    """A size in bytes; Drive writes its numbers as texts. ValueError for anything else."""
    size = int(told) if isinstance(told, (str, int)) else -1
    if size < 0:
        raise ValueError("not a size")
    return size


def _version(kind: Kind, data: Mapping[str, Any]) -> str:
    """Another one whenever the bytes may be others, and the same after a rename.

    Drive's own ``version`` counts every change, even ones that nobody sees (an export may be one); so a file goes by
    its head revision and a document by the time of its last edit. A folder has no bytes.
    """
    if kind is Kind.FILE:
        revision = data.get("headRevisionId") or data.get("sha256Checksum") or data.get("md5Checksum")
        return _text(revision or f"{data['modifiedTime']} {data.get('size')}")
    return "-" if kind in (Kind.FOLDER, Kind.SHORTCUT) else _text(data["modifiedTime"])


def _may(capabilities: Mapping[str, bool] | None) -> frozenset[str]:
    if capabilities is None:
        return frozenset(_RIGHTS)
    return frozenset(right for right, names in _RIGHTS.items() if any(capabilities.get(name) for name in names))


def top() -> Entry:
    """The top folder of a grant that does not show it: new things may be put there, and nothing else is known."""
    may = frozenset({"read", "write"})
    start = datetime.fromtimestamp(0, UTC)
    return Entry(Ref("", "root"), None, "My Drive", Kind.FOLDER, FOLDER, None, "-", start, may=may)


def keyed(found: Entry, above: Ref) -> Entry:
    """The entry as it is reached by way of a link-shared item: without a key of its own that one's opens it.

    Such a key names whose it is: 'id/key'.
    """
    if above.key is None or found.ref.key is not None:
        return found
    key = above.key if "/" in above.key else f"{above.id}/{above.key}"
    owner, _, bare = key.partition("/")
    if found.ref.id == owner:
        return found
    parent = found.parent and replace(found.parent, key=bare if found.parent.id == owner else key)
    return replace(found, ref=replace(found.ref, key=key), parent=parent)


def parse_time(text: str) -> datetime:
    """RFC 3339 with any offset. ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as Drive keeps it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quoted(text: str) -> str:
    """A text inside a search expression."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
