"""Thumbnails: sets of three sizes, custom sizes on request, pictures behind pre-authenticated addresses that end."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, label
from providers.sandbox.microsoft.contents import Contents
from providers.sandbox.microsoft.odata import Options
from providers.sandbox.microsoft.pictures import picture
from providers.sandbox.microsoft.tree import Doc
from providers.sandbox.microsoft.wire import answer, context

SIZES = {"small": (96, 96), "medium": (176, 176), "large": (800, 800)}
_CUSTOM = re.compile(r"c(\d{1,4})x(\d{1,4})(?:_crop)?", re.IGNORECASE)
_SHOWABLE = re.compile(r".*\.(png|jpe?g|gif|bmp|tiff?|webp|heic|pdf|docx?|pptx?|xlsx?|mp4|mov)", re.IGNORECASE)


class Thumbnails:
    """Pictures of one tree's files."""

    def __init__(self, box: Sandbox, contents: Contents) -> None:
        self._contents = contents
        box.app.router.add_get("/thumb/{item}/{size}", self.download)

    @behaviour("documented", "A set holds small, medium and large, 96, 176 and 800 pixels on the longer side.")
    @behaviour("documented", "A file without a thumbnail, and any folder, has an empty collection.")
    def sets(self, request: web.Request, item: Doc, select: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
        """The one set of a file with some sizes, or none."""
        if not _shows(item):
            return []
        sizes = [one for one in select or SIZES if one != "id"]
        return [{"id": "0"} | {size: self._told(request, item, size) for size in sizes}]

    @behaviour("documented", "thumbnails takes $select, also of custom sizes such as c256x256 and c256x256_crop.")
    def all(self, request: web.Request, item: Doc, options: Options) -> web.Response:
        """All sets of an item."""
        for size in options.select or ():
            _ = size == "id" or _pixels(size)
        found = self.sets(request, item, options.select)
        return answer(context(request, "Collection(thumbnailSet)") | {"value": found})

    @behaviour("documented", "thumbnails/0 is a set, thumbnails/0/small a thumbnail, …/content a 302 to the picture.")
    def show(self, request: web.Request, item: Doc, wanted: str, *, content: bool = False) -> web.Response:
        """A set ('0'), one of its sizes ('0/small'), or where the picture is."""
        number, _, size = wanted.partition("/")
        if number != "0" or not _shows(item):
            raise Refused(404, "itemNotFound", "The thumbnail does not exist.")
        if not size:
            return answer(context(request, "thumbnailSet") | self.sets(request, item)[0])
        told = self._told(request, item, size)
        if content:
            return web.Response(status=302, headers={"Location": str(told["url"])})
        return answer(context(request, "thumbnail") | told)

    @behaviour("assumed", "Thumbnails are PNG pictures that show nothing of the file.")
    async def download(self, request: web.Request) -> web.Response:
        """The picture behind an address."""
        label(request, "/thumb/{item}/{size}")
        size = request.match_info["size"]
        item, what = self._contents.authorised(request)
        if what != f"thumb/{size}":
            raise Refused(401, "unauthenticated", "The address is for something else.")
        width, height = _pixels(size)
        body = picture(width, height, item["number"] % 256)
        return web.Response(body=body, content_type="image/png", headers={"Cache-Control": "max-age=604800"})

    def _told(self, request: web.Request, item: Doc, size: str) -> dict[str, Any]:
        width, height = _pixels(size)
        url = self._contents.address(request, item, f"thumb/{size}")
        return {"height": height, "width": width, "url": url}


def _shows(item: Doc) -> bool:
    return item["kind"] == "file" and item["size"] > 0 and _SHOWABLE.fullmatch(item["name"]) is not None


def _pixels(size: str) -> tuple[int, int]:
    """Width and height of a size's name. Refused 400 for an unknown one."""
    if size in SIZES:
        return SIZES[size]
    found = _CUSTOM.fullmatch(size)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < width <= 2000 or not 0 < height <= 2000:
        raise Refused(400, "invalidRequest", "The size of a thumbnail is unknown.")
    return width, height
