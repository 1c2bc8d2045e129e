"""about, drives and changes: what belongs to the account rather than to one file; and userinfo for sign-in."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, base
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.errors import invalid, not_found
from providers.sandbox.google.fields import cut
from providers.sandbox.google.office import EXPORTS
from providers.sandbox.google.resource import View, resource, user
from providers.sandbox.google.times import format_time
from providers.sandbox.store import Doc

MAX_UPLOAD = 5_497_558_138_880


class Account:
    """The endpoints beside files."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes, and a control route for quotas and marks."""
        router.add_get(f"{prefix}/about", self.about, allow_head=False)
        router.add_get(f"{prefix}/drives", self.drives, allow_head=False)
        router.add_get(f"{prefix}/drives/{{driveId}}", self.drive, allow_head=False)
        router.add_get(f"{prefix}/changes/startPageToken", self.start, allow_head=False)
        router.add_get(f"{prefix}/changes", self.changes, allow_head=False)
        router.add_get("/oauth2/v3/userinfo", self.userinfo, allow_head=False)
        router.add_post("/_sandbox/google", self.control)

    @behaviour("schema", "about: user, storageQuota (limit absent where unlimited), exportFormats, maxUploadSize.")
    async def about(self, request: web.Request) -> web.Response:
        """The account."""
        call = self._api.open(request, "about.get", "about")
        email, tree = call.viewer.person.email, call.tree
        trashed = sum(row.get("size") or 0 for row in tree if row["owner"] == email and tree.trashed(row))
        used, limit = str(tree.used(email)), tree.quota(email)
        quota = {"usage": used, "usageInDrive": used, "usageInDriveTrash": str(trashed)}
        answer: dict[str, Any] = {
            "kind": "drive#about",
            "user": user(call.viewer.person, call.viewer),
            "storageQuota": quota if limit is None else {"limit": str(limit), **quota},
            "exportFormats": {mime: list(formats) for mime, formats in EXPORTS.items()},
            "importFormats": {},
            "maxImportSizes": {},
            "maxUploadSize": str(MAX_UPLOAD),
            "appInstalled": True,
            "canCreateDrives": False,
            "folderColorPalette": ["#8f8f8f", "#ac725e", "#4986e7"],
        }
        return web.json_response(cut(answer, call.selected))

    @behaviour("documented", "drives.list shows the shared drives the person is a member of; drive.file is not enough.")
    async def drives(self, request: web.Request) -> web.Response:
        """The shared drives; all on one page."""
        call = self._api.open(request, "drives.list", "drives")
        self._wide(call)
        drives = [_drive(row) for row in call.tree.drives(call.viewer.person)]
        return web.json_response(cut({"kind": "drive#driveList", "drives": drives}, call.selected))

    async def drive(self, request: web.Request) -> web.Response:
        """One shared drive."""
        call = self._api.open(request, "drives.get", "drive")
        self._wide(call)
        wanted = request.match_info["driveId"]
        found = [row for row in call.tree.drives(call.viewer.person) if row["id"] == wanted]
        if not found:
            raise Refused(404, "notFound", f"Shared drive not found: {wanted}")
        return web.json_response(cut(_drive(found[0]), call.selected))

    def _wide(self, call: Call) -> None:
        if call.viewer.own_files_only:
            raise Refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")

    async def start(self, request: web.Request) -> web.Response:
        """The token from which changes are to be followed."""
        call = self._api.open(request, "changes.getStartPageToken", "start")
        answer = {"kind": "drive#startPageToken", "startPageToken": str(call.tree.seq)}
        return web.json_response(cut(answer, call.selected))

    @behaviour("documented", "changes.list: the oldest first, one entry a file; nextPageToken or newStartPageToken.")
    async def changes(self, request: web.Request) -> web.Response:
        """What has changed since a token."""
        call = self._api.open(request, "changes.list", "changes")
        token = call.params.get("pageToken")
        if token is None:
            raise Refused(400, "required", "Required parameter: pageToken")
        if not token.isdecimal() or int(token) > call.tree.seq:
            raise invalid("pageToken", token)
        found = self._since(call, int(token))
        size = call.params.get("pageSize", 100)
        below = call.selected.get("changes", {}) if "*" not in call.selected else {}
        answer = {"kind": "drive#changeList", "changes": [_change(call, *one, below) for one in found[:size]]}
        if len(found) > size:
            answer["nextPageToken"] = str(found[size - 1][1]["seq"])
        else:
            answer["newStartPageToken"] = str(call.tree.seq)
        return web.json_response(cut(answer, call.selected))

    def _since(self, call: Call, token: int) -> list[tuple[str, Doc]]:
        tree, viewer = call.tree, call.viewer
        found = [(row["id"], row) for row in tree if row["seq"] > token and tree.sees(viewer, row)]
        if call.params.get("includeRemoved", True):
            found += tree.gone(viewer.person, token)
        return sorted(found, key=lambda one: int(one[1]["seq"]))

    async def userinfo(self, request: web.Request) -> web.Response:
        """OpenID Connect's userinfo."""
        session = self._api.oauth.session(request)
        if session is None:
            raise Refused(401, "authError", "Invalid Credentials")
        person = session.person
        known = {"sub": person.id, "name": person.name, "email": person.email, "email_verified": True}
        return web.json_response({**known, "hd": f"{person.school}.example", "locale": person.locale})

    async def control(self, request: web.Request) -> web.Response:
        """{"quota": {email: bytes or null}, "marks": {file id: {mark: bool}}, "links": {file id: resource key}}.

        Marks: abusive, blocked; unlinked (no exportLinks), unready (files.download fails).
        """
        body = json.loads(await request.read())
        for email, limit in body.get("quota", {}).items():
            self._api.tree.limit(email, limit)
        for file_id, marks in body.get("marks", {}).items():
            row = self._api.tree.get(file_id)
            if row is None:
                return web.json_response({"error": str(not_found(file_id).message)}, status=404)
            self._api.tree.put({**row, "marks": marks})
        for file_id, key in body.get("links", {}).items():
            row = self._api.tree.get(file_id)
            if row is None:
                return web.json_response({"error": str(not_found(file_id).message)}, status=404)
            self._api.tree.put({**row, "link": key})
        return web.json_response({})


def _drive(row: Doc) -> dict[str, Any]:
    known = {"kind": "drive#drive", "id": row["id"], "name": row["name"], "hidden": False}
    flags = ("canAddChildren", "canListChildren", "canDownload", "canEdit", "canRename", "canTrashChildren")
    restrictions = dict.fromkeys(("driveMembersOnly", "domainUsersOnly", "copyRequiresWriterPermission"), False)
    times = {"createdTime": format_time(row["created"])}
    return {**known, **times, "capabilities": dict.fromkeys(flags, True), "restrictions": restrictions}


def _change(call: Call, file_id: str, row: Doc, selected: dict[str, Any]) -> dict[str, Any]:
    removed = "readers" in row
    entry: dict[str, Any] = {"kind": "drive#change", "type": "file", "changeType": "file", "fileId": file_id}
    entry |= {"time": format_time(row["changed"]), "removed": removed}
    if not removed:
        view = View(call.tree, call.viewer, base(call.request), row)
        entry["file"] = resource(view, selected.get("file", {}) if "*" not in selected else {})
    return entry
