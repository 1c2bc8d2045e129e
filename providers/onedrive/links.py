"""Graph's own links (``@odata.nextLink``, ``@odata.deltaLink``) as cursors: opaque, but never followed elsewhere.

The account's token goes along with such a link, and a cursor has been in other hands meanwhile. So it may only lead to
Graph, and there only to the kind of list that it continues.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from providers.errors import Untrusted

_ID = r"(?!\.+(?:[/')]|\Z))(?:[\w!,.~-]|%(?!2[ef])[0-9a-f]{2})+"
_KEY = rf"(?:/{_ID}|\('{_ID}'\))"
_DRIVE = rf"/(?:me/drive|drives{_KEY}|users{_KEY}/drive)"
_FOLDER = rf"(?:/root|/items{_KEY})"
_CALL = r"(?:/microsoft\.graph\.|/)"
_ARGUMENTS = r"(?:\([^/()]*\))?"

CHILDREN: Final = re.compile(rf"{_DRIVE}{_FOLDER}/children", re.ASCII | re.IGNORECASE)
DELTA: Final = re.compile(rf"{_DRIVE}{_FOLDER}?{_CALL}delta{_ARGUMENTS}", re.ASCII | re.IGNORECASE)
SEARCH: Final = re.compile(rf"{_DRIVE}(?:/root)?{_CALL}search\([^/]*\)", re.ASCII | re.IGNORECASE)
SHARED: Final = re.compile(rf"{_DRIVE}{_CALL}sharedWithMe(?:\(\))?", re.ASCII | re.IGNORECASE)
VERSIONS: Final = re.compile(rf"{_DRIVE}{_FOLDER}/versions", re.ASCII | re.IGNORECASE)
FOLLOWED: Final = re.compile(rf"/(?:me|users{_KEY})/followedSites", re.ASCII | re.IGNORECASE)
LIBRARIES: Final = re.compile(rf"/sites{_KEY}/drives", re.ASCII | re.IGNORECASE)


def checked(root: str, link: object, kind: re.Pattern[str]) -> str:
    """The link, where it leads to this kind of list below ``root``. Untrusted where it leads anywhere else."""
    if isinstance(link, str) and len(link) <= 16_384 and link.startswith(root + "/"):
        path = urlsplit(link[len(root) :]).path
        if kind.fullmatch(path):
            return link
    raise Untrusted("a cursor that leads elsewhere", reason="cursor")


def drive_of(root: str, link: str) -> str | None:
    """The id of the drive that a checked link is about. None: the account's own, unnamed."""
    found = re.match(rf"/drives(?:/({_ID})|\('({_ID})'\))", link[len(root) :], re.ASCII | re.IGNORECASE)
    return None if found is None else unquote(found[1] or found[2])
