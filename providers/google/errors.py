"""What Google's refusals mean. Reasons rule, because one status (403) stands for a dozen of things.

Google's text is never passed on: it holds file ids and names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.errors import (
    AcrossDrives,
    AdminBlocked,
    Busy,
    Changed,
    DownloadForbidden,
    DriveError,
    ExportTooLarge,
    LimitReached,
    Malware,
    NameTaken,
    NotFound,
    NotPicked,
    Offline,
    QuotaFull,
    Reconnect,
    Refused,
    TooLarge,
    Unsupported,
    Untrusted,
)
from providers.http import parsed

ID_IN_USE: Final = "fileIdInUse"
NOT_PICKED: Final = "not_picked"
SCOPE: Final = frozenset({"insufficientPermissions", "insufficientScopes", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
"""Reasons that speak of the grant's scope and not of the item."""

_REASONS: dict[str, type[DriveError]] = {
    # Throttled: nothing was done. The daily upload cap (about 750 GB) shows as one of these, too.
    "rateLimitExceeded": Busy,
    "userRateLimitExceeded": Busy,
    "sharingRateLimitExceeded": Busy,
    "dailyLimitExceeded": Busy,
    # No room, for good.
    "storageQuotaExceeded": QuotaFull,
    "quotaExceeded": QuotaFull,
    "teamDriveFileLimitExceeded": QuotaFull,
    "numChildrenInNonRootLimitExceeded": QuotaFull,
    "activeItemCreationLimitExceeded": QuotaFull,
    # A limit that making room does not lift: this file's downloads today, the depth of folders.
    "downloadQuotaExceeded": LimitReached,
    "teamDriveHierarchyTooDeep": LimitReached,
    "myDriveHierarchyDepthLimitExceeded": LimitReached,
    # Rules of the school, of the application or of Google.
    "domainPolicy": AdminBlocked,
    "accessNotConfigured": AdminBlocked,
    "access_not_configured": AdminBlocked,
    "admin_policy_enforced": AdminBlocked,
    "cannotDownloadAbusiveFile": Malware,
    "cannotDownloadFile": DownloadForbidden,
    "cannotExportFile": DownloadForbidden,
    "fileNotDownloadable": Unsupported,
    "insufficientFilePermissions": Refused,
    "insufficientParentPermissions": Refused,
    "exportSizeLimitExceeded": ExportTooLarge,
    "uploadTooLarge": TooLarge,
    # The item stays in the drive, or with the owner, that it belongs to.
    "teamDrivesFolderMoveInNotSupported": AcrossDrives,
    "teamDrivesParentLimit": AcrossDrives,
    "crossDomainMoveRestriction": AcrossDrives,
    "fileOwnerNotMemberOfTeamDrive": AcrossDrives,
    "fileOwnerNotMemberOfWriterDomain": AcrossDrives,
    "fileWriterTeamDriveMoveInDisabled": AcrossDrives,
    "cannotMoveTrashedItemIntoTeamDrive": AcrossDrives,
    "cannotMoveTrashedItemOutOfTeamDrive": AcrossDrives,
    "cannotAddParent": AcrossDrives,
    # The grant does not cover this.
    "authError": Reconnect,
    **dict.fromkeys(SCOPE, Reconnect),
    "appNotAuthorizedToFile": NotPicked,
    "notFound": NotFound,
    ID_IN_USE: NameTaken,
    "conditionNotMet": Changed,
}

_STATUSES: dict[int, type[DriveError]] = {
    401: Reconnect,
    403: Refused,
    404: NotFound,
    408: Offline,
    410: NotFound,
    412: Changed,
    413: TooLarge,
    429: Busy,
}

_WAITS: Final = {"sharingRateLimitExceeded": 60.0, "dailyLimitExceeded": 3600.0}
"""Seconds after which these are worth another try, where Google does not say: the day's quota is the application's."""

_EVERYBODY: Final = frozenset({"rateLimitExceeded", "dailyLimitExceeded"})
"""Limits of the whole application; a user's own, such as what they may upload in a day, are only theirs."""


def translate(status: int, headers: Mapping[str, str], body: bytes) -> DriveError:
    """The refusal of a request as a drive's error, with Google's reason code."""
    reason = _reason(body)
    kind = _REASONS.get(reason or "") or _STATUSES.get(status)
    if kind is None:
        kind = Offline if status >= 500 else Untrusted if status < 400 else DriveError
    if status >= 500:
        kind = Offline  # whether anything was done is not known, whatever the reason says
    wait = _WAITS.get(reason or "") if kind is Busy and "Retry-After" not in headers else None
    error = kind("Google Drive refused the request", reason=reason or f"status_{status}", retry_after=wait)
    if isinstance(error, Busy):
        error.wide = reason in _EVERYBODY
    return error


def translate_picked(status: int, headers: Mapping[str, str], body: bytes) -> DriveError:
    """The same where the grant covers chosen files only: what was never chosen looks as if it were not there."""
    error = translate(status, headers, body)
    return NotPicked("not there or not chosen", reason=NOT_PICKED) if type(error) is NotFound else error


def _reason(body: bytes) -> str | None:
    """The reason code of Google's envelope, of either form; None where there is no envelope."""
    try:
        error = parsed(body)["error"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(error, Mapping):
        return None
    for entry in [*_items(error, "errors"), *_items(error, "details")]:
        if _is_code(entry.get("reason")):
            return str(entry["reason"])
    return str(error["status"]) if _is_code(error.get("status")) else None


def _items(error: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = error.get(name)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _is_code(value: object) -> bool:
    """Codes only: free text could hold a name."""
    return isinstance(value, str) and 0 < len(value) <= 64 and value.replace("_", "").isalnum() and value.isascii()
