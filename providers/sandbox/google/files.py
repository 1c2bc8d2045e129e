"""files: list, get, create, update, copy, delete, generateIds, emptyTrash. Bytes: `media` and `uploads`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import show
from providers.sandbox.google import media
from providers.sandbox.google.calls import Api, Call, denied
from providers.sandbox.google.content import check_quota, linked
from providers.sandbox.google.errors import forbidden, invalid
from providers.sandbox.google.fields import cut
from providers.sandbox.google.hashing import hashed
from providers.sandbox.google.listing import Listings
from providers.sandbox.google.metadata import applied, check, draft
from providers.sandbox.google.moving import moved
from providers.sandbox.google.resource import resource
from providers.sandbox.google.tree import SHORTCUT
from providers.sandbox.store import Doc


class Files:
    """The metadata endpoints."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._listings = Listings()

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes; the fixed names before {fileId}."""
        router.add_get(f"{prefix}/files", self.page)
        router.add_post(f"{prefix}/files", self.create)
        router.add_get(f"{prefix}/files/generateIds", self.generate_ids)
        router.add_delete(f"{prefix}/files/trash", self.empty_trash)
        router.add_get(f"{prefix}/files/{{fileId}}", self.get, allow_head=False)
        router.add_patch(f"{prefix}/files/{{fileId}}", self.update)
        router.add_delete(f"{prefix}/files/{{fileId}}", self.delete)
        router.add_post(f"{prefix}/files/{{fileId}}/copy", self.copy)

    async def page(self, request: web.Request) -> web.Response:
        """One page of what matches."""
        call = self._api.open(request, "files.list", "files")
        found, token = self._listings.page(call)
        below = call.selected.get("files", {}) if "*" not in call.selected else {}
        answer: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
        if token is not None:
            answer["nextPageToken"] = token
        answer["files"] = [resource(call.view(row), below) for row in await hashed(call.tree, found, below)]
        return web.json_response(cut(answer, call.selected))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Metadata, or the bytes with alt=media."""
        call = self._api.open(request, "files.get", "file")
        row = call.find(request.match_info["fileId"])
        if call.params.get("alt") == "media":
            return await media.download(self._api, call, row)
        return await call.file(row)

    async def create(self, request: web.Request) -> web.Response:
        """A folder, a shortcut, an empty document or an empty file."""
        call = self._api.open(request, "files.create", "file", writes=True)
        row = draft(call, await self._api.box.json(request))
        return await call.file(call.tree.put(media.blank(self._api.box.store, call, row)))

    async def update(self, request: web.Request) -> web.Response:
        """Rename, move, trash, restore, describe."""
        call = self._api.open(request, "files.update", "file", writes=True)
        body = await self._api.box.json(request)
        return await call.file(call.tree.relocate(changed(call, call.find(request.match_info["fileId"]), body)))

    @behaviour("documented", "files.copy makes a new file on the server; folders are 403 cannotCopyFile.")
    async def copy(self, request: web.Request) -> web.Response:
        """A copy beside the original, or where parents says."""
        call = self._api.open(request, "files.copy", "file", writes=True)
        body = await self._api.box.json(request)
        source = call.find(request.match_info["fileId"])
        if not call.view(source).can("canCopy"):
            raise forbidden("cannotCopyFile", "This file cannot be copied by the user.")
        root = call.tree.root(call.viewer.person)
        kept = {"name": f"Copy of {source['name']}", "mimeType": source["mime"]}
        if source["mime"] == SHORTCUT:
            kept["shortcutDetails"] = {"targetId": source["target"]}
        beside = call.tree.get(source["parent"] or "")
        fits = beside is not None and call.tree.sees(call.viewer, beside) and call.view(beside).can("canAddChildren")
        parents = [source["parent"] if fits else root]
        row = draft(call, {**kept, "parents": parents, **body})
        check_quota(call, source.get("size") or 0)
        for name in ("size", "md5", "sha1", "sha256", "head", "doc"):
            if name in source:
                row[name] = source[name]
        if source.get("blob"):
            row["blob"] = linked(self._api.box.store, source["blob"])
        return await call.file(call.tree.put(row))

    @behaviour("documented", "files.delete is for ever, skips the trash, and takes a folder's whole content along.")
    async def delete(self, request: web.Request) -> web.Response:
        """204, and nothing is left."""
        call = self._api.open(request, "files.delete", "file", writes=True)
        row = call.whole(call.allowed(call.find(request.match_info["fileId"]), "canDelete"))
        call.tree.remove([*call.tree.below(row["id"]), row["id"]])
        return web.Response(status=204)

    @behaviour("documented", "files.trash empties My Drive's trash; with driveId, for its organizer, a shared drive's.")
    async def empty_trash(self, request: web.Request) -> web.Response:
        """Deletes for ever what the person has in the trash."""
        call = self._api.open(request, "files.emptyTrash", "file", writes=True)
        drive, email = call.params.get("driveId"), call.viewer.person.email
        if drive and call.tree.drives.role(call.viewer.person, drive) != "organizer":
            raise denied()
        rows = [row for row in call.tree if (row["drive"] == drive if drive else row["owner"] == email)]
        call.tree.remove([row["id"] for row in rows if call.tree.trashed(row)])
        return web.Response(status=204)

    @behaviour("documented", "files.generateIds: 1-1000 ids, 10 by default, usable once in create and copy.")
    async def generate_ids(self, request: web.Request) -> web.Response:
        """Ids for files that are about to be made."""
        call = self._api.open(request, "files.generateIds", "ids", writes=True)
        ids = [call.tree.new_id() for _ in range(call.params.get("count", 10))]
        space = call.params.get("space", "drive")
        if space not in ("drive", "appDataFolder"):
            raise invalid("space", space)
        return web.json_response(cut({"kind": "drive#generatedIds", "space": space, "ids": ids}, call.selected))


def changed(call: Call, row: Doc, body: dict[str, Any]) -> Doc:
    """What files.update makes of a row, by its body and its addParents and removeParents; not yet put."""
    check(body, new=False)
    show(call.request, body)
    if set(body) - {"starred", "viewedByMeTime"} or "addParents" in call.params or "removeParents" in call.params:
        call.allowed(row, "canEdit")
    if row["parent"] is None and body.get("name"):
        raise forbidden("insufficientFilePermissions", "A root folder cannot be renamed.")
    row = moved(call, row, call.params.get("addParents"), call.params.get("removeParents"))
    return applied(call, {**row, "writer": call.viewer.person.email}, body)
