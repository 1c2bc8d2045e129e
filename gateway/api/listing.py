"""Pages of a drive as answers: each item once in a page, and no walk without an end.

A drive that leads in circles (A → B → A), or that has a new page for ever, is found out here and not by whoever reads
the list: the cursor itself, sealed, carries the walk (`gateway.walks`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import urlencode

from aiohttp import web

from gateway.api.items import item_out
from gateway.api.routing import Call, answer
from gateway.api.schemas import ItemPage
from gateway.walks import Walk
from providers.drive import Entry, Page

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
