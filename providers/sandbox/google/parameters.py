"""Which query parameters each method takes, and of which type. Anything else is refused, as Google refuses it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.errors import invalid

_COMMON = "alt fields key access_token oauth_token prettyPrint quotaUser callback uploadType upload_protocol $.xgafv"
_FLAGS = (
    "prettyPrint acknowledgeAbuse supportsAllDrives supportsTeamDrives includeItemsFromAllDrives includeTeamDriveItems "
    "enforceSingleParent ignoreDefaultVisibility keepRevisionForever useContentAsIndexableText copyComments "
    "useDomainAdminAccess includeCorpusRemovals includeRemoved restrictToMyDrive enforceExpansiveAccess "
    "moveToNewOwnersRoot sendNotificationEmail transferOwnership removeExpiration"
)
_BOOLEANS = frozenset(_FLAGS.split())
_LIMITS = {
    "files.list": 1000,
    "changes.list": 1000,
    "drives.list": 100,
    "permissions.list": 100,
    "revisions.list": 1000,
}
_LABELS = "includeLabels includePermissionsForView supportsAllDrives supportsTeamDrives"
_SHARED = "supportsAllDrives supportsTeamDrives useDomainAdminAccess"
_WRITE = f"{_LABELS} enforceSingleParent keepRevisionForever ocrLanguage"
METHODS = {
    "about.get": "",
    "changes.getStartPageToken": "driveId supportsAllDrives supportsTeamDrives teamDriveId",
    "changes.list": f"driveId includeCorpusRemovals includeItemsFromAllDrives includeRemoved includeTeamDriveItems "
    f"pageSize pageToken restrictToMyDrive spaces teamDriveId {_LABELS}",
    "drives.list": "pageSize pageToken q useDomainAdminAccess",
    "drives.get": "useDomainAdminAccess",
    "files.copy": f"copyComments ignoreDefaultVisibility {_WRITE}",
    "files.create": f"ignoreDefaultVisibility useContentAsIndexableText {_WRITE}",
    "files.delete": "enforceSingleParent supportsAllDrives supportsTeamDrives",
    "files.download": "mimeType revisionId",
    "files.emptyTrash": "driveId enforceSingleParent",
    "files.export": "mimeType",
    "files.generateIds": "count space type",
    "files.get": f"acknowledgeAbuse {_LABELS}",
    "files.list": f"corpora corpus driveId includeItemsFromAllDrives includeTeamDriveItems orderBy pageSize "
    f"pageToken q spaces teamDriveId {_LABELS}",
    "operations.get": "",
    "permissions.create": f"emailMessage enforceExpansiveAccess enforceSingleParent moveToNewOwnersRoot "
    f"sendNotificationEmail transferOwnership {_SHARED}",
    "permissions.delete": f"enforceExpansiveAccess {_SHARED}",
    "permissions.get": _SHARED,
    "permissions.list": f"includePermissionsForView pageSize pageToken {_SHARED}",
    "permissions.update": f"enforceExpansiveAccess removeExpiration transferOwnership {_SHARED}",
    "revisions.delete": "",
    "revisions.get": "acknowledgeAbuse",
    "revisions.list": "pageSize pageToken",
    "revisions.update": "",
    "files.update": f"addParents removeParents useContentAsIndexableText setModifiedDate {_WRITE}",
}


@behaviour("schema", "A query parameter that the method does not declare is 400.")
@behaviour("rclone", "setModifiedDate, a leftover of API v2, is taken and ignored when content is updated.")
@behaviour("rclone", "An empty parameter counts as absent.")
@behaviour("assumed", "A parameter that comes twice, or a boolean that is neither true nor false, is 400.")
def parameters(query: Iterable[tuple[str, str]], method: str) -> dict[str, Any]:
    """The typed parameters of a query. Refused 400 for unknown, repeated or malformed ones."""
    known = {*_COMMON.split(), *METHODS[method].split()}
    values: dict[str, Any] = {}
    for name, text in query:
        if name not in known:
            field = f"Unknown name \"{name[:60]}\": Cannot bind query parameter. Field '{name[:60]}' could not be found"
            raise Refused(400, "badRequest", f"Invalid JSON payload received. {field} in request message.")
        if name in values:
            raise invalid(name, text)
        if text:
            values[name] = _typed(name, text, _LIMITS.get(method, 1000))
    return values


def _typed(name: str, text: str, limit: int) -> object:
    if name in _BOOLEANS:
        if text.lower() not in ("true", "false"):
            raise invalid(name, text)
        return text.lower() == "true"
    if name in ("pageSize", "count"):
        if not text.isdecimal() or not 1 <= int(text) <= limit:
            raise Refused(400, "invalidParameter", f"Invalid value '{text[:20]}'. Values must be within [1, {limit}]")
        return int(text)
    return text
