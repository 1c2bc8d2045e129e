"""What happens where a name is taken at the destination, and when two files are held to be the same. Pure.

Equal hashes prove it. Without a hash in common, size and time make it likely: enough to send nothing again, never
enough to remove an original. quickXorHash finds what is damaged, not what was rearranged: whole blocks of 160 bytes may
change places, as the rows of a picture that is turned upside down. So alone it proves nothing but with the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any, Final

from providers.drive import Entry, Kind, Ref

_NO_PROOF: Final = frozenset({"quickxor"})
_SAME_TIME: Final = 1.0
"""Seconds by which the times of one file differ on drives that keep whole seconds."""


class Conflict(StrEnum):
    """SKIP: what is the same stays, anything else of that name fails. RENAME: a numbered name, unless it is the same.

    REPLACE: a new version in its place. FAIL: told, nothing else. Folders continue in the one that is there under
    SKIP and REPLACE; under RENAME only in the one that the same transfer made before.
    """

    SKIP = "skip"
    RENAME = "rename"
    REPLACE = "replace"
    FAIL = "fail"


class Likeness(IntEnum):
    """How alike two items are. ALIKE: by a hash that is no proof."""

    DIFFERENT = 0
    LIKELY = 1
    ALIKE = 2
    PROVEN = 3


def likeness(source: Entry, there: Entry, *, unsure: bool) -> Likeness:
    """Of a source and what has its name. ``unsure``: the copy's bytes are not the source's (export, altered type)."""
    if there.kind not in (Kind.FILE, Kind.DOCUMENT):
        return Likeness.DIFFERENT
    common = source.hashes.keys() & there.hashes.keys()
    if common and all(source.hashes[name] == there.hashes[name] for name in common) and source.size == there.size:
        return Likeness.PROVEN if common - _NO_PROOF or _same_time(source, there) else Likeness.ALIKE
    if common and not unsure:
        return Likeness.DIFFERENT
    if not _same_time(source, there):
        return Likeness.DIFFERENT
    return Likeness.LIKELY if unsure or source.size == there.size else Likeness.DIFFERENT


def _same_time(source: Entry, there: Entry) -> bool:
    return abs((source.modified - there.modified).total_seconds()) <= _SAME_TIME


def is_itself(source: Entry, there: Entry) -> bool:
    """Whether what has the name is the source itself, perhaps seen through another connection of one account."""
    return source.ref.id.lower() == there.ref.id.lower()  # no drive is strict about case in what it tells


def is_of_order(there: Entry, spec: Mapping[str, Any]) -> bool:
    """Whether what has the name was chosen in this very order, and perhaps came here a moment ago: never replaced."""
    to = spec["destination"]["drive"]
    return there.ref.id in {Ref.parse(ref).id for drive, ref in spec["sources"] if drive == to}
