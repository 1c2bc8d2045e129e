"""changes: what has happened since a token, for one person's drive or for one shared drive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.account import described
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.errors import invalid
from providers.sandbox.google.fields import Selection, cut
from providers.sandbox.google.hashing import hashed
from providers.sandbox.google.resource import resource
from providers.sandbox.google.times import format_time
from providers.sandbox.store import Doc

_Change = tuple[int, dict[str, Any], Doc | None]  # its number, its entry, the row that it shows


class Changes:
    """changes.getStartPageToken and changes.list. A token is a number of the tree's count of changes."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        router.add_get(f"{prefix}/changes/startPageToken", self.start, allow_head=False)
        router.add_get(f"{prefix}/changes", self.changes, allow_head=False)

    async def start(self, request: web.Request) -> web.Response:
        """The token from which changes are to be followed."""
        call = self._api.open(request, "changes.getStartPageToken", "start")
        self._drive(call)
        answer = {"kind": "drive#startPageToken", "startPageToken": str(call.tree.seq)}
        return web.json_response(cut(answer, call.selected))

    @behaviour("documented", "changes.list: the oldest first, one entry a file; nextPageToken or newStartPageToken.")
    @behaviour("documented", "removed: deleted, or the person has lost access; includeRemoved=false leaves those out.")
    @behaviour(
        "documented",
        "driveId follows one shared drive and needs includeItemsFromAllDrives; without it items of"
        " shared drives come only with includeItemsFromAllDrives, and none with restrictToMyDrive.",
    )
    @behaviour("documented", "A shared drive that is new, changed or lost is an entry with changeType drive.")
    @behaviour("assumed", "A token that was never given, or one that is forgotten, is 400 invalid.")
    @behaviour("assumed", "Trashing a folder is one change; moving it to another drive is one of each item.")
    async def changes(self, request: web.Request) -> web.Response:
        """What has changed since a token."""
        call = self._api.open(request, "changes.list", "changes")
        token = call.params.get("pageToken")
        if token is None:
            raise Refused(400, "required", "Required parameter: pageToken")
        if not token.isdecimal() or not call.tree.oldest_change <= int(token) <= call.tree.seq:
            raise invalid("pageToken", token)
        size, below = call.params.get("pageSize", 100), _selected(call)
        since = sorted(self._since(call, int(token)), key=lambda one: int(one[0]))
        answer: dict[str, Any] = {"kind": "drive#changeList", "changes": []}
        for _, entry, row in since[:size]:
            file = (
                {} if row is None else {"file": resource(call.view((await hashed(call.tree, [row], below))[0]), below)}
            )
            answer["changes"].append(entry | file)
        if len(since) > size:
            answer["nextPageToken"] = str(since[size - 1][0])
        else:
            answer["newStartPageToken"] = str(call.tree.seq)
        return web.json_response(cut(answer, call.selected))

    def _drive(self, call: Call) -> str | None:
        drive = call.params.get("driveId") or call.params.get("teamDriveId")
        if drive and (not call.viewer.all_drives or not call.tree.drives.role(call.viewer.person, drive)):
            raise Refused(404, "notFound", f"Shared drive not found: {drive}")
        return None if drive is None else str(drive)

    def _since(self, call: Call, token: int) -> Iterator[_Change]:
        drive, removed = self._drive(call), call.params.get("includeRemoved", True)
        everywhere = call.params.get("includeItemsFromAllDrives") or call.params.get("includeTeamDriveItems")
        if drive and not everywhere:
            raise invalid("includeItemsFromAllDrives", "false")
        mine = bool(call.params.get("restrictToMyDrive"))
        shown = _Filter(call, drive, shared=bool(everywhere) and not mine, mine=mine)
        for row in call.tree:
            if row["seq"] > token and shown.takes(row):
                yield row["seq"], _entry("file", row, removed=False) | {"fileId": row["id"]}, row
        for file_id, row in call.tree.gone(call.viewer.person, token) if removed else ():
            if shown.fits(row.get("drive")) and not _back(call, file_id):
                yield row["seq"], _entry("file", row, removed=True) | {"fileId": file_id}, None
        for row in call.tree.drives.rows() if shown.shared and not call.viewer.own_files_only else ():
            entry = _of_drive(call, row) if row.get("seq", 0) > token and drive in (None, row["id"]) else None
            if entry is not None and (removed or not entry["removed"]):
                yield row["seq"], entry, None


class _Filter:
    """Which items belong to the feed that was asked for."""

    def __init__(self, call: Call, drive: str | None, *, shared: bool, mine: bool) -> None:
        self._call, self._drive, self.shared, self._mine = call, drive, shared, mine

    def fits(self, drive: str | None) -> bool:
        """By the drive that it lies in."""
        return drive == self._drive if self._drive else drive is None or (self.shared and self._call.viewer.all_drives)

    def takes(self, row: Doc) -> bool:
        """Whether a row is told."""
        call = self._call
        if row["parent"] is None or not self.fits(row["drive"]) or not call.tree.sees(call.viewer, row):
            return False
        if not call.tree.named(call.viewer.person, row):
            return False
        return not self._mine or row["owner"] == call.viewer.person.email


def _back(call: Call, file_id: str) -> bool:
    """A file that was taken away and given again is not removed."""
    row = call.tree.get(file_id)
    return row is not None and call.tree.role(call.viewer.person, row) is not None


def _entry(kind: str, row: Doc, *, removed: bool) -> dict[str, Any]:
    known = {"kind": "drive#change", "type": kind, "changeType": kind, "removed": removed}
    return known | {"time": format_time(row["changed"])}


def _selected(call: Call) -> Selection:
    """What of each file is asked for."""
    changes = call.selected.get("changes", {}) if "*" not in call.selected else {}
    file: Selection = changes.get("file", {}) if "*" not in changes else {}
    return file


def _of_drive(call: Call, row: Doc) -> dict[str, Any] | None:
    role = call.tree.drives.role(call.viewer.person, row["id"])
    if role is None and call.viewer.person.email not in row.get("members", {}):
        return None
    known = _entry("drive", row, removed=role is None) | {"driveId": row["id"]}
    return known | ({} if role is None else {"drive": described(row, role)})
