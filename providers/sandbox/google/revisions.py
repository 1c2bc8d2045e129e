"""revisions: the contents that a file has had; each can be read, kept for ever or deleted."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.errors import forbidden, invalid
from providers.sandbox.google.fields import cut
from providers.sandbox.google.hashing import hashed
from providers.sandbox.google.media import download
from providers.sandbox.google.resource import export_links, user
from providers.sandbox.google.times import format_time
from providers.sandbox.store import Doc

PAGE = 200


class Revisions:
    """The endpoints below a file."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        place = f"{prefix}/files/{{fileId}}/revisions"
        router.add_get(place, self.list, allow_head=False)
        router.add_get(f"{place}/{{revisionId}}", self.get, allow_head=False)
        router.add_patch(f"{place}/{{revisionId}}", self.update)
        router.add_delete(f"{place}/{{revisionId}}", self.delete)

    @behaviour("documented", "revisions.list: the oldest first, in pages of 200; for who may edit the file.")
    async def list(self, request: web.Request) -> web.Response:
        """One page of them."""
        call, row = self._open(request, "list", "revisions")
        found, token = call.tree.history.of(row), call.params.get("pageToken", "0")
        if not token.isdecimal() or int(token) > len(found):
            raise invalid("pageToken", token)
        stop = int(token) + call.params.get("pageSize", PAGE)
        shown = [await _revision(call, row, one) for one in found[int(token) : stop]]
        answer: dict[str, Any] = {"kind": "drive#revisionList", "revisions": shown}
        if stop < len(found):
            answer["nextPageToken"] = str(stop)
        return web.json_response(cut(answer, call.selected))

    @behaviour("documented", "revisions.get with alt=media gives the bytes that the revision had.")
    async def get(self, request: web.Request) -> web.StreamResponse:
        """One revision, or its bytes."""
        call, row = self._open(request, "get", "revision")
        found = self._known(call, row)
        if call.params.get("alt") == "media":
            kept = ("blob", "size", "mime", "md5")
            content = {**row, **{name: found[name] for name in kept if name in found}}
            return await download(self._api, call, content)
        return web.json_response(cut(await _revision(call, row, found), call.selected))

    @behaviour("documented", "Only keepForever of a file with binary content can be changed here.")
    async def update(self, request: web.Request) -> web.Response:
        """Keeps it for ever, or no more."""
        call, row = self._open(request, "update", "revision", writes=True)
        body, found = await self._api.box.json(request), self._known(call, row)
        if not isinstance(body.get("keepForever"), bool) or set(body) - {"keepForever", "kind", "id"}:
            raise forbidden("fieldNotWritable", "The resource body includes fields which are not directly writable.")
        if "blob" not in found:
            raise forbidden("fileNotDownloadable", "Revisions of Docs Editors files cannot be kept forever.")
        keep = body["keepForever"]
        if found["id"] == call.tree.history.of(row)[-1]["id"]:
            row = call.tree.put({**row, "keep": keep})
        else:
            call.tree.history.keep(row, found["id"], keep)
        return web.json_response(cut(await _revision(call, row, {**found, "keep": keep}), call.selected))

    @behaviour("documented", "Only revisions of binary files can be deleted, and never the last one that is left.")
    @behaviour("assumed", "Deleting the head revision is refused as well: 403 cannotDeleteRevision.")
    async def delete(self, request: web.Request) -> web.Response:
        """Forgets its bytes."""
        call, row = self._open(request, "delete", "revision", writes=True)
        found = self._known(call, row)
        if "blob" not in found or found["id"] == call.tree.history.of(row)[-1]["id"]:
            raise forbidden("cannotDeleteRevision", "This revision cannot be deleted.")
        call.tree.history.drop(row, found["id"])
        return web.Response(status=204)

    def _open(self, request: web.Request, verb: str, kind: str, *, writes: bool = False) -> tuple[Call, Doc]:
        call = self._api.open(request, f"revisions.{verb}", kind, writes=writes)
        row = call.find(request.match_info["fileId"])
        if not call.tree.history.of(row):
            raise forbidden("revisionsNotSupported", "The file does not support revisions.")
        return call, call.allowed(row, "canReadRevisions")

    def _known(self, call: Call, row: Doc) -> Doc:
        wanted, found = call.request.match_info["revisionId"], call.tree.history.of(row)
        if wanted == "head":
            return found[-1]
        for one in found:
            if one["id"] == wanted:
                return one
        raise Refused(404, "notFound", f"Revision not found: {wanted}.")


@behaviour("documented", "Revisions of documents have exportLinks, those of files size, md5Checksum and a file name.")
async def _revision(call: Call, row: Doc, one: Doc) -> dict[str, Any]:
    shown = {"kind": "drive#revision", "id": one["id"], "mimeType": one["mime"], "modifiedTime": format_time(one["at"])}
    writer = call.tree.person(one["by"])
    if writer is not None:
        shown["lastModifyingUser"] = user(writer, call.viewer)
    if "blob" not in one:
        links = export_links(call.view(row), one["id"])
        return shown | {"published": False, "exportLinks": links}
    [one] = await hashed(call.tree, [one], {"md5Checksum": {}})
    shown |= {"keepForever": one["keep"], "originalFilename": one["name"], "size": str(one["size"])}
    return shown | {"md5Checksum": one["md5"]}
