"""Pages of files: a folder's children, what a search finds, the lists across folders, and the trash.

One request is one page and nothing is kept between two, however many items there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.drive import Entry, Page, Ref
from providers.errors import Changed, DriveError, NotFound, Unsupported
from providers.google.client import Client, following, keys, rows
from providers.google.spaces import shared_drives
from providers.google.traits import FOLDER
from providers.google.wire import entry, keyed, quoted
from providers.verbs import View

OWN: Final = Ref("", "root")
"""Stands for the account's own space where no folder is meant."""

_VIEWS: Final = {
    View.SHARED: ("sharedWithMe = true and trashed = false", "sharedWithMeTime desc"),
    View.STARRED: ("starred = true and trashed = false", "modifiedTime desc"),
    View.RECENT: (f"mimeType != '{FOLDER}' and trashed = false", "recency desc"),
}
"""The query and the order of each. What is shared directly is no list of My Drive: it has roots, and no one folder."""


class Listings:
    """The listing verbs of one account. ``picked``: the grant covers chosen items only."""

    def __init__(self, client: Client, page_size: int, *, picked: bool = False) -> None:
        self._client = client
        self._page_size = page_size
        self._picked = picked

    async def children(self, ref: Ref, cursor: str | None) -> Page:
        """See `Source.children`. A cursor that Google no longer takes is Changed: begin again."""
        query = f"{quoted(ref.id)} in parents and trashed = false"
        data = await self._data(ref, query, cursor, more="ownedByMe" if ref.key else "")
        found = [_child(one, ref) for one in rows(data)]
        return _page(found, data, cursor)

    async def granted(self, root: Ref, cursor: str | None) -> Page:
        """What was made or chosen under a narrow grant, as far as it lies in no folder that was."""
        data = await self._data(OWN, "trashed = false", cursor)
        inside: dict[str, bool] = {root.id: False}
        found = [one for one in map(entry, rows(data)) if not await self._inside(one.parent, inside)]
        return _page(found, data, cursor)

    async def _inside(self, parent: Ref | None, known: dict[str, bool]) -> bool:
        if parent is None:
            return False
        if parent.id not in known:
            known[parent.id] = await self._client.find(parent) is not None
        return known[parent.id]

    async def search(self, text: str, cursor: str | None) -> Page:
        """See `CanSearch.search`. Google orders by relevance and takes no other order."""
        if not text.strip():
            raise ValueError("nothing to search for")
        words = quoted(text)
        query = f"(name contains {words} or fullText contains {words}) and trashed = false"
        data = await self._data(OWN, query, cursor)
        return _page([entry(one) for one in rows(data)], data, cursor)

    async def view(self, view: View, cursor: str | None) -> Page:
        """See `HasViews.view`."""
        if view not in _VIEWS:
            raise Unsupported("no such view", reason="view")
        query, order = _VIEWS[view]
        data = await self._data(OWN, query, cursor, order=order)
        return _page([entry(one) for one in rows(data)], data, cursor)

    async def trashed(self, cursor: str | None) -> Page:
        """See `HasTrash.trashed`: the account's own trash, then that of each shared drive, in the order of ids.

        Google tells apart what was trashed itself only in the answer, so a page may be empty and yet not the last.
        """
        space, token = _parted(cursor)
        query = "trashed = true" if space else "trashed = true and 'me' in owners"
        try:
            data = await self._data(Ref(space, space or "root"), query, token, more="explicitlyTrashed")
        except NotFound as error:  # a shared drive that is gone, or a cursor of something else
            raise Changed("the trash cannot be continued", reason=error.reason) from None
        found = [entry(one) for one in rows(data) if not isinstance(one, Mapping) or one.get("explicitlyTrashed")]
        page = _page(found, data, token)
        if page.cursor is not None:
            return Page(found, f"{space} {page.cursor}", page.complete)
        after = await self._after(space)
        return Page(found, None if after is None else f"{after} ", page.complete)

    async def _after(self, space: str) -> str | None:
        """The shared drive whose trash comes after this one's."""
        known = [] if self._picked else await shared_drives(self._client)
        return min((one.root.space for one in known if one.root.space > space), default=None)

    async def _data(
        self, folder: Ref, query: str, cursor: str | None, *, order: str = "", more: str = ""
    ) -> Mapping[str, Any]:
        request = self._client.listing(folder, query, page_size=self._page_size, cursor=cursor, order=order, more=more)
        try:
            data: Mapping[str, Any] = await self._client.send(request, extra=keys(folder))
        except DriveError as error:
            if cursor is not None and type(error) is DriveError:
                raise Changed("the listing cannot be continued", reason=error.reason) from None
            raise
        return data


def _page(found: list[Entry], data: Mapping[str, Any], cursor: str | None) -> Page:
    return Page(found, following(data, "nextPageToken", cursor), not data.get("incompleteSearch"))


def _child(row: object, folder: Ref) -> Entry:
    """What the account owns needs nobody's key."""
    found = entry(row)
    return found if isinstance(row, Mapping) and row.get("ownedByMe") else keyed(found, folder)


def _parted(cursor: str | None) -> tuple[str, str | None]:
    """The space of a cursor of the trash, and Google's own token. A drive's id holds no blank."""
    space, _, token = (cursor or " ").partition(" ")
    return space, token or None
