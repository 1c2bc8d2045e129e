"""Which names OneDrive takes, when two names are the same, and which name is free beside a taken one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused

_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(\.lock|con|prn|aux|nul|com[0-9]|lpt[0-9]|desktop\.ini|.*_vti_.*)")
MAX_NAME = 255
MAX_PATH = 400


@behaviour("assumed", "Names are compared without regard to case or to Unicode composition (NFC, full case folding).")
def key(name: str) -> str:
    """Equal for names that cannot stand side by side in one folder."""
    return unicodedata.normalize("NFC", name).casefold()


@behaviour(
    "documented", "Characters, leading ~$, trailing dots, edge spaces and reserved names are refused, never mended."
)
def check(name: object) -> str:
    """The name, if a file or folder may be called so. Refused 400 where not."""
    if not isinstance(name, str) or not name or len(name) > MAX_NAME:
        raise Refused(400, "invalidRequest", "The name is missing or too long.")
    if _FORBIDDEN.search(name) or name != name.strip(" ") or name.endswith(".") or name.startswith("~"):
        raise Refused(
            400, "invalidRequest/nameContainsInvalidCharacters", "The provided name contains invalid characters."
        )
    if _RESERVED.fullmatch(name):
        raise Refused(400, "invalidRequest", "The provided name is reserved.")
    return name


@behaviour("documented", "A decoded path is at most 400 characters long.")
def check_path(path: str) -> None:
    """Refused 400 for a path (from the drive's root) that is too long."""
    if len(path) > MAX_PATH:
        raise Refused(400, "invalidRequest/pathIsTooLong", "The path is too long.")


@behaviour("assumed", "conflictBehavior=rename takes 'name 1.ext', then 'name 2.ext' and so on.")
def free(name: str, taken: Container[str]) -> str:
    """A name beside `taken` (a container of keys)."""
    stem, dot, suffix = name.rpartition(".")
    stem, end = (stem, dot + suffix) if stem else (name, "")
    number = 1
    while key(f"{stem} {number}{end}") in taken:
        number += 1
    return f"{stem} {number}{end}"
