"""What changed in the account's own space or in a shared drive, as Google's change logs tell it.

What lies in the trash counts as gone. Changes of the shared drives themselves (names, members) are none of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.drive import Ref
from providers.errors import Changed, DriveError, NotFound, Untrusted
from providers.google.client import Client, following
from providers.google.wire import FIELDS, entry
from providers.verbs import Change, Changes

RESYNC = "resync"
_FIELDS = f"nextPageToken,newStartPageToken,changes(changeType,removed,fileId,driveId,file({FIELDS}))"


async def changes(client: Client, cursor: str | None, space: str, page_size: int) -> Changes:
    """See `HasChanges.changes`."""
    place = {"driveId": space} if space else {}
    if cursor is None:
        request = client.api.build("changes.getStartPageToken", supportsAllDrives=True, **place)
        return Changes((), _start(await client.send(request)))
    request = client.api.build(
        "changes.list",
        pageToken=cursor,
        pageSize=page_size,
        includeRemoved=True,
        supportsAllDrives=True,
        includeItemsFromAllDrives=True,
        fields=_FIELDS,
        **place,
    )
    try:
        data = await client.send(request)
    except DriveError as error:
        if _too_old(error, space):
            raise Changed("the changes cannot be continued", reason=RESYNC) from None
        raise
    return _told(data, cursor, space)


def _too_old(error: DriveError, space: str) -> bool:
    """A cursor that is none is 400, one that is too old 404 or 410; a shared drive that is gone is 404, too."""
    return type(error) is DriveError or (isinstance(error, NotFound) and (not space or error.reason == "status_410"))


def _start(data: object) -> str:
    token = data.get("startPageToken") if isinstance(data, Mapping) else None
    if not isinstance(token, str) or not token:
        raise Untrusted("no cursor", reason="shape")
    return token


def _told(data: object, cursor: str, space: str) -> Changes:
    if not isinstance(data, Mapping) or not isinstance(data.get("changes"), list):
        raise Untrusted("not a list of changes", reason="shape")
    items = list(_items(data["changes"], space))
    more = following(data, "nextPageToken", cursor)
    if more is not None:
        return Changes(items, more, more=True)
    start = data.get("newStartPageToken")
    if not isinstance(start, str) or not start:
        raise Untrusted("changes without a cursor", reason="cursor")
    return Changes(items, start)


def _items(told: list[Any], space: str) -> Iterator[Change]:
    for one in told:
        if not isinstance(one, Mapping):
            raise Untrusted("not a change", reason="shape")
        if one.get("changeType") == "drive":
            continue
        yield _change(one, space)


def _change(one: Mapping[str, Any], space: str) -> Change:
    found = entry(one["file"]) if one.get("file") is not None else None
    if found is not None and not one.get("removed"):
        return Change(found.ref, None if "trashed" in found.flags else found)
    known = one.get("fileId")
    if not isinstance(known, str) or not known:
        raise Untrusted("not a change", reason="shape")
    drive = found.ref.space if found is not None else one.get("driveId")
    return Change(Ref(drive if isinstance(drive, str) else space, known), None)
