"""The File resource in request bodies: which fields may be written, and what they do to a row."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Call
from providers.sandbox.google.errors import forbidden, invalid
from providers.sandbox.google.facts import marked
from providers.sandbox.google.fields import FILE
from providers.sandbox.google.moving import parent_of
from providers.sandbox.google.resource import is_native
from providers.sandbox.google.times import parse_time
from providers.sandbox.google.tree import FOLDER, SHORTCUT
from providers.sandbox.store import Doc

_TEXTS = {"name": "name", "mimeType": "mime", "description": "description", "originalFilename": "original"}
_TEXTS |= {"folderColorRgb": "color"}
_FLAGS = frozenset(("starred", "trashed", "writersCanShare", "copyRequiresWriterPermission", "viewersCanCopyContent"))
_MAPS = ("properties", "appProperties")
_TIMES = ("modifiedTime", "viewedByMeTime")
_HINTS = "kind contentHints contentRestrictions downloadRestrictions inheritedPermissionsDisabled"
_KEPT = {"contentHints": "hints", "contentRestrictions": "restrictions", "copyRequiresWriterPermission": "nocopy"}
_IGNORED = frozenset(_HINTS.split())
_NEW = frozenset(("id", "parents", "createdTime", "shortcutDetails"))


@behaviour("schema", "A body field that the File schema does not know is 400.")
@behaviour(
    "documented", "A body field that cannot be written directly is 403 fieldNotWritable; parents too, on update."
)
def check(body: Mapping[str, Any], *, new: bool) -> None:
    """Refused for fields that are unknown, not writable here, or of the wrong type."""
    for name, value in body.items():
        if name not in FILE:
            text = f"Invalid JSON payload received. Unknown name \"{name[:60]}\" at 'file': Cannot find field."
            raise Refused(400, "badRequest", text)
        if name == "parents" and not new:
            text = "The parents field is not directly writable in update requests. Use the addParents and removeParents"
            raise forbidden("fieldNotWritable", text + " parameters instead.")
        known = {*_TEXTS, *_FLAGS, *_MAPS, *_TIMES, *_IGNORED, *(_NEW if new else ())}
        if name not in known:
            raise forbidden("fieldNotWritable", "The resource body includes fields which are not directly writable.")
        _check_type(name, value)


def _check_type(name: str, value: object) -> None:
    wanted: type | tuple[type, ...] = str
    if name in _FLAGS:
        wanted = bool
    elif name in _MAPS or name in ("shortcutDetails", "contentHints", "downloadRestrictions"):
        wanted = dict
    elif name in ("parents", "contentRestrictions"):
        wanted = list
    elif name == "inheritedPermissionsDisabled":
        wanted = bool
    if value is not None and not isinstance(value, wanted):
        raise invalid(name, str(value))


@behaviour("documented", "A file has one parent; several are 403. Without one it goes to the root folder.")
@behaviour("documented", "A pre-generated id that is in use is 409 fileIdInUse; one that was never issued is 400.")
@behaviour("assumed", "Without name a file is called Untitled; its type is guessed from the name, then octet-stream.")
def draft(call: Call, body: Mapping[str, Any], content_type: str = "") -> Doc:
    """A new row as the body describes it, not yet put."""
    check(body, new=True)
    parent = parent_of(call, body.get("parents") or ["root"])
    name = body.get("name") or "Untitled"
    mime = body.get("mimeType") or content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    file_id = _identity(call, body.get("id"), mime)
    place = {"owner": None if parent["drive"] else parent["owner"], "drive": parent["drive"]}
    call.tree.check_room(parent["drive"])
    row = call.tree.fresh(file_id, name, mime, parent["id"], app=call.viewer.app, **place)
    if place["owner"] not in (None, call.viewer.person.email):
        row["owner"] = call.viewer.person.email  # in a folder that someone shared, what I make is mine
    row = marked(row, call.viewer.person.email, viewed=row["modified"], modified=row["modified"])
    if body.get("createdTime"):
        row["created"] = parse_time(body["createdTime"], "createdTime")
    return applied(call, row | {"writer": call.viewer.person.email} | _target(call, body, mime), body)


@behaviour("assumed", "A new name or description sets modifiedTime to now; moving, trashing and starring do not.")
def applied(call: Call, row: Doc, body: Mapping[str, Any]) -> Doc:
    """The row with the body's fields in it. Refused where the caller may not do that."""
    row = dict(row)
    for name, key in _TEXTS.items():
        if body.get(name) and not (
            name == "mimeType" and (row["mime"] in (FOLDER, SHORTCUT) or is_native(row["mime"]))
        ):
            row[key] = body[name]
    row |= _properties(call, row, body) | {_KEPT[name]: body[name] for name in _KEPT if name in body}
    row = _personal(call, row, body)
    if "trashed" in body and body["trashed"] != row["trashed"]:
        call.whole(call.allowed(row, "canTrash" if body["trashed"] else "canUntrash"))
        row |= {"trashed": bool(body["trashed"]), "trashed_at": call.tree.now() if body["trashed"] else None}
        row["trasher"] = call.viewer.person.email
    if body.get("modifiedTime"):
        row["modified"] = parse_time(body["modifiedTime"], "modifiedTime")
    elif "name" in body or "description" in body:
        row["modified"] = call.tree.now()
    return row


def _properties(call: Call, row: Doc, body: Mapping[str, Any]) -> Doc:
    """properties are everyone's, appProperties each app's own; null takes one away."""
    found: Doc = {}
    if body.get("properties"):
        found["properties"] = _merged(row.get("properties"), body["properties"])
    if body.get("appProperties"):
        apps = row.get("appProperties") or {}
        mine = _merged(apps.get(call.viewer.client), body["appProperties"])
        found["appProperties"] = {**apps, call.viewer.client: mine}
    return found


def _merged(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Doc:
    return {key: value for key, value in {**(old or {}), **new}.items() if value is not None}


def _personal(call: Call, row: Doc, body: Mapping[str, Any]) -> Doc:
    """The caller's own marks: starred, when they viewed it and when they changed it."""
    email = call.viewer.person.email
    if "starred" in body:
        row = marked(row, email, starred=bool(body["starred"]))
    if body.get("viewedByMeTime"):
        row = marked(row, email, viewed=parse_time(body["viewedByMeTime"], "viewedByMeTime"))
    if {"name", "description"} & set(body):
        row = marked(row, email, modified=call.tree.now())
    return row


def _identity(call: Call, wanted: str | None, mime: str) -> str:
    if not wanted:
        return call.tree.new_id()
    if is_native(mime) or mime == SHORTCUT:
        raise Refused(400, "invalid", "Generated IDs are not supported for Docs Editors formats and shortcuts.")
    if call.tree.get(wanted) is not None:
        raise Refused(409, "fileIdInUse", "A file already exists with the provided ID.")
    if not call.tree.issued(wanted):
        raise Refused(400, "invalid", "The provided file ID is not usable.")
    return wanted


def _target(call: Call, body: Mapping[str, Any], mime: str) -> dict[str, str]:
    wanted = (body.get("shortcutDetails") or {}).get("targetId")
    if mime != SHORTCUT:
        return {}
    if not isinstance(wanted, str) or not wanted:
        raise Refused(400, "badRequest", "A shortcut needs shortcutDetails.targetId.")
    target = call.find(wanted)
    if target["mime"] == SHORTCUT:
        raise forbidden("shortcutTargetInvalid", "A shortcut cannot point to a shortcut.")
    return {"target": target["id"], "targetMime": target["mime"]}
