"""JSON batching: up to 20 requests in one, each answered for itself, in any order.

The stand-in sends every one of them to itself, so each is throttled, counted and hit by faults like any other.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, label
from providers.sandbox.microsoft.odata import only
from providers.sandbox.microsoft.wire import answer

LIMIT = 20
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CUT = {"error": {"code": "generalException", "message": "The request was not answered."}}
_FAILED = {"error": {"code": "FailedDependency", "message": "A request that this one depends on has failed."}}


class Batch:
    """Takes batches for one stand-in's Graph below ``prefix``."""

    def __init__(self, box: Sandbox, prefix: str) -> None:
        self._box, self._prefix = box, prefix
        box.app.router.add_post(f"{prefix}/$batch", self.take)

    @behaviour("documented", "$batch takes at most 20 requests with ids of their own; the batch itself is 200.")
    @behaviour("documented", "Answers come in any order, each with a status, headers and body: 429 for each alone.")
    @behaviour("documented", "What depends on a request that failed is 424 FailedDependency.")
    @behaviour("assumed", "Answers come in the opposite order; a request that depends on another stands behind it.")
    async def take(self, request: web.Request) -> web.Response:
        """A batch."""
        label(request, f"{self._prefix}/$batch")
        steps = _steps(await self._box.json(request))
        done: dict[str, dict[str, Any]] = {}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as http:
            for step in steps:
                failed = any(done.get(one, {"status": 424})["status"] >= 400 for one in step.get("dependsOn", []))
                told = {"status": 424, "body": _FAILED} if failed else await self._sent(http, request, step)
                done[step["id"]] = {"id": step["id"], **told}
        return answer({"responses": [*done.values()][::-1]})

    async def _sent(self, http: aiohttp.ClientSession, outer: web.Request, step: dict[str, Any]) -> dict[str, Any]:
        """What one request of the batch was answered."""
        address = URL(f"{self._box.url}{self._prefix}/{step['url'].lstrip('/')}")
        headers = {**step.get("headers", {}), "Host": outer.host}
        headers |= {name: outer.headers[name] for name in ("Authorization",) if name in outer.headers}
        try:
            reply = await http.request(
                step["method"], address, data=_body(step), headers=headers, allow_redirects=False
            )
            content = await reply.read()
        except aiohttp.ClientError:
            return {"status": 504, "body": _CUT}
        told: dict[str, Any] = {"status": reply.status, "headers": dict(reply.headers)}
        if content:
            is_json = reply.content_type == "application/json"
            told["body"] = json.loads(content) if is_json else base64.b64encode(content).decode()
        return told


def _steps(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The requests of a batch. Refused 400 where one of them is none."""
    steps: list[Any] = only(body, requests=list).get("requests", [])
    if not 0 < len(steps) <= LIMIT:
        raise Refused(400, "BadRequest", f"A batch holds 1 to {LIMIT} requests.")
    for step in steps:
        content = type(step.get("body")) if isinstance(step, dict) else dict
        only(step, id=str, method=str, url=str, headers=dict, body=content, dependsOn=list)
        if not {"id", "method", "url"} <= set(step) or step["method"] not in METHODS or "://" in step["url"]:
            raise Refused(400, "BadRequest", "A request of the batch is malformed.")
        if step.get("body") is not None and "content-type" not in {name.lower() for name in step.get("headers", {})}:
            raise Refused(400, "BadRequest", "A body needs a Content-Type.")
    if len({step["id"].lower() for step in steps}) < len(steps):
        raise Refused(400, "BadRequest", "Two requests of the batch have one id.")
    return steps


def _body(step: dict[str, Any]) -> bytes | None:
    body = step.get("body")
    if not isinstance(body, str):
        return None if body is None else json.dumps(body).encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise Refused(400, "BadRequest", "A body is neither JSON nor base64.") from None
