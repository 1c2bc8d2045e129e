"""The ``fields`` parameter: parse a partial-response selector, check its names, cut an answer down to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused

Selection = dict[str, Any]  # name -> what of it; {} means all of it; '*' stands for every name
Shape = Mapping[str, Any]  # name -> Shape; {} means that any name goes below it

_TOKEN = re.compile(r"\s*([A-Za-z_][\w.-]*|[*,()/])")


def _leaves(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split())


def _open(names: str) -> dict[str, Any]:
    return {name: {} for name in names.split()}


def _users(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), USER)


USER: Shape = _leaves("displayName emailAddress kind me permissionId photoLink")
FILE: Shape = {
    **_leaves(
        "copyRequiresWriterPermission createdTime description driveId explicitlyTrashed fileExtension folderColorRgb "
        "fullFileExtension hasAugmentedPermissions hasThumbnail headRevisionId iconLink id "
        "inheritedPermissionsDisabled "
        "isAppAuthorized kind md5Checksum mimeType modifiedByMe modifiedByMeTime modifiedTime name originalFilename "
        "ownedByMe quotaBytesUsed resourceKey sha1Checksum sha256Checksum shared sharedWithMeTime size starred "
        "teamDriveId thumbnailLink thumbnailVersion trashed trashedTime version viewedByMe viewedByMeTime "
        "viewersCanCopyContent webContentLink webViewLink writersCanShare parents permissionIds spaces"
    ),
    **_open("appProperties capabilities contentHints exportLinks labelInfo properties imageMediaMetadata"),
    **_open("clientEncryptionDetails contentRestrictions downloadRestrictions permissions"),
    **_open("linkShareMetadata videoMediaMetadata"),
    "shortcutDetails": _leaves("targetId targetMimeType targetResourceKey"),
    **_users("lastModifyingUser owners sharingUser trashingUser"),
}
FILES: Shape = {**_leaves("kind nextPageToken incompleteSearch"), "files": FILE}
DRIVE: Shape = {
    **_leaves("backgroundImageLink colorRgb createdTime hidden id kind name orgUnitId themeId"),
    "capabilities": {},
    "restrictions": {},
    "backgroundImageFile": {},
}
DRIVES: Shape = {**_leaves("kind nextPageToken"), "drives": DRIVE}
CHANGE: Shape = {**_leaves("changeType driveId fileId kind removed time type"), "drive": DRIVE, "file": FILE}
CHANGES: Shape = {**_leaves("kind nextPageToken newStartPageToken"), "changes": CHANGE}
ABOUT: Shape = {
    **_leaves("appInstalled canCreateDrives canCreateTeamDrives folderColorPalette kind maxUploadSize"),
    **_open("driveThemes teamDriveThemes exportFormats importFormats maxImportSizes"),
    "storageQuota": _leaves("limit usage usageInDrive usageInDriveTrash"),
    "user": USER,
}
START: Shape = _leaves("kind startPageToken")
PERMISSION: Shape = {
    **_leaves(
        "allowFileDiscovery deleted displayName domain emailAddress expirationTime id inheritedPermissionsDisabled "
        "kind pendingOwner photoLink role type view"
    ),
    **_open("permissionDetails teamDrivePermissionDetails"),
}
PERMISSIONS: Shape = {**_leaves("kind nextPageToken"), "permissions": PERMISSION}
REVISION: Shape = {
    **_leaves(
        "id keepForever kind md5Checksum mimeType modifiedTime originalFilename publishAuto published publishedLink "
        "publishedOutsideDomain size"
    ),
    "exportLinks": {},
    "lastModifyingUser": USER,
}
REVISIONS: Shape = {**_leaves("kind nextPageToken"), "revisions": REVISION}
IDS: Shape = _leaves("kind ids space")
OPERATION: Shape = {**_leaves("name done"), **_open("metadata response error")}

BASIC = "kind,id,name,mimeType"
DEFAULTS = {
    "file": BASIC,
    "files": f"kind,nextPageToken,incompleteSearch,files({BASIC})",
    "drives": "kind,nextPageToken,drives(kind,id,name)",
    "drive": "kind,id,name",
    "changes": f"kind,nextPageToken,newStartPageToken,changes(kind,type,changeType,time,removed,fileId,file({BASIC}))",
    "start": "*",
    "ids": "*",
    "operation": "*",
    "about": "",
    "permission": "kind,id,type,role",
    "permissions": "kind,nextPageToken,permissions(kind,id,type,role)",
    "revision": "kind,id,mimeType,modifiedTime",
    "revisions": "kind,nextPageToken,revisions(kind,id,mimeType,modifiedTime)",
}
SHAPES: dict[str, Shape] = {
    "about": ABOUT,
    "changes": CHANGES,
    "drive": DRIVE,
    "drives": DRIVES,
    "file": FILE,
    "files": FILES,
    "ids": IDS,
    "operation": OPERATION,
    "permission": PERMISSION,
    "permissions": PERMISSIONS,
    "revision": REVISION,
    "revisions": REVISIONS,
    "start": START,
}


@behaviour("documented", "Without fields, files come as kind,id,name,mimeType; about demands the parameter.")
@behaviour("documented", "fields selects nested names with a(b,c), a/b and *; an unknown name is 400 invalidParameter.")
@behaviour("rclone", "An empty fields parameter counts as none.")
@lru_cache(maxsize=1024)
def selection(text: str | None, kind: str) -> Selection:
    """What to answer with, not to be changed. Refused 400 for bad syntax and names that the answer cannot have."""
    text = (text or "").strip() or DEFAULTS[kind]
    if not text:
        raise Refused(400, "required", "The 'fields' parameter is required for this method.")
    parser = _Parser(text)
    selected = parser.items()
    if parser.peek() is not None:
        raise _bad(text)
    _check(selected, SHAPES[kind], text)
    return selected


def cut(value: Any, selected: Selection) -> Any:
    """The selected part of a JSON value; lists are cut item by item."""
    if not selected or "*" in selected:
        return value
    if isinstance(value, list):
        return [cut(item, selected) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: cut(value[name], below) for name, below in selected.items() if name in value}


def _bad(name: str) -> Refused:
    return Refused(400, "invalidParameter", f"Invalid field selection {name[:100]}")


def _check(selected: Selection, shape: Shape | None, where: str) -> None:
    if selected and shape is None:
        raise _bad(where)
    for name, below in selected.items():
        if name == "*" or not shape:
            continue
        if name not in shape:
            raise _bad(name)
        _check(below, shape[name], name)


class _Parser:
    """items := item (',' item)*;  item := name ('/' item)? | name '(' items ')'."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, at = text, list[str](), 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _bad(text)
            self._tokens.append(match.group(1))
            at = match.end()
        self._at = 0

    def peek(self) -> str | None:
        """The next token, or None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def items(self) -> Selection:
        """A list of selections, merged."""
        selected: Selection = {}
        while True:
            name, below = self._item()
            selected[name] = {**selected.get(name, {}), **below}
            if self.peek() != ",":
                return selected
            self._at += 1

    def _item(self) -> tuple[str, Selection]:
        name = self._next()
        if name in (",", "(", ")", "/"):
            raise _bad(self._text)
        if self.peek() == "/":
            self._at += 1
            return name, dict([self._item()])
        if self.peek() == "(":
            self._at += 1
            below = self.items()
            if self._next() != ")":
                raise _bad(self._text)
            return name, below
        return name, {}

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise _bad(self._text)
        self._at += 1
        return token
