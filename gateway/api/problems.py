"""The only place that turns errors into HTTP: RFC 9457 problems, with a stable code and what a person can do.

A problem's ``type`` is a URN of its code; ``detail`` says what went wrong in plain words and ``advice`` what to do
now. Neither ever carries a name, a path, a token or content; the item is told by the id that the caller itself sent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from cache import errors as storage
from gateway.containment.errors import Contained
from gateway.identity import errors as identity
from gateway.sentences import sentence
from providers import errors as drives
from providers.native.errors import Withheld

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: sentence("The request cannot be understood"),
    401: sentence("Sign in first"),
    403: sentence("Not allowed"),
    404: sentence("Not found"),
    405: sentence("This address does not take that method"),
    409: sentence("Something is in the way"),
    410: sentence("No longer there"),
    411: sentence("The length is missing"),
    412: sentence("It changed in the meantime"),
    413: sentence("Too large"),
    415: sentence("Wrong media type"),
    416: sentence("No such range"),
    422: sentence("Some fields are not valid"),
    423: sentence("Locked"),
    425: sentence("Not ready yet"),
    428: sentence("A precondition is missing"),
    429: sentence("Too many requests"),
    500: sentence("Something broke on our side"),
    502: sentence("The drive answered something unexpected"),
    503: sentence("Not available at the moment"),
    504: sentence("The drive does not answer"),
    507: sentence("No room left"),
}


class Problem(Exception):
    """An answer that is an error. Raise it anywhere below a route; the middleware sends it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        advice: str = "",
        title: str = "",
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(code)
        self.title = title or TITLES.get(status, "Error")
        self.status = status
        self.code = code
        self.detail = detail
        self.advice = advice
        self.headers = dict(headers or {})
        self.extra = extra
        self.denied = str(extra.get("reason", code)) if status == 403 else ""
        """Why the policy refused this, as a code; set also where that is answered as something that is not there."""

    def body(self, say: Callable[[str], str] = str) -> dict[str, Any]:
        """The RFC 9457 document; ``say`` turns its sentences into the reader's language."""
        document: dict[str, Any] = {
            "type": f"urn:file-access:problem:{self.code}",
            "title": say(self.title),
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = say(self.detail)
        if self.advice:
            document["advice"] = say(self.advice)
        return document | self.extra

    def response(self, say: Callable[[str], str] = str) -> web.Response:
        """The answer itself; never stored by any cache."""
        return web.Response(
            status=self.status,
            body=json.dumps(self.body(say), ensure_ascii=False).encode(),
            content_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def not_found() -> Problem:
    """The one answer for what is unknown and for what is somebody else's: the two must not be told apart."""
    return Problem(404, "not_found", "There is nothing here that you can see.")


_DRIVE_STATUS: Mapping[type[drives.DriveError], int] = {
    drives.NotFound: 404,
    drives.Changed: 412,
    drives.NameTaken: 409,
    drives.NameRefused: 422,
    drives.TooLarge: 413,
    drives.SizeRequired: 411,
    drives.QuotaFull: 507,
    drives.Refused: 403,
    drives.ExportTooLarge: 422,
    drives.Unsupported: 422,
    drives.Reconnect: 409,
    Contained: 423,
    drives.SessionLost: 503,
    drives.Locked: 423,
    drives.Busy: 503,
    Withheld: 423,
    drives.Offline: 504,
    drives.Untrusted: 502,
}


_SOON = 5.0
"""Seconds to come back in where a busy drive did not say."""


def from_drive(error: drives.DriveError) -> Problem:
    """A drive's fact as an answer. Its own message stays inside; the advice is what a person reads."""
    status = next((s for kind, s in _DRIVE_STATUS.items() if isinstance(error, kind)), 502)
    headers: dict[str, str] = {}
    wait = _SOON if error.retry_after is None and isinstance(error, drives.Busy) else error.retry_after
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    title = sentence("That did not work") if status == 422 else ""  # the drive's no, not a field's
    problem = Problem(status, error.code, error.advice, title=title, headers=headers)
    if error.reconnect:
        problem.extra["reconnect"] = True
    return problem


def from_storage(error: storage.StorageError) -> Problem:
    """A storage fact as an answer. Corruption is ours to explain, not the person's to decode."""
    if isinstance(error, storage.Shredded | storage.Missing):
        return Problem(404, "not_found", "It is no longer kept here.")
    if isinstance(error, storage.Suspended):
        return Problem(423, Withheld.code, Withheld.advice)
    if isinstance(error, storage.Unavailable):
        return Problem(
            503, "storage_unavailable", "Storage does not answer at the moment. Try again shortly.",
            headers={"Retry-After": "2"},
        )  # fmt: skip
    return Problem(
        500, "storage_corrupt", "The kept copy is damaged and was not handed out. Open the file in its own drive."
    )


_IDENTITY_STATUS: Mapping[type[identity.IdentityError], int] = {
    identity.Suspended: 403,
    identity.NotActive: 409,
    identity.NoSuchAccount: 404,
    identity.WrongState: 409,
    identity.ConnectRefused: 422,
    identity.TokenRefused: 400,
}


def from_identity(error: identity.IdentityError) -> Problem:
    """What is wrong with who somebody is. A token endpoint's error keeps RFC 6749's ``error`` member beside ours."""
    status = next((s for kind, s in _IDENTITY_STATUS.items() if isinstance(error, kind)), 401)
    if isinstance(error, identity.TokenRefused):
        return Problem(status, error.code, "This code or token is not good.", advice=error.advice, error=error.error)
    return Problem(status, error.code, error.advice)


def from_http(error: web.HTTPException) -> Problem:
    """aiohttp's own refusals (no route, wrong method, too large) in our form."""
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_request"}
    return Problem(error.status, codes.get(error.status, f"http_{error.status}"), headers=headers)
