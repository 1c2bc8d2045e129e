"""A hundred thousand children: every one once, page by page, and nothing piles up."""

from __future__ import annotations

import json
import tracemalloc

from aiohttp import web

from providers.drive import Ref
from tests.providers.google.stand_in import google_at, resource
from tests.soak import FACTOR

PAGE = 1000
CHILDREN = min(10_000 * FACTOR, 100_000)


async def test_pages_pass_and_leave_nothing_behind() -> None:
    """What one page needs is what all of them need."""
    asked: list[str | None] = []
    row = resource("N", sha256Checksum="ab" * 32, capabilities={"canDownload": True, "canRename": True})
    one = json.dumps(row)

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["pageSize"])
        start = int(request.query.get("pageToken", "0"))
        rows = ",".join(one.replace("1IdN", f"1Id{start + number}") for number in range(PAGE))
        following = f',"nextPageToken":"{start + PAGE}"' if start + PAGE < CHILDREN else ""
        return web.Response(text=f'{{"files":[{rows}]{following}}}', content_type="application/json")

    async with google_at(answer) as drive:
        cursor, last, seen = None, -1, 0
        sizes: list[int] = []
        tracemalloc.start()
        try:
            while seen < CHILDREN:
                page = await drive.children(Ref("", "1Folder"), cursor)
                for entry in page.entries:
                    assert int(entry.ref.id.removeprefix("1Id")) == last + 1
                    last += 1
                seen, cursor = seen + len(page.entries), page.cursor
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert (seen, cursor, set(asked)) == (CHILDREN, None, {str(PAGE)})
    assert len(asked) == CHILDREN // PAGE
    assert max(sizes) < 2 * sizes[1]
