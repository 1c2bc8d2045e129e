"""A row as Google's wire shows it: each field of the File resource has one small builder, run only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google import thumbnails
from providers.sandbox.google.capabilities import capabilities
from providers.sandbox.google.facts import personal, shared_at
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
    def role(self) -> str | None:
        """The viewer's role on it."""
        return self.tree.role(self.viewer.person, self.row, self.viewer.keys)

    def can(self, flag: str) -> bool:
        """One of its capabilities."""
        return capabilities(self.row, self.role)[flag]


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
    known = {"targetId": view.row["target"], "targetMimeType": view.row["targetMime"]}
    key = (view.tree.get(view.row["target"]) or {}).get("link")
    return known | ({"targetResourceKey": key} if key else {})


def export_links(view: View, revision: str = "") -> dict[str, str] | None:
    """Where the formats of a document can be fetched, however large they are."""
    if view.row.get("marks", {}).get("unlinked"):
        return None
    formats = EXPORTS.get(view.row["mime"], {}) if view.row.get("doc") else {}
    place = f"{view.origin}/feeds/download/documents/export/Export?id={view.row['id']}"
    place += f"&revision={revision}" if revision else ""
    return {mime: f"{place}&exportFormat={suffix}" for mime, suffix in formats.items()} or None


def _link(view: View) -> str:
    kind = "folders" if view.row["mime"] == FOLDER else "file/d"
    return f"https://drive.google.com/{kind}/{view.row['id']}" + ("" if kind == "folders" else "/view?usp=drivesdk")


def _mark(name: str) -> Callable[[View], Any]:
    return lambda view: personal(view.row, view.viewer.person.email, name)


def _moment(name: str) -> Callable[[View], Any]:
    def build(view: View) -> str | None:
        found = personal(view.row, view.viewer.person.email, name)
        return None if found is None else format_time(found)

    return build


def _shared_at(view: View) -> str | None:
    at = shared_at(view.row, view.viewer.person.email)
    return None if at is None else format_time(at)


def _sharer(view: View) -> dict[str, Any] | None:
    given = view.row.get("shared", {}).get(view.viewer.person.email)
    sharer = view.tree.person(given["by"]) if given else None
    return None if sharer is None else user(sharer, view.viewer)


def _trasher(view: View) -> dict[str, Any] | None:
    trasher = view.tree.person(view.row.get("trasher")) if view.row["trashed"] and view.row["drive"] else None
    return None if trasher is None else user(trasher, view.viewer)


def _shared(view: View) -> bool | None:
    if view.row["drive"]:
        return None
    return any(one.get("shared") or "anyone" in one or "link" in one for one in view.tree.upwards(view.row))


def _thumbnail(view: View) -> str | None:
    if not thumbnails.pictured(view.row) or not view.can("canDownload"):
        return None
    return view.origin + thumbnails.address(view.tree, view.row)


def _nocopy(view: View) -> bool:
    return bool(view.row.get("nocopy") or view.row.get("marks", {}).get("blocked"))


BUILDERS: dict[str, Callable[[View], Any]] = {
    "kind": lambda view: "drive#file",
    "id": lambda view: view.row["id"],
    "name": lambda view: view.row["name"],
    "mimeType": lambda view: view.row["mime"],
    "description": _kept("description"),
    "starred": lambda view: bool(personal(view.row, view.viewer.person.email, "starred")),
    "trashed": lambda view: view.tree.trashed(view.row),
    "explicitlyTrashed": lambda view: view.row["trashed"],
    "trashedTime": _time("trashed_at"),
    "trashingUser": _trasher,
    "parents": _parents,
    "properties": _kept("properties"),
    "appProperties": lambda view: (view.row.get("appProperties") or {}).get(view.viewer.client) or None,
    "spaces": lambda view: ["drive"],
    "version": _count("version"),
    "webViewLink": _link,
    "webContentLink": lambda view: (
        f"https://drive.google.com/uc?id={view.row['id']}&export=download" if view.row.get("blob") else None
    ),
    "iconLink": lambda view: f"https://drive-thirdparty.googleusercontent.com/16/type/{view.row['mime']}",
    "hasThumbnail": lambda view: thumbnails.pictured(view.row),
    "thumbnailLink": _thumbnail,
    "thumbnailVersion": lambda view: str(view.row["version"]) if thumbnails.pictured(view.row) else "0",
    "viewedByMe": lambda view: _mark("viewed")(view) is not None,
    "viewedByMeTime": _moment("viewed"),
    "createdTime": _time("created"),
    "modifiedTime": _time("modified"),
    "modifiedByMe": lambda view: _mark("modified")(view) is not None,
    "modifiedByMeTime": _moment("modified"),
    "sharedWithMeTime": _shared_at,
    "sharingUser": _sharer,
    "owners": _people,
    "lastModifyingUser": _last_writer,
    "shared": _shared,
    "ownedByMe": lambda view: None if view.row["drive"] else view.mine,
    "driveId": lambda view: view.row["drive"],
    "teamDriveId": lambda view: view.row["drive"],
    "capabilities": lambda view: dict(capabilities(view.row, view.role)),
    "contentRestrictions": _kept("restrictions"),
    "copyRequiresWriterPermission": _nocopy,
    "viewersCanCopyContent": lambda view: not _nocopy(view),
    "writersCanShare": lambda view: True,
    "isAppAuthorized": lambda view: view.viewer.app in view.row["apps"],
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
    "exportLinks": export_links,
}


def is_native(mime: str) -> bool:
    """Docs, Sheets, Slides, Forms and the like: everything of Google's own but folders and shortcuts."""
    return mime.startswith(NATIVE) and mime not in (FOLDER, SHORTCUT)
