"""Collections of items: children, search results, changes. Pages with opaque tokens in @odata.nextLink."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

from aiohttp import web
from yarl import URL

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, base
from providers.sandbox.microsoft import names, odata
from providers.sandbox.microsoft.accounts import Account
from providers.sandbox.microsoft.filtering import test_of
from providers.sandbox.microsoft.odata import Options
from providers.sandbox.microsoft.rights import Rights
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.tree import Doc, Tree
from providers.sandbox.microsoft.wire import Wire, answer, context

LIMIT = 1000
RECENT = 50
_ORDERS: dict[str, Callable[[Doc], Any]] = {
    "name": lambda item: item["name"],
    "lastmodifieddatetime": lambda item: item["modified"],
    "size": lambda item: item["size"],
}


class Listing:
    """Pages of one tree's items."""

    def __init__(self, tree: Tree, wire: Wire, rights: Rights, kept: Kept) -> None:
        self._tree, self._wire, self._rights, self._kept = tree, wire, rights, kept
        self._expired: set[str] = set()

    @behaviour("documented", "Children come 200 to a page, or $top; @odata.nextLink leads on and is opaque.")
    @behaviour("assumed", "$top above 1000 is taken as 1000; a page may miss or repeat items that change meanwhile.")
    def children(self, request: web.Request, folder: Doc, options: Options) -> web.Response:
        """One page of a folder."""
        if folder["kind"] != "folder":
            raise Refused(400, "invalidRequest", "The item has no children.")
        field, _, direction = options.orderby.partition(" ")
        if field.lower() not in _ORDERS or direction not in ("", "asc", "desc"):
            raise Refused(400, "invalidRequest", "The collection cannot be ordered like that.")
        ids, backwards = self._tree.taken(folder), direction == "desc"
        found: Sequence[str] = self._tree.order(folder)
        if options.filter:
            fits = test_of(options.filter)
            found = [key for key in found if fits(self._tree.items[ids[key]])]
        if field.lower() != "name":
            order = _ORDERS[field.lower()]
            found = sorted(found, key=lambda key: order(self._tree.items[ids[key]]))
        start, stop = self._span(options)
        keys = found[::-1][start:stop] if backwards else found[start:stop]
        return self._page(request, [self._tree.items[ids[key]] for key in keys], len(found) > stop, stop, options)

    @behaviour("assumed", "Search finds names that hold the text in any case, below the item that was addressed.")
    def search(self, request: web.Request, top: Doc, text: str, options: Options) -> web.Response:
        """One page of what was found."""
        wanted = names.key(text)
        found = [one for one in self._tree.walk(top) if one is not top and wanted in names.key(one["name"])]
        start, stop = self._span(options)
        return self._page(request, found[start:stop], len(found) > stop, stop, options)

    @behaviour("documented", "delta lists the drive, then changes and deletions since a token; token=latest: from now.")
    @behaviour("documented", "delta promises no order, and an item may come twice; the last one counts.")
    @behaviour("assumed", "delta answers in the order of the last change, unless the settings say otherwise.")
    def delta(self, request: web.Request, top: Doc, mark: str | None, options: Options) -> web.Response:
        """One page of changes at or below an item."""
        now = self._tree.seq(top["drive"])
        since, whole = (now, False) if mark == "latest" else self._since(request, mark, now)
        size = min(options.top, LIMIT)
        page = list(islice(self._changes(top, since, whole=whole), size + 1))
        more, page = len(page) > size, page[:size]
        ahead = odata.pack("delta", page[-1]["seq"] if more else now, whole and more, int(self._tree.box.now()))
        link = {"@odata.nextLink" if more else "@odata.deltaLink": _link(request, token=ahead)}
        items = [self._told(request, one, options) for one in self._disturbed(page, since)]
        return answer({**context(request, "Collection(driveItem)"), **link, "value": items})

    def expire(self, request: web.BaseRequest) -> None:
        """The token of this request has run out."""
        self._expired.add(request.query.get("token") or request.rel_url.raw_path)

    @behaviour("documented", "An old token is 410 resyncRequired; Location leads to a full listing.")
    def _since(self, request: web.Request, mark: str | None, now: int) -> tuple[int, bool]:
        """The change number of a token, and whether it goes on with a full listing."""
        if not mark:
            return 0, True
        values, oldest = odata.unpack(mark), self._tree.box.now() - self._kept.now.delta_ttl
        ended = mark in self._expired or request.rel_url.raw_path in self._expired
        match values:
            case ("delta", int(since), bool(whole), int(at)) if since <= now and at >= oldest and not ended:
                return since, whole
        headers = {"Location": _link(request, token=None)}
        reason = "resyncRequired/resyncChangesApplyDifferences"
        raise Refused(410, reason, "Resync required. List everything again.", headers)

    def _changes(self, top: Doc, since: int, *, whole: bool) -> Iterator[Doc]:
        """What to tell: of a full listing only the living."""
        for one in self._tree.changed(top["drive"], since):
            if whole and not self._tree.alive(one):
                continue
            if top["parent"] is None or any(above is top for above in self._tree.upwards(one)):
                yield one

    def _disturbed(self, page: list[Doc], since: int) -> list[Doc]:
        """The page as the settings want it: with what came last on the page before, or out of order."""
        if self._kept.now.delta_repeats and page and since:
            page = [*page[-1:], *page]
        if self._kept.now.delta_shuffled:
            Random(since).shuffle(page)  # noqa: S311 - no secret: the same disorder every time
        return page

    @behaviour("documented", "What was deleted appears in delta with its id and the deleted facet.")
    def _told(self, request: web.Request, item: Doc, options: Options) -> dict[str, Any]:
        if item["dead"]:
            parent = {"driveId": item["drive"], "id": item["parent"]}
            return {"id": item["id"], "parentReference": parent, "deleted": {"state": "deleted"}}
        return self._wire.item(request, item, options)

    @behaviour("documented", "recent lists what was used lately, also in other drives; both it and sharedWithMe end.")
    @behaviour("assumed", "Once it has ended, sharedWithMe and recent are empty collections.")
    def beyond(self, request: web.Request, account: Account, drive: str, kind: str, options: Options) -> web.Response:
        """sharedWithMe and recent."""
        shared = [] if self._kept.now.sharing_ended else self._rights.shared_with(account)
        found = [self._wire.remote(request, one, self._rights.shares[one["id"]]) for one in shared]
        if kind == "recent" and not self._kept.now.sharing_ended:
            mine = (one for one in self._tree.items.values() if one["drive"] == drive and one["kind"] == "file")
            latest = sorted(filter(self._tree.alive, mine), key=lambda one: one["modified"], reverse=True)
            found = [self._wire.item(request, one, odata.Options()) for one in latest[:RECENT]] + found
        return answer(context(request, "Collection(driveItem)") | {"value": found[: options.top]})

    @staticmethod
    def _span(options: Options) -> tuple[int, int]:
        """From where to where the page reaches in the whole."""
        match options.skip:
            case None:
                start = 0
            case ("page", int(start)) if start > 0:
                pass
            case _:
                raise Refused(400, "invalidRequest", "The skip token is malformed.")
        return start, start + min(options.top, LIMIT)

    def _page(self, request: web.Request, page: Sequence[Doc], more: bool, stop: int, options: Options) -> web.Response:
        doc: dict[str, Any] = context(request, "Collection(driveItem)")
        if more:
            doc["@odata.nextLink"] = _link(request, **{"$skiptoken": odata.pack("page", stop)})
        return answer(doc | {"value": [self._wire.item(request, one, options) for one in page]})


def _link(request: web.Request, **changes: str | None) -> str:
    """The request's own address with some query options set or (None) left out."""
    plain = re.sub(r"\(token.*\)$", "", request.rel_url.raw_path)
    here = URL(base(request) + plain, encoded=True)
    query = {name: value for name, value in request.query.items() if name.lstrip("$").lower() != "skiptoken"}
    query = {name: value for name, value in (query | changes).items() if value is not None}
    return str(here.with_query(query))
