"""From the id that a person opens to the file behind it: through shortcuts, or in an older version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from providers.drive import Entry, Kind, Ref, Source
from providers.errors import DownloadForbidden, Malware, NotFound, Unsupported
from providers.verbs import HasVersions, supports

SHORTCUT_DEPTH: Final = 4


async def resolve(stat: Callable[[Ref], Awaitable[Entry]], ref: Ref) -> Entry:
    """The item, through shortcuts, so many that a cycle ends. NotFound, Unsupported, and what forbids it."""
    for _ in range(SHORTCUT_DEPTH):
        entry = await stat(ref)
        if entry.kind is not Kind.SHORTCUT:
            return readable(entry)
        ref = _target(entry)
    raise NotFound(reason="shortcut_cycle")


def resolve_known(known: Callable[[Ref], Entry | None], ref: Ref) -> Entry | None:
    """The same from what is known; None where anything of it is not."""
    for _ in range(SHORTCUT_DEPTH):
        entry = known(ref)
        if entry is None:
            return None
        if entry.kind is not Kind.SHORTCUT:
            return readable(entry)
        ref = _target(entry)
    return None


def _target(entry: Entry) -> Ref:
    if entry.target is None or "dangling" in entry.flags:
        raise NotFound(reason="dangling_shortcut")
    return entry.target


def readable(entry: Entry) -> Entry:
    """The entry, if a person may open it."""
    if "trashed" in entry.flags:
        raise NotFound(reason="trashed")
    if entry.kind in (Kind.FOLDER, Kind.PACKAGE):
        raise Unsupported(reason=entry.kind.value)
    if "malware" in entry.flags:
        raise Malware
    if "read" not in entry.may:
        raise DownloadForbidden
    return entry


async def older(source: Source, entry: Entry, version: str) -> Entry:
    """The file as it was in that version, which the drive still keeps. NotFound, Unsupported."""
    keeping = supports(source, HasVersions)
    if keeping is None:
        raise Unsupported(reason="versions")
    kept = await keeping.versions(entry.ref)
    found = next((one for one in kept if one.id == version), None)
    if found is None:
        raise NotFound(reason="no_such_version")
    if found is kept[0]:
        return entry
    return replace(entry, version=version, size=found.size, modified=found.modified, hashes={})
