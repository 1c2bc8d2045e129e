"""What changed in a drive since a moment, by Graph's delta links.

Delta tells the latest state of each item, not each change, and may tell one twice: the last time counts. School drives
leave the cTag out there, so that a file's version must be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.drive import Ref
from providers.errors import Changed, DriveError, Untrusted
from providers.onedrive import links
from providers.onedrive.client import Client
from providers.onedrive.listing import whole
from providers.onedrive.wire import FIELDS
from providers.verbs import Change, Changes


async def changes(client: Client, cursor: str | None, space: str, page_size: int) -> Changes:
    """See `providers.verbs.HasChanges.changes`. The cursor is Graph's own link."""
    data, ahead, more = await _asked(client, cursor, space, page_size)
    if cursor is None:
        return Changes((), ahead)
    latest: dict[Ref, Mapping[str, Any]] = {}
    for row in data["value"]:
        ref = Ref(space, _id(row))
        latest.pop(ref, None)
        if "root" not in row:
            latest[ref] = row
    return Changes(await _told(client, latest, space), ahead, more)


async def _asked(client: Client, cursor: str | None, space: str, page_size: int) -> tuple[Mapping[str, Any], str, bool]:
    """A page, the link to go on from, and whether that is worth doing at once."""
    if cursor is not None and not await _ours(client, cursor, space):
        raise _resync()
    url = f"{client.drive(space)}/root/delta?token=latest&$top={page_size}&$select={FIELDS}"
    try:
        data, following = await client.page(url, cursor, links.DELTA)
    except Changed:
        raise _resync() from None
    if following is not None:
        return data, following, cursor is not None
    return data, links.checked(client.root, data.get("@odata.deltaLink"), links.DELTA), False


async def _ours(client: Client, cursor: str, space: str) -> bool:
    """Whether this is a link of this drive's changes. Any other is not followed: nothing is known since then."""
    try:
        links.checked(client.root, cursor, links.DELTA)
    except Untrusted:
        return False
    return await client.about(cursor, space)


def _resync() -> DriveError:
    return Changed("what is known must be listed again", reason="resync")


def _id(row: object) -> str:
    found = row.get("id") if isinstance(row, Mapping) else None
    if not isinstance(found, str) or not found:
        raise Untrusted("not a drive item", reason="shape")
    return found


async def _told(client: Client, latest: Mapping[Ref, Mapping[str, Any]], space: str) -> list[Change]:
    """The changes in their order. Deleted items come without a name, so they are never read as items."""
    alive = {ref: (row, space) for ref, row in latest.items() if row.get("deleted") is None}
    entries = dict(zip(alive, await whole(client, list(alive.values())), strict=True))
    return [Change(ref, entries.get(ref)) for ref in latest]
