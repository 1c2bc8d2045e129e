"""Google's error envelope and the refusals that several endpoints share."""

from __future__ import annotations

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused

_USAGE = (
    "rateLimitExceeded userRateLimitExceeded sharingRateLimitExceeded dailyLimitExceeded quotaExceeded "
    "downloadQuotaExceeded accessNotConfigured"
)
USAGE = frozenset(_USAGE.split())
# What a status means when a fault names no reason of its own.
USUAL = {
    400: ("badRequest", "Bad Request"),
    401: ("authError", "Invalid Credentials"),
    403: ("userRateLimitExceeded", "User Rate Limit Exceeded. Rate of requests for user exceed configured limit."),
    404: ("notFound", "Not Found"),
    405: ("httpMethodNotAllowed", "Method Not Allowed"),
    410: ("deleted", "Gone"),
    413: ("uploadTooLarge", "Request Too Large"),
    429: ("rateLimitExceeded", "Rate Limit Exceeded"),
    500: ("internalError", "Internal Error"),
    502: ("badGateway", "Bad Gateway"),
    503: ("backendError", "Transient failure, please retry later."),
}
PLACES = {"authError": ("header", "Authorization"), "notFound": ("parameter", "fileId")}


@behaviour("documented", "Errors: {error: {code, message, errors: [{domain, reason, message}]}}.")
@behaviour("assumed", "A fault that names no reason gets the usual one: 403 userRateLimitExceeded, 503 backendError.")
@behaviour("assumed", "A file that somebody has locked is 403 contentRestricted (the fault 'locked').")
def refuse(request: web.BaseRequest, refused: Refused) -> web.Response:
    """The envelope. OAuth's own pages get OAuth's own errors."""
    usual, text = USUAL.get(refused.status, ("backendError", "Error"))
    reason = refused.reason or usual
    message = refused.message if refused.reason else text
    if request.path in ("/token", "/revoke"):
        body: dict[str, object] = {"error": refused.reason or "temporarily_unavailable", "error_description": message}
        return web.json_response(body, status=refused.status, headers=refused.headers)
    domain = "usageLimits" if reason in USAGE else "global"
    error = {"message": message, "domain": domain, "reason": reason}
    if reason in PLACES:
        error |= dict(zip(("locationType", "location"), PLACES[reason], strict=True))
    headers = refused.headers
    if refused.status == 401:
        headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"', **headers}
    envelope = {"error": {"code": refused.status, "message": message, "errors": [error]}}
    return web.json_response(envelope, status=refused.status, headers=headers)


def not_found(file_id: str) -> Refused:
    """The file is not there, or not for this person: the answer does not tell which."""
    return Refused(404, "notFound", f"File not found: {file_id}.")


def invalid(name: str, value: str) -> Refused:
    """A parameter or a field with an impossible value."""
    return Refused(400, "invalid", f"Invalid Value: {name} = {value[:100]!r}")


def forbidden(reason: str, message: str) -> Refused:
    """Something that this person may not do, or that this file does not allow."""
    return Refused(403, reason, message)
