"""files: list, get, create, update, copy, delete, generateIds, emptyTrash. Bytes: `media` and `uploads`."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import OrderedDict
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import show
from providers.sandbox.google import media
from providers.sandbox.google.calls import Api, Call, denied
from providers.sandbox.google.content import check_quota, linked
from providers.sandbox.google.errors import forbidden, invalid, not_found
from providers.sandbox.google.facts import Facts
from providers.sandbox.google.fields import cut
from providers.sandbox.google.hashing import hashed
from providers.sandbox.google.metadata import applied, check, draft
from providers.sandbox.google.moving import moved
from providers.sandbox.google.ordering import ordered
from providers.sandbox.google.query import parse
from providers.sandbox.google.resource import resource
from providers.sandbox.google.tree import SHORTCUT
from providers.sandbox.store import Doc

_KEPT_LISTS = 64


class Files:
    """The metadata endpoints."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lists: OrderedDict[str, list[str]] = OrderedDict()

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

    @behaviour(
        "documented", "files.list: pageSize 1-1000, 100 by default; trashed files are shown unless q says otherwise."
    )
    @behaviour("documented", "A page token belongs to the same q, orderBy and person; another one is 400 invalid.")
    @behaviour("assumed", "Without orderBy the newest modifiedTime comes first; a page token shows the list as it was.")
    async def page(self, request: web.Request) -> web.Response:
        """One page of what matches."""
        call = self._api.open(request, "files.list", "files")
        asked = [call.viewer.person.email, call.viewer.client]
        asked += [str(call.params.get(name)) for name in ("q", "orderBy", "corpora", "driveId", "spaces")]
        key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
        start = self._start(call.params.get("pageToken"), key)
        if start == 0 or key not in self._lists:
            self._lists[key] = [row["id"] for row in self._matching(call)]
        self._lists.move_to_end(key)
        while len(self._lists) > _KEPT_LISTS:
            self._lists.popitem(last=False)
        stop = start + call.params.get("pageSize", 100)
        below = call.selected.get("files", {}) if "*" not in call.selected else {}
        found = [row for row in map(call.tree.get, self._lists[key][start:stop]) if row is not None]
        rows = await hashed(call.tree, found, below)
        answer: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
        if stop < len(self._lists[key]):
            answer["nextPageToken"] = _token(stop, key)
        answer["files"] = [resource(call.view(row), below) for row in rows]
        return web.json_response(cut(answer, call.selected))

    def _matching(self, call: Call) -> list[Doc]:
        query = parse(call.params["q"]) if "q" in call.params else None
        parent = query.parent if query else None
        if parent is not None:
            known = call.tree.get(call.tree.root(call.viewer.person) if parent == "root" else parent)
            if known is None or not call.tree.sees(call.viewer, known):
                raise not_found(parent)
            rows = [row for row in map(call.tree.get, call.tree.children.get(known["id"], ())) if row]
        else:
            call.tree.root(call.viewer.person)
            rows = [row for row in call.tree if row["parent"] is not None]
        drive = call.params.get("driveId")
        shared = bool(call.params.get("includeItemsFromAllDrives"))
        found = []
        for row in rows:
            if (
                not call.tree.sees(call.viewer, row)
                or (row["drive"] and not shared)
                or (drive and row["drive"] != drive)
                or (parent is None and not call.tree.named(call.viewer.person, row))
            ):
                continue
            if query is None or query.matches(Facts(call.tree, call.viewer, row)):
                found.append(row)
        return ordered(call, found, call.params.get("orderBy", "modifiedTime desc"))

    def _start(self, token: str | None, key: str) -> int:
        if token is None:
            return 0
        try:
            start, of = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError):
            raise invalid("pageToken", token) from None
        if of != key or not isinstance(start, int) or start < 0:
            raise invalid("pageToken", token)
        return start

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


def _token(start: int, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, key]).encode()).decode()
