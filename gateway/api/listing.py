"""Pages of a drive as answers: each item once in a page, and no walk without an end.

A drive that leads in circles (A → B → A), or that has a new page for ever, is found out here and not by whoever reads
the list: the cursor itself, sealed, carries how many pages came before and one page of the walk to compare with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.api.items import item_out
from gateway.api.routing import Call, answer
from gateway.api.schemas import ItemPage
from providers.drive import Entry, Page
from providers.errors import Untrusted

MOST_PAGES: Final = 20_000
"""Pages of one walk: far more than any folder has, far fewer than for ever."""

Fetch = Callable[[str | None], Awaitable[Page]]


async def listed(call: Call, bound_to: str, fetch: Fetch, query: Mapping[str, str] | None = None) -> web.StreamResponse:
    """One page as the caller's answer. ``bound_to``: what list it is; ``query``: what the next page is asked with."""
    drive = call.path("drive")
    bound = f"{call.me.person}\0{drive}\0{bound_to}"
    walk = Walk.read(call.services.cursors.read(call.query.cursor, bound))
    page = await call.services.freshness.page(call.scope, drive, lambda: fetch(walk.token))
    after = walk.after(page.cursor)
    cursor = call.services.cursors.make(after.told(), bound) if after is not None else None
    items = [item_out(drive, entry) for entry in _once(page.entries)]
    link = {}
    if cursor is not None:
        link["Link"] = f'<{call.request.path}?{urlencode({**(query or {}), "cursor": cursor})}>; rel="next"'
    return answer(ItemPage(items=items, next=cursor, complete=page.complete), headers=link)


def _once(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Each item as the drive told it last."""
    return {(entry.ref.space, entry.ref.id): entry for entry in entries}.values()


class Walk:
    """A place in a list: the drive's own ``token``, and what finds a circle with one mark (Brent's algorithm).

    The mark is a page that the walk compares with; it moves up to the current page after 1, 2, 4, 8 … pages, so a
    circle is found before it was walked three times, whatever led into it.
    """

    def __init__(self, token: str | None = None, pages: int = 0, mark: str = "", left: int = 0, reach: int = 1) -> None:
        self.token = token
        self._pages = pages
        self._mark = mark
        self._left = left
        self._reach = reach

    @classmethod
    def read(cls, told: str | None) -> Walk:
        """What `told` gave, or the beginning."""
        return cls() if told is None else cls(*json.loads(told))

    def told(self) -> str:
        """As text, for a sealed cursor."""
        return json.dumps([self.token, self._pages, self._mark, self._left, self._reach])

    def after(self, token: str | None) -> Walk | None:
        """The place of the next page, None at the end. Untrusted where there is no end."""
        if token is None:
            return None
        name = hashlib.blake2b(token.encode(), digest_size=12).hexdigest()
        if name == self._mark or self._pages >= MOST_PAGES:
            raise Untrusted("a list without an end", reason="circle")
        if self._left == 0:
            return Walk(token, self._pages + 1, name, self._reach, self._reach * 2)
        return Walk(token, self._pages + 1, self._mark, self._left - 1, self._reach)
