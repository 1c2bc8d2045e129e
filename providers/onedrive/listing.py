"""Lists of items: a folder's children, what a search finds, what others shared; a page at a time, nothing kept.

A folder tells its items whole. A search answers from an index and what others shared lies in their drives, so there
items come without what makes up a version; they are looked at one by one before anybody relies on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from providers.drive import Entry, Page, Ref
from providers.errors import Changed, NotFound, Refused, Unsupported, Untrusted
from providers.onedrive import links
from providers.onedrive.client import Client
from providers.onedrive.spaces import libraries
from providers.onedrive.wire import FIELDS
from providers.together import together

_RETIRED: Final = (NotFound, Unsupported, Refused)


async def children(client: Client, folder: Ref, cursor: str | None, page_size: int) -> Page:
    """See `providers.drive.Source.children`."""
    if cursor is not None:
        links.checked(client.root, cursor, links.CHILDREN)
        if not await client.about(cursor, folder.space):
            raise Untrusted("a cursor of another drive", reason="cursor")
    url = client.item(folder, f"/children?$top={page_size}&$select={FIELDS}")
    data, following = await client.page(url, cursor, links.CHILDREN)
    entries = [client.entry(row, folder.space) for row in data["value"]]
    return Page([one for one in entries if "trashed" not in one.flags], following)


async def search(client: Client, text: str, cursor: str | None, page_size: int) -> Page:
    """See `providers.verbs.CanSearch.search`: the account's own drive first, then each library that it reaches.

    The cursor is always a link: Graph's own, or the one with which the search of the next library begins.
    """
    words = " ".join(text.split())
    if not words:
        raise ValueError("no words to search for")
    call = f"/root/search(q='{escaped(words)}')?$top={page_size}&$select={FIELDS}"
    space = None if cursor is None else links.drive_of(client.root, cursor)
    try:
        data, following = await client.page(client.drive("") + call, cursor, links.SEARCH)
    except Untrusted as elsewhere:
        raise _stale(elsewhere, cursor) from None
    except (NotFound, Refused):
        if space is None:
            raise
        return Page([], await _next_library(client, space, call), complete=False)
    if following is None:
        following = await _next_library(client, space, call)
    return await _page(client, data["value"], following, await _space(client, space))


async def _space(client: Client, drive: str | None) -> str:
    """'' for the account's own drive, also where a link has its id."""
    return "" if drive is None or drive.lower() == (await client.own()).lower() else drive


async def _next_library(client: Client, searched: str | None, call: str) -> str | None:
    """Where the search goes on after this drive."""
    others = [drive for drive, _ in await libraries(client)]
    before = [drive.lower() for drive in others]
    at = before.index(searched.lower()) + 1 if searched and searched.lower() in before else 0
    ended = searched is not None and at == 0 and searched.lower() != (await client.own()).lower()
    return None if ended or at == len(others) else client.drive(others[at]) + call


async def shared(client: Client, cursor: str | None) -> Page:
    """What others shared with the account, with refs that lead to where it really lies.

    Microsoft calls this list deprecated and degraded: it may hold less than there is, and may end any day. Where it
    has ended it is Unsupported. It is never the only way to an item.
    """
    try:
        data, following = await client.page(f"{client.drive('')}/sharedWithMe", cursor, links.SHARED)
    except _RETIRED as gone:
        raise Unsupported("this list is no longer offered", reason=gone.reason) from None
    except Untrusted as elsewhere:
        raise _stale(elsewhere, cursor) from None
    return await _page(client, data["value"], following)


def escaped(text: str) -> str:
    """A text as it stands between the apostrophes of an OData function in an address: it cannot end either."""
    return quote(text.replace("'", "''"), safe="")


def _stale(error: Untrusted, cursor: str | None) -> Exception:
    """A cursor that is none of this list is its holder's mistake; a link of Graph's that is none is Graph's."""
    return Changed("the listing cannot be continued") if cursor is not None and error.reason == "cursor" else error


async def _page(client: Client, rows: Sequence[object], following: str | None, space: str = "") -> Page:
    found = await whole(client, [_resolved(row, space) for row in rows])
    entries = {one.ref: one for one in found if one is not None and "trashed" not in one.flags}
    return Page(list(entries.values()), following, complete=None not in found)


async def whole(client: Client, items: Sequence[tuple[Mapping[str, Any], str]]) -> list[Entry | None]:
    """Items and their drives as entries, with their versions. None: gone meanwhile, or not for this account."""

    async def one(data: Mapping[str, Any], space: str) -> Entry | None:
        if data.get("file") is None or data.get("remoteItem") is not None or data.get("cTag"):
            return client.entry(data, space)
        return await _looked(client, Ref(space, str(data.get("id") or "")))

    return await together(partial(one, *item) for item in items)


def _resolved(row: object, space: str) -> tuple[Mapping[str, Any], str]:
    """The item itself and its drive. What lies in another drive is told in ``remoteItem``, its name beside it."""
    if not isinstance(row, Mapping):
        raise Untrusted("not a drive item", reason="shape")
    remote = row.get("remoteItem")
    if not isinstance(remote, Mapping):
        return row, space
    home = remote.get("parentReference")
    drive = home.get("driveId") if isinstance(home, Mapping) else None
    if not isinstance(drive, str) or not drive:
        raise Untrusted("an item of another drive that does not say which", reason="shape")
    known = {"name": row.get("name"), "lastModifiedDateTime": row.get("lastModifiedDateTime")}
    return {**known, **remote}, drive


async def _looked(client: Client, ref: Ref) -> Entry | None:
    try:
        return await client.stat(ref)
    except (NotFound, Refused):
        return None
