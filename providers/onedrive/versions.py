"""A file's older contents. The current one goes by the version that the entry has, older ones by Graph's number.

Graph numbers all of them, but opens the current one only as the file itself. An older one is ``v:`` and its number, so
that it is never mistaken for a cTag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, NotFound, Unsupported, Untrusted
from providers.onedrive import links
from providers.onedrive.client import Client
from providers.onedrive.wire import parse_time
from providers.verbs import Version

MOST: Final = 1000
"""So many are listed; school drives keep 500 by default."""

_OLDER: Final = re.compile(r"v:(?!\.+\Z)[\w!.~-]{1,128}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


async def versions(client: Client, ref: Ref) -> list[Version]:
    """See `providers.verbs.HasVersions.versions`."""
    current = await client.stat(ref)
    if current.kind is not Kind.FILE:
        raise Unsupported("only files have versions", reason=current.kind.value)
    rows = await _rows(client, ref)
    found = [Version(current.version, current.size, current.modified)]
    for older in map(_version, rows[1:]):
        if not older.size == found[-1].size == 0:  # an empty file that only got its time: no other content
            found.append(older)
    return found


async def then(client: Client, ref: Ref, version: str) -> Version:
    """One of the older ones. Changed where it is not kept any more."""
    try:
        return _version(await client.json("GET", client.item(ref, f"/versions/{number(version)}")))
    except NotFound:
        raise Changed("this version is not kept any more") from None


def is_older(version: str | None) -> bool:
    """Whether this is the id of an older content, as `versions` gives it."""
    return version is not None and _OLDER.fullmatch(version) is not None


def number(version: str) -> str:
    """Graph's own id of an older one, as it stands in an address."""
    return quote(version.removeprefix("v:"), safe="!~")


async def _rows(client: Client, ref: Ref) -> list[Any]:
    """All versions, the newest first: Graph gives them in this order, and by number it can be told."""
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < MOST:
        data, cursor = await client.page(client.item(ref, "/versions"), cursor, links.VERSIONS)
        rows += data["value"]
        if cursor is None or not data["value"]:
            break
    if all(isinstance(row, Mapping) and _NUMBER.fullmatch(_text(row.get("id"))) for row in rows):
        rows.sort(key=lambda row: tuple(map(int, row["id"].split("."))), reverse=True)
    return rows[:MOST]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _version(row: object) -> Version:
    try:
        assert isinstance(row, Mapping)
        found = Version(f"v:{_text(row['id'])}", _size(row.get("size")), parse_time(row["lastModifiedDateTime"]))
    except (AssertionError, KeyError, ValueError, TypeError):
        raise Untrusted("not a version", reason="shape") from None
    if not is_older(found.id):
        raise Untrusted("not a version", reason="shape")
    return found


def _size(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 0):
        raise ValueError("not a size")
    return value


def as_entry(entry: Entry, version: Version) -> Entry:
    """The file as it was then: no hash is told of older contents. Untrusted where their size is not told either."""
    if version.size is None:
        raise Untrusted("a version without a size", reason="shape")
    return replace(entry, version=version.id, size=version.size, modified=version.modified, hashes={})
