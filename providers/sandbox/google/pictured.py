"""The addresses in thumbnailLink: a real picture for who may see the file, in the size that was asked for."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.faults import fault
from providers.sandbox.google import thumbnails
from providers.sandbox.google.calls import Api
from providers.sandbox.google.media import without_query
from providers.sandbox.google.pictures import png
from providers.sandbox.store import Doc

_SUFFIX = re.compile(r"(?:=s(\d{1,4}))?")
LARGEST, USUAL = 1600, 220


class Thumbnails:
    """One route, beside the API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher) -> None:
        """Adds the route."""
        router.add_get(f"{thumbnails.PLACE}{{name:[^/=]+}}{{size:[^/]*}}", self.picture, allow_head=False)

    @behaviour("documented", "A thumbnail needs the person's token, unless the file is open to anyone with its link.")
    @behaviour("assumed", "An address that has run out, and one that was made up, is 404; without a token it is 403.")
    async def picture(self, request: web.Request) -> web.Response:
        """The picture; PNG, its longer side as asked for."""
        row = thumbnails.opened(self._api.tree, request.match_info["name"])
        size = _SUFFIX.fullmatch(request.match_info["size"])
        if row is None or size is None or fault(request, "expire_address"):
            raise Refused(404, "notFound", "Not Found")
        self._admit(request, row)
        given = thumbnails.hinted(row)
        headers = {"Cache-Control": "private, max-age=3600"}
        if given is not None:
            return web.Response(body=given[0], content_type=given[1], headers=headers)
        edge = min(int(size.group(1) or USUAL), LARGEST)
        body = await asyncio.to_thread(png, max(1, edge), max(1, edge * 3 // 4), thumbnails.seed(row))
        return web.Response(body=body, content_type="image/png", headers=headers)

    def _admit(self, request: web.Request, row: Doc) -> None:
        if any("anyone" in one and not one.get("link") for one in self._api.tree.upwards(row)):
            return
        if "Authorization" not in request.headers:
            raise Refused(403, "forbidden", "Forbidden")
        call = self._api.open(without_query(request), "operations.get", "operation")
        call.allowed(call.find(row["id"]), "canDownload")
