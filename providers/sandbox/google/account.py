"""about and drives: what belongs to the account rather than to one file; and userinfo for sign-in."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.capabilities import MANAGERS, MOVERS, WRITERS
from providers.sandbox.google.fields import cut
from providers.sandbox.google.imports import IMPORTS, MAX_IMPORTS
from providers.sandbox.google.office import EXPORTS
from providers.sandbox.google.resource import user
from providers.sandbox.google.times import format_time
from providers.sandbox.store import Doc

MAX_UPLOAD = 5_497_558_138_880


class Account:
    """The endpoints beside files."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        router.add_get(f"{prefix}/about", self.about, allow_head=False)
        router.add_get(f"{prefix}/drives", self.drives, allow_head=False)
        router.add_get(f"{prefix}/drives/{{driveId}}", self.drive, allow_head=False)
        router.add_get("/oauth2/v3/userinfo", self.userinfo, allow_head=False)

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
            "importFormats": {mime: list(types) for mime, types in IMPORTS.items()},
            "maxImportSizes": {mime: str(size) for mime, size in MAX_IMPORTS.items()},
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
        person = call.viewer.person
        drives = [described(row, call.tree.drives.role(person, row["id"]) or "") for row in call.tree.drives.of(person)]
        return web.json_response(cut({"kind": "drive#driveList", "drives": drives}, call.selected))

    async def drive(self, request: web.Request) -> web.Response:
        """One shared drive."""
        call = self._api.open(request, "drives.get", "drive")
        self._wide(call)
        wanted = request.match_info["driveId"]
        row, role = call.tree.drives.get(wanted), call.tree.drives.role(call.viewer.person, wanted)
        if row is None or role is None:
            raise Refused(404, "notFound", f"Shared drive not found: {wanted}")
        return web.json_response(cut(described(row, role), call.selected))

    def _wide(self, call: Call) -> None:
        if call.viewer.own_files_only:
            raise Refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")

    async def userinfo(self, request: web.Request) -> web.Response:
        """OpenID Connect's userinfo."""
        session = self._api.oauth.session(request)
        if session is None:
            raise Refused(401, "authError", "Invalid Credentials")
        person = session.person
        known = {"sub": person.id, "name": person.name, "email": person.email, "email_verified": True}
        return web.json_response({**known, "hd": f"{person.school}.example", "locale": person.locale})


@behaviour("documented", "capabilities of a shared drive follow the member's role.")
def described(row: Doc, role: str) -> dict[str, Any]:
    """A Drive resource, before a member of that role."""
    known = {"kind": "drive#drive", "id": row["id"], "name": row["name"], "hidden": False}
    writes, moves, manages = role in WRITERS, role in MOVERS, role in MANAGERS
    flags = {"canListChildren": True, "canDownload": True, "canCopy": True, "canComment": role != "reader"}
    flags |= dict.fromkeys(("canAddChildren", "canEdit", "canReadRevisions", "canRename", "canShare"), writes)
    flags |= {"canTrashChildren": moves, "canDeleteChildren": manages}
    flags |= dict.fromkeys(("canManageMembers", "canRenameDrive", "canDeleteDrive"), manages)
    restrictions = dict.fromkeys(("driveMembersOnly", "domainUsersOnly", "copyRequiresWriterPermission"), False)
    times = {"createdTime": format_time(row["created"])}
    return {**known, **times, "capabilities": flags, "restrictions": restrictions}
