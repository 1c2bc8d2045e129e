"""What every Drive endpoint does first: a live token, its scope, known parameters, a valid selector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, Sandbox, base
from providers.sandbox.google.errors import forbidden
from providers.sandbox.google.fields import Selection, selection
from providers.sandbox.google.hashing import hashed
from providers.sandbox.google.parameters import parameters
from providers.sandbox.google.resource import View, resource
from providers.sandbox.google.tree import READS, WRITES, Tree, Viewer
from providers.sandbox.oauth import OAuth
from providers.sandbox.store import Doc

_REVISIONS = ("revisions.list", "revisions.get", "revisions.update", "revisions.delete")
EVERYWHERE = frozenset(("files.export", "files.download", "operations.get", *_REVISIONS))


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may go on: who asks, with what, and what they want to see of the answer."""

    tree: Tree
    request: web.Request
    viewer: Viewer
    params: dict[str, Any]
    selected: Selection

    @behaviour("assumed", "drive.file: what a link opens to the person, but not to the app, is 403, not 404.")
    def find(self, file_id: str) -> Doc:
        """The row, as far as the caller may see it. Refused 404, or 403 appNotAuthorizedToFile."""
        row = self.tree.get(file_id)
        closed = row is not None and self.viewer.own_files_only and self.viewer.app not in row["apps"] and row["parent"]
        if row is not None and closed and "anyone" in row and not row.get("link"):
            text = f"The user has not granted the app {self.viewer.client} read access to the file {file_id}."
            raise forbidden("appNotAuthorizedToFile", text)
        return self.tree.find(self.viewer, file_id)

    def view(self, row: Doc) -> View:
        """The row before the caller."""
        return View(self.tree, self.viewer, base(self.request), row)

    async def file(self, row: Doc) -> web.Response:
        """The selected fields of a row as the answer."""
        [row] = await hashed(self.tree, [row], self.selected)
        return web.json_response(resource(self.view(row), self.selected))

    def allowed(self, row: Doc, flag: str) -> Doc:
        """The row, if that capability of the caller is true. Refused 403."""
        if not self.view(row).can(flag):
            raise denied()
        return row

    @behaviour("assumed", "drive.file: a folder that holds what the app may not touch is 403 appNotAuthorizedToChild.")
    def whole(self, row: Doc) -> Doc:
        """The row, if the app may touch all that lies below it. Refused 403."""
        if self.viewer.own_files_only:
            below = (self.tree.get(file_id) for file_id in self.tree.below(row["id"]))
            if any(one is not None and self.viewer.app not in one["apps"] for one in below):
                text = "The user has not granted the app write access to all of the children of file"
                raise forbidden("appNotAuthorizedToChild", f"{text} {row['id']}.")
        return row


def denied() -> Refused:
    """The person may see the file but not do this."""
    return forbidden("insufficientFilePermissions", "The user does not have sufficient permissions for this file.")


@dataclass(frozen=True, slots=True)
class Api:
    """The parts that the endpoints share."""

    box: Sandbox
    tree: Tree
    oauth: OAuth

    @behaviour("assumed", "Methods without supportsAllDrives (export, download) reach shared drives all the same.")
    @behaviour("documented", "Without a live bearer token: 401 authError; with too small a scope: 403.")
    def open(self, request: web.Request, method: str, kind: str, *, writes: bool = False) -> Call:
        """Lets a request in. ``kind`` names the shape of its answer. Refused 401, 403 or 400."""
        session = self.oauth.session(request)
        if session is None:
            raise Refused(401, "authError", "Invalid Credentials")
        if not session.scopes & (WRITES if writes else READS):
            text = "Request had insufficient authentication scopes."
            raise forbidden("insufficientPermissions", text)
        params = parameters(request.query.items(), method)
        all_drives = bool(params.get("supportsAllDrives") or params.get("supportsTeamDrives"))
        keys = frozenset(request.headers.get("X-Goog-Drive-Resource-Keys", "").split(","))
        viewer = Viewer(session.person, session.client, session.scopes, all_drives or method in EVERYWHERE, keys)
        media = params.get("alt") == "media" or method == "files.export"
        return Call(self.tree, request, viewer, params, {} if media else selection(params.get("fields"), kind))

    def resume(self, request: web.Request, query: dict[str, str], viewer: Viewer, method: str) -> Call:
        """A call that an earlier request has begun, with that one's query and viewer."""
        params = parameters(query.items(), method)
        return Call(self.tree, request, viewer, params, selection(params.get("fields"), "file"))
