"""What changes the tree beside uploads: folders, renaming and moving, deleting, restoring, copying on the server."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, base, label
from providers.sandbox.microsoft import names, odata
from providers.sandbox.microsoft.odata import Options
from providers.sandbox.microsoft.placing import Places, Slot
from providers.sandbox.microsoft.rights import WRITE, Rights
from providers.sandbox.microsoft.tree import ACTING, Doc
from providers.sandbox.microsoft.versions import Versions
from providers.sandbox.microsoft.wire import Wire, answer, context, parse_times

_REFERENCE = dict.fromkeys(("driveId", "driveType", "id", "name", "path", "siteId", "shareId"), str)


class Changes:
    """Handlers that change one tree. Each gets the item that was addressed."""

    def __init__(self, box: Sandbox, places: Places, wire: Wire, rights: Rights, versions: Versions) -> None:
        self.box, self._tree, self._places, self._wire = box, places.tree, places, wire
        self._rights, self._versions, self._contents = rights, versions, versions.contents
        self._monitors = box.store.table("monitors")
        box.app.router.add_get("/monitor/{operation}", self.monitor)

    @behaviour("documented", "POST children makes a folder; conflictBehavior fail (the default), rename, or replace.")
    @behaviour("assumed", "A folder that replaces a folder of its name is that same folder, unchanged, with 200.")
    async def make_folder(self, request: web.Request, parent: Doc, options: Options) -> web.Response:
        """A new folder."""
        body = await self.box.json(request)
        odata.only(body, name=str, folder=dict, file=dict, description=str, fileSystemInfo=dict)
        odata.only(body.get("folder", {}), childCount=int, view=dict)
        if "folder" not in body or "file" in body:
            raise Refused(400, "invalidRequest", "Only folders are made this way.")
        slot = Slot(self._places.folder(parent), self._places.named(parent["drive"], body.get("name")), None)
        names.check_path(f"{self._tree.path(parent)}/{slot.name}")
        conflict = options.conflict or odata.body_conflict(body, "fail")
        there = self._tree.child(parent, slot.name)
        if there and there["kind"] == "folder" and conflict == "replace":
            return self._told(request, there, options)
        name, _ = self._places.settle(slot, "fail" if conflict == "replace" else conflict)
        with self.box.store.batch():
            made = self._tree.make(parent["drive"], parent, name, "folder", **self._times(body, None))
        return self._told(request, made, options, 201)

    @behaviour("documented", "PATCH renames (name), moves (parentReference) and sets fileSystemInfo, under If-Match.")
    @behaviour("documented", "A PATCH of fileSystemInfo makes another version in a school's drive; the cTag stays.")
    async def update(self, request: web.Request, item: Doc, options: Options) -> web.Response:
        """Renames, moves, dates."""
        body = await self.box.json(request)
        odata.only(body, name=str, description=str, parentReference=dict, fileSystemInfo=dict)
        self._places.preconditions(request, item)
        if item["parent"] is None and {"name", "parentReference"} & set(body):
            raise Refused(403, "accessDenied", "The root cannot be renamed or moved.")
        fields: dict[str, Any] = self._times(body, item)
        if "description" in body:
            fields["description"] = body["description"]
        with self.box.store.batch():
            if {"name", "parentReference"} & set(body):
                conflict = options.conflict or odata.body_conflict(body, "fail")
                fields |= self._destination(item, body, conflict)
            if "fs" in fields and item["kind"] == "file" and not self._tree.owner(item["drive"]).personal:
                fields |= self._versions.keep(item, shared=True)
            changed = self._tree.change(item, **fields)
        return self._told(request, changed, options)

    @behaviour("documented", "DELETE answers 204 and honours If-Match; permanentDelete passes the recycle bin by.")
    async def delete(self, request: web.Request, item: Doc, *, forever: bool = False) -> web.Response:
        """Into the recycle bin, or for ever."""
        self._places.preconditions(request, item)
        if item["parent"] is None:
            raise Refused(403, "accessDenied", "The root cannot be deleted.")
        with self.box.store.batch():
            self._tree.destroy(item) if forever else self._tree.bin(item)
        return web.Response(status=204)

    @behaviour("documented", "checkout holds a file of a school's drive for one person until checkin; both answer 204.")
    async def hold(self, request: web.Request, item: Doc, *, out: bool) -> web.Response:
        """Checks a file out or in."""
        body = await self.box.json(request)
        odata.only(body, **({} if out else {"comment": str, "checkInAs": str}))
        self._places.preconditions(request, item)
        if item["kind"] != "file" or self._tree.owner(item["drive"]).personal:
            raise Refused(400, "invalidRequest/notSupported", "Only files of a school's drive are checked out.")
        self._tree.items.merge(item["id"], locked=ACTING.get() if out else "")
        return web.Response(status=204)

    @behaviour("documented", "restore brings an item of a personal drive back from the recycle bin.")
    async def restore(self, request: web.Request, drive: str, wanted: str, options: Options) -> web.Response:
        """Back out of the recycle bin."""
        body = odata.only(await self.box.json(request), name=str, parentReference=dict)
        item = self._tree.items.get(wanted)
        if not self._tree.owner(drive).personal:
            raise Refused(400, "notSupported", "Only personal drives restore this way.")
        if item is None or item["drive"] != drive or item["dead"] != "binned":
            raise Refused(404, "itemNotFound", "The item is not in the recycle bin.")
        parent = self._parent(drive, body["parentReference"]) if "parentReference" in body else None
        parent = parent or self._tree.live(drive, item["parent"])
        slot = Slot(
            self._places.folder(parent), self._places.named(parent["drive"], body.get("name", item["name"])), None
        )
        name, _ = self._places.settle(slot, "fail")
        with self.box.store.batch():
            back = self._tree.change(item, dead="", name=name, parent=parent["id"])
        return self._told(request, back, options)

    @behaviour(
        "documented", "copy answers 202 with a monitor in Location; a taken name is 409 nameAlreadyExists at once."
    )
    @behaviour("documented", "A personal drive takes no notice of a conflict behaviour when it copies.")
    @behaviour("documented", "A copy may go to another drive that the caller may write to; a move may not.")
    async def copy(self, request: web.Request, item: Doc, options: Options) -> web.Response:
        """Starts a copy on the server."""
        body = odata.only(
            await self.box.json(request),
            name=str,
            parentReference=dict,
            childrenOnly=bool,
            includeAllVersionHistory=bool,
        )
        personal = self._tree.owner(item["drive"]).personal
        conflict = "fail" if personal else options.conflict or odata.body_conflict(body, "fail")
        home = self._tree.items[item["parent"]] if item["parent"] else item
        parent = self._target(item["drive"], body["parentReference"]) if "parentReference" in body else home
        if item["kind"] == "package" or parent["id"] in {one["id"] for one in self._tree.walk(item)}:
            raise Refused(400, "invalidRequest", "The item cannot be copied there.")
        if body.get("childrenOnly") or body.get("includeAllVersionHistory"):
            raise Refused(400, "notSupported", "Only whole items are copied, without their history.")
        slot = Slot(
            self._places.folder(parent), self._places.named(parent["drive"], body.get("name", item["name"])), None
        )
        name, there = self._places.settle(slot, conflict)
        if there and there["id"] == item["id"]:
            raise Refused(409, "nameAlreadyExists", "An item cannot be copied over itself.")
        self._places.room(parent["drive"], self._tree.size(item))
        with self.box.store.batch():
            if there:
                self._tree.destroy(there)
            made = self._copied(item, parent, name)
            key = secrets.token_urlsafe(24)
            self._monitors.put(key, {"id": made["id"], "left": int(item["kind"] == "folder")})
        return web.Response(status=202, headers={"Location": f"{base(request)}/monitor/{key}"})

    @behaviour(
        "documented", "A monitor answers 202 inProgress, then 200 completed with resourceId, and needs no token."
    )
    @behaviour("assumed", "The copy of a file is complete at the first look, that of a folder at the second.")
    async def monitor(self, request: web.Request) -> web.Response:
        """How far a copy is."""
        label(request, "/monitor/{operation}")
        key = request.match_info["operation"]
        if key not in self._monitors:
            raise Refused(404, "itemNotFound", "The operation could not be found.")
        row = self._monitors[key]
        if row["left"]:
            self._monitors.merge(key, left=row["left"] - 1)
            return answer({"operation": "itemCopy", "percentageComplete": 50.0, "status": "inProgress"}, 202)
        return answer({"percentageComplete": 100.0, "resourceId": row["id"], "status": "completed"})

    @behaviour("assumed", "A move into the item itself or below it is 400 invalidRequest.")
    def _destination(self, item: Doc, body: dict[str, Any], conflict: str) -> dict[str, Any]:
        """The fields of a rename or move; what it replaces is destroyed."""
        parent = self._tree.items[item["parent"]]
        if "parentReference" in body:
            parent = self._places.folder(self._parent(item["drive"], body["parentReference"]))
        if parent["id"] in {one["id"] for one in self._tree.walk(item)}:
            raise Refused(400, "invalidRequest", "An item cannot be moved below itself.")
        name = self._places.named(parent["drive"], body.get("name", item["name"]))
        names.check_path(f"{self._tree.path(parent)}/{name}")
        there = self._tree.child(parent, name)
        if there and there["id"] != item["id"]:
            name, there = self._places.settle(Slot(parent, name, there), conflict)
            if there:
                self._tree.destroy(there)
        return {"name": name, "parent": parent["id"]}

    @behaviour("documented", "parentReference names a folder by id, or by path from the root.")
    def _parent(self, drive: str, reference: dict[str, Any]) -> Doc:
        odata.only(reference, **_REFERENCE)
        if (reference.get("driveId") or drive).lower() != drive.lower():
            raise Refused(
                403, "accessDenied", "The other drive is not accessible, or the operation stays in one drive."
            )
        if reference.get("id"):
            return self._tree.live(drive, reference["id"])
        head, found, rest = reference.get("path", "").partition("root:")
        if not found or head not in ("/drive/", "/me/drive/", f"/drives/{drive}/"):
            raise Refused(400, "invalidRequest", "parentReference names no folder.")
        return self._places.descend(drive, "root", tuple(filter(None, unquote(rest).split("/"))))

    def _target(self, drive: str, reference: dict[str, Any]) -> Doc:
        """Where a copy goes: also into another drive."""
        asking, wanted = self._tree.account(ACTING.get() or ""), reference.get("driveId") or drive
        if isinstance(wanted, str) and wanted.lower() != drive.lower():
            drive = self._rights.drive(asking, wanted)
        parent = self._parent(drive, reference)
        self._rights.demand(asking, parent, WRITE)
        return parent

    def _copied(self, item: Doc, parent: Doc, name: str) -> Doc:
        fields: Doc = {field: item[field] for field in ("size", "hashes", "mime") if field in item}
        if item["kind"] == "file":
            fields["blob"] = self._contents.linked(item["blob"])
        made = self._tree.make(parent["drive"], parent, name, item["kind"], **fields)
        for child in self._tree.children(item):
            self._copied(child, made, child["name"])
        return made

    def _times(self, body: dict[str, Any], item: Doc | None) -> dict[str, Any]:
        now = int(self.box.now() * 1000)
        before = item["fs"] if item else [now, now]
        return {"fs": parse_times(body["fileSystemInfo"], before)} if "fileSystemInfo" in body else {}

    def _told(self, request: web.Request, item: Doc, options: Options, status: int = 200) -> web.Response:
        return answer(context(request, "driveItem") | self._wire.item(request, item, options), status)
