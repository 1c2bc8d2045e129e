"""A row as Google's wire shows it: each field of the File resource has one small builder, run only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.fields import Selection, cut
from providers.sandbox.google.office import EXPORTS
from providers.sandbox.google.times import format_time
from providers.sandbox.google.tree import FOLDER, NATIVE, SHORTCUT, Tree, Viewer
from providers.sandbox.people import Person
from providers.sandbox.store import Doc


@dataclass(frozen=True, slots=True)
class View:
    """One row before one viewer; ``origin`` is 'scheme://host' for links."""

    tree: Tree
    viewer: Viewer
    origin: str
    row: Doc

    @property
    def mine(self) -> bool:
        """Whether the viewer owns it."""
        return bool(self.row["owner"] == self.viewer.person.email)

    @property
    def writes(self) -> bool:
        """Whether the viewer may change it."""
        return self.tree.role(self.viewer.person, self.row) in ("owner", "organizer", "writer")


def user(person: Person, viewer: Viewer) -> dict[str, Any]:
    """A User resource."""
    me = person.email == viewer.person.email
    known = {"kind": "drive#user", "displayName": person.name, "me": me, "permissionId": person.id}
    return known | {"emailAddress": person.email}


@behaviour("schema", "int64 values (size, version, quotaBytesUsed) are JSON strings.")
@behaviour("documented", "md5Checksum, sha1Checksum, sha256Checksum, headRevisionId exist only for binary content.")
@behaviour("documented", "A Google Doc may report a size of its own, which says nothing about its exports.")
def resource(view: View, selected: Selection) -> dict[str, Any]:
    """The selected fields of a File; fields without a value are left out, as Google leaves them out."""
    names = BUILDERS if not selected or "*" in selected else [name for name in selected if name in BUILDERS]
    built = {name: BUILDERS[name](view) for name in names}
    shown: dict[str, Any] = cut({name: value for name, value in built.items() if value is not None}, selected)
    return shown


def _kept(name: str) -> Callable[[View], Any]:
    return lambda view: view.row.get(name) or None


def _count(name: str) -> Callable[[View], Any]:
    return lambda view: None if view.row.get(name) is None else str(view.row[name])


def _time(name: str) -> Callable[[View], Any]:
    return lambda view: None if view.row.get(name) is None else format_time(view.row[name])


def _people(view: View) -> list[dict[str, Any]] | None:
    owner = view.tree.person(view.row["owner"])
    return None if owner is None else [user(owner, view.viewer)]


def _last_writer(view: View) -> dict[str, Any] | None:
    writer = view.tree.person(view.row.get("writer") or view.row["owner"])
    return None if writer is None else user(writer, view.viewer)


def _suffix(view: View) -> str | None:
    stem, dot, suffix = view.row["name"].rpartition(".")
    return suffix.lower() if view.row.get("blob") and dot and stem else None


def _parents(view: View) -> list[str] | None:
    parent = view.tree.get(view.row["parent"]) if view.row["parent"] else None
    return [parent["id"]] if parent is not None and view.tree.sees(view.viewer, parent) else None


def _size(view: View) -> str | None:
    if view.row.get("doc"):
        reported: str | None = view.row["doc"].get("size")
        return reported
    return None if view.row.get("size") is None else str(view.row["size"])


def _shortcut(view: View) -> dict[str, str] | None:
    if view.row["mime"] != SHORTCUT:
        return None
    return {"targetId": view.row["target"], "targetMimeType": view.row["targetMime"]}


def _exports(view: View) -> dict[str, str] | None:
    if view.row.get("marks", {}).get("unlinked"):
        return None
    formats = EXPORTS.get(view.row["mime"], {}) if view.row.get("doc") else {}
    place = f"{view.origin}/feeds/download/documents/export/Export?id={view.row['id']}&exportFormat="
    return {mime: place + suffix for mime, suffix in formats.items()} or None


def _link(view: View) -> str:
    kind = "folders" if view.row["mime"] == FOLDER else "file/d"
    return f"https://drive.google.com/{kind}/{view.row['id']}" + ("" if kind == "folders" else "/view?usp=drivesdk")


def _capabilities(view: View) -> dict[str, bool]:
    folder, root = view.row["mime"] == FOLDER, view.row["parent"] is None
    writes, owns = view.writes, view.mine or bool(view.row["drive"])
    blocked = bool(view.row.get("marks", {}).get("blocked"))
    flags = dict.fromkeys(("canEdit", "canModifyContent", "canComment"), writes)
    flags |= dict.fromkeys(("canAddChildren", "canRemoveChildren"), writes and folder)
    flags |= dict.fromkeys(("canTrash", "canUntrash", "canDelete"), owns and not root)
    flags |= {"canRename": writes and not root, "canMoveItemWithinDrive": writes and not root}
    flags |= {"canListChildren": folder, "canShare": owns, "canReadRevisions": writes and not folder}
    return flags | {"canCopy": not folder and not blocked, "canDownload": not folder and not blocked}


BUILDERS: dict[str, Callable[[View], Any]] = {
    "kind": lambda view: "drive#file",
    "id": lambda view: view.row["id"],
    "name": lambda view: view.row["name"],
    "mimeType": lambda view: view.row["mime"],
    "description": _kept("description"),
    "starred": lambda view: bool(view.row.get("starred")),
    "trashed": lambda view: view.tree.trashed(view.row),
    "explicitlyTrashed": lambda view: view.row["trashed"],
    "trashedTime": _time("trashed_at"),
    "parents": _parents,
    "properties": _kept("properties"),
    "appProperties": _kept("appProperties"),
    "spaces": lambda view: ["drive"],
    "version": _count("version"),
    "webViewLink": _link,
    "webContentLink": lambda view: (
        f"https://drive.google.com/uc?id={view.row['id']}&export=download" if view.row.get("blob") else None
    ),
    "iconLink": lambda view: f"https://drive-thirdparty.googleusercontent.com/16/type/{view.row['mime']}",
    "hasThumbnail": lambda view: False,
    "thumbnailVersion": lambda view: "0",
    "viewedByMe": lambda view: view.mine,
    "createdTime": _time("created"),
    "modifiedTime": _time("modified"),
    "modifiedByMe": lambda view: view.mine,
    "modifiedByMeTime": lambda view: format_time(view.row["modified"]) if view.mine else None,
    "sharedWithMeTime": lambda view: (
        format_time(view.row["created"]) if view.viewer.person.email in view.row.get("shared", {}) else None
    ),
    "owners": _people,
    "lastModifyingUser": _last_writer,
    "shared": lambda view: bool(view.row.get("shared")) or bool(view.row["drive"]),
    "ownedByMe": lambda view: None if view.row["drive"] else view.mine,
    "driveId": lambda view: view.row["drive"],
    "teamDriveId": lambda view: view.row["drive"],
    "capabilities": _capabilities,
    "copyRequiresWriterPermission": lambda view: bool(view.row.get("marks", {}).get("blocked")),
    "viewersCanCopyContent": lambda view: not view.row.get("marks", {}).get("blocked"),
    "writersCanShare": lambda view: True,
    "isAppAuthorized": lambda view: view.viewer.client in view.row["apps"],
    "folderColorRgb": lambda view: view.row.get("color", "#8f8f8f") if view.row["mime"] == FOLDER else None,
    "originalFilename": lambda view: view.row.get("original", view.row["name"]) if view.row.get("blob") else None,
    "fileExtension": _suffix,
    "fullFileExtension": _suffix,
    "md5Checksum": _kept("md5"),
    "sha1Checksum": _kept("sha1"),
    "sha256Checksum": _kept("sha256"),
    "size": _size,
    "quotaBytesUsed": lambda view: str(view.row.get("size") or 0),
    "headRevisionId": _kept("head"),
    "resourceKey": _kept("link"),
    "shortcutDetails": _shortcut,
    "exportLinks": _exports,
}


def is_native(mime: str) -> bool:
    """Docs, Sheets, Slides, Forms and the like: everything of Google's own but folders and shortcuts."""
    return mime.startswith(NATIVE) and mime not in (FOLDER, SHORTCUT)
