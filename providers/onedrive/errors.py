"""What Graph's refusals mean. The innermost code that is known rules, because the outer ones are coarse.

Graph's text is never passed on: it may hold names and addresses. It is looked at once, because a refused name has no
code of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from providers.errors import (
    AdminBlocked,
    Busy,
    Changed,
    DriveError,
    Locked,
    Malware,
    NameRefused,
    NameTaken,
    NotFound,
    Offline,
    QuotaFull,
    Reconnect,
    Refused,
    TooLarge,
    Unsupported,
    Untrusted,
)
from providers.http import parsed

LOCKED = "resourceLocked"

_CODES: dict[str, type[DriveError]] = {
    # Throttled: nothing was done.
    "activityLimitReached": Busy,
    "throttledRequest": Busy,
    "TooManyRequests": Busy,
    "serviceNotAvailable": Busy,
    LOCKED: Locked,
    # No room, for good.
    "quotaLimitReached": QuotaFull,
    "insufficientStorage": QuotaFull,
    "maxFileSizeExceeded": TooLarge,
    # Rules of the school, of the owner or of Microsoft.
    "accessDenied": Refused,
    "notAllowed": Refused,
    "accessRestricted": AdminBlocked,
    "malwareDetected": Malware,
    "virusSuspicious": Malware,
    "notSupported": Unsupported,
    "methodNotAllowed": Unsupported,
    # The token.
    "unauthenticated": Reconnect,
    "InvalidAuthenticationToken": Reconnect,
    # The item and its name.
    "itemNotFound": NotFound,
    "nameAlreadyExists": NameTaken,
    "nameContainsInvalidCharacters": NameRefused,
    "pathIsTooLong": NameRefused,
    "resourceModified": Changed,
    "resyncRequired": Changed,
    "resyncChangesApplyDifferences": Changed,
    "resyncChangesUploadDifferences": Changed,
    "invalidRange": Changed,
    # Whether anything was done is not known.
    "timeout": Offline,
}

_STATUSES: dict[int, type[DriveError]] = {
    401: Reconnect,
    403: Refused,
    404: NotFound,
    405: Unsupported,
    408: Offline,
    409: Changed,
    410: NotFound,
    412: Changed,
    413: TooLarge,
    416: Changed,
    423: Locked,
    429: Busy,
    501: Unsupported,
    503: Busy,
    507: QuotaFull,
    509: Busy,
}

_LIMITS = frozenset({"activityLimitReached", "throttledRequest", "TooManyRequests"})

_ABOUT_A_NAME = re.compile(r"(?i)\bname\b.{0,40}\b(invalid|reserved|not allowed|too long|not valid)\b")
_DEEPEST = 8


def translate(status: int, headers: Mapping[str, str], body: bytes) -> DriveError:
    """The refusal of a request as a drive's error, with Graph's reason code."""
    told = _envelope(body)
    codes = list(_codes(told))
    known = next((code for code in reversed(codes) if code in _CODES), None)
    kind, reason = _STATUSES.get(status), known or (codes[-1] if codes else f"status_{status}")
    if known is not None and (status < 500 or kind is None):
        kind = _CODES[known]
    if status == 423:
        kind, reason = Locked, LOCKED
    if status >= 500 and kind in (None, Refused, NotFound):
        kind = Offline
    if status == 400 and kind in (None, Untrusted) and _ABOUT_A_NAME.search(str(told.get("message", ""))[:400]):
        kind, reason = NameRefused, "invalidName"
    found = (kind or (DriveError if status >= 400 else Untrusted))("OneDrive refused the request", reason=reason)
    if isinstance(found, Busy):
        found.wide = _is_everybodys(status, headers, codes)
    return found


def _is_everybodys(status: int, headers: Mapping[str, str], codes: list[str]) -> bool:
    """Limits are the application's within the school's tenant, unless the answer names a user as whom it limits."""
    if headers.get("x-ms-throttle-scope", "").lower().startswith("user"):
        return False
    return status in (429, 509) or any(code in _LIMITS for code in codes)


def failure(error: object) -> DriveError:
    """What the ``error`` of a long-running operation means."""
    return translate(400, {}, json.dumps({"error": error}).encode())


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        error = parsed(body)["error"]
    except (ValueError, TypeError, KeyError):
        return {}
    return error if isinstance(error, Mapping) else {}


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    """The codes from the outside in; Graph writes innerError, the upload address innererror."""
    level: Any = error
    for _ in range(_DEEPEST):
        if not isinstance(level, Mapping):
            return
        code = level.get("code")
        if _is_code(code):
            yield str(code)
        level = level.get("innerError") or level.get("innererror")


def _is_code(value: object) -> bool:
    """Codes only: free text could hold a name."""
    return isinstance(value, str) and 0 < len(value) <= 64 and value.replace("_", "").isalnum() and value.isascii()
