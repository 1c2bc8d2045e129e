"""The Microsoft stand-in put together: sign-in, Graph, error envelopes, seeded drives."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft.graph import Graph
from providers.sandbox.microsoft.seed import plant
from providers.sandbox.microsoft.signin import SignIn

_USUAL = {
    400: "invalidRequest",
    401: "InvalidAuthenticationToken",
    403: "accessDenied",
    404: "itemNotFound",
    405: "methodNotAllowed",
    409: "nameAlreadyExists",
    410: "resyncRequired",
    412: "resourceModified",
    413: "invalidRequest",
    416: "invalidRange",
    423: "notAllowed/resourceLocked",
    429: "activityLimitReached/throttledRequest",
    503: "serviceNotAvailable",
    504: "generalException/timeout",
    507: "quotaLimitReached",
    509: "activityLimitReached/throttledRequest",
}


class Microsoft:
    """What the core asks of a vendor."""

    title = "Microsoft"

    def mount(self, box: Sandbox) -> None:
        """Routes and sign-in."""
        sign_in = SignIn(box)
        box.oauth = sign_in.oauth
        self.graph = Graph(box, sign_in)

    def seed(self, box: Sandbox) -> None:
        """Drives with class materials."""
        plant(self.graph)

    def expire_session(self, box: Sandbox, request: web.BaseRequest) -> None:
        """Ends the upload session, the download address or the delta token that the request is for."""
        if request.path.startswith("/up/"):
            self.graph.sessions.expire(request)
        if "/delta" in request.path:
            self.graph.listing.expire(request)
        self.graph.contents.expire(request)

    @behaviour("documented", "Errors: code, message and innerError with request-id and date; codes nest in innerError.")
    @behaviour("documented", "The upload address writes innererror in lower case.")
    def refuse(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """Graph's error envelope. A reason 'outer/inner' nests the inner code."""
        if "/oauth2/v2.0/" in request.path:
            return _sign_in_error(refused)
        code, _, inner = (refused.reason or _USUAL.get(refused.status, "generalException")).partition("/")
        number = str(uuid.uuid4())
        details: dict[str, Any] = {"code": inner} if inner else {}
        details |= {"date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "request-id": number}
        name = "innererror" if request.path.startswith("/up/") else "innerError"
        error = {"code": code, "message": refused.message, name: details | {"client-request-id": number}}
        headers = {"Content-Type": "application/json", "request-id": number, **refused.headers}
        return web.Response(status=refused.status, body=json.dumps({"error": error}).encode(), headers=headers)


def _sign_in_error(refused: Refused) -> web.Response:
    usual = {400: "invalid_request", 401: "invalid_client"}.get(refused.status, "temporarily_unavailable")
    doc = {"error": refused.reason or usual, "error_description": refused.message}
    return web.json_response(doc, status=refused.status, headers=refused.headers)
