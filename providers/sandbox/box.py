"""One stand-in: its store, people, faults, routes and the path that every request takes through them.

What it may not know: any vendor's wire form. Everything public here is documented and re-exported by `core`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from providers.sandbox.faults import TROUBLES, Dropped, Faults, fault, moved_away, pause, portal_page, struck
from providers.sandbox.people import PEOPLE, People
from providers.sandbox.spoiling import rewound, spoiled
from providers.sandbox.store import Store
from providers.sandbox.transfer import Whole

VENDORS: dict[str, str] = {
    "google": "providers.sandbox.google.vendor:Google",
    "microsoft": "providers.sandbox.microsoft.vendor:Microsoft",
    "launchpad": "providers.sandbox.launchpad.vendor:LaunchPad",
}
CONTROL = "/_sandbox"
_LABEL: web.RequestKey[str] = web.RequestKey("sandbox_label", str)
_BODY: web.RequestKey[object] = web.RequestKey("sandbox_body", object)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """An error answer. ``reason`` is the vendor's code ('notFound', 'itemNotFound'); the vendor renders it."""

    def __init__(self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.message, self.headers = status, reason, message, dict(headers or {})


class Vendor(Protocol):
    """What a stand-in brings along."""

    title: str

    def mount(self, box: Sandbox) -> None:
        """Adds routes to ``box.app``, sets ``box.oauth``. Called once, before the server starts and before `seed`."""

    def seed(self, box: Sandbox) -> None:
        """Fills an empty store with class materials: deterministic, under 2 s. The people are already there."""

    def refuse(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """The vendor's error envelope. An empty ``reason`` (from a fault) means: the usual one for this status."""

    def expire_session(self, box: Sandbox, request: web.BaseRequest) -> None:
        """Forgets the upload session that this request addresses, if it does."""


class Authority(Protocol):
    """What the core needs of the OAuth part; `oauth.OAuth` is one."""

    def expire_token(self, request: web.BaseRequest) -> None:
        """The access token of this request has run out."""

    def expire_grant(self, request: web.BaseRequest, body: Mapping[str, str]) -> None:
        """The grant behind the tokens of this request has been taken away."""

    def configure(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes settings while running; the settings now. ValueError for unknown ones."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, for observers. Bodies are decoded JSON, None where there was none."""

    method: str
    host: str
    path: str
    template: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: object
    status: int
    answer_headers: Mapping[str, str]
    answer: object
    fault: bool


Observer = Callable[[Exchange], None]


class Sandbox:
    """One running stand-in."""

    def __init__(self, kind: str, state: Path, *, seed: bool = True) -> None:
        module, _, name = VENDORS[kind].partition(":")
        self.kind = kind
        self.vendor: Vendor = getattr(importlib.import_module(module), name)()
        self.store = Store(state)
        self.people = People(self.store.table("people"))
        self.faults = Faults(self.now)
        self.observers: list[Observer] = []
        self.recent: deque[dict[str, Any]] = deque(maxlen=2000)
        self.oauth: Authority | None = None
        self.url = ""
        self.ahead = 0.0
        self.app = web.Application(middlewares=[self._middleware()], client_max_size=8 * 1024 * 1024)
        self.vendor.mount(self)
        self._fill(seed)

    def now(self) -> float:
        """The stand-in's clock: epoch seconds, moved ahead on request."""
        return time.time() + self.ahead

    async def json(self, request: web.Request) -> dict[str, Any]:
        """The body as a JSON object, {} where there is none. Refused 400 for anything else."""
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "parseError", "The request body is not a JSON object.")
        show(request, body)
        return body

    def _fill(self, seed: bool) -> None:
        meta = self.store.table("meta")
        if "people" not in meta:
            with self.store.batch():
                for person in PEOPLE:
                    self.people.add(person)
                meta.put("people", {})
        if seed and "seeded" not in meta:
            with self.store.batch():
                self.vendor.seed(self)
                meta.put("seeded", {})

    def _middleware(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(CONTROL):
                return await handler(request)
            try:
                response = await self._answer(request, handler)
            except Dropped as dropped:
                response = _cut(request, flush=dropped.flush)
            except ConnectionError:  # the client has gone: what it sent is kept, nobody waits for an answer
                response = _cut(request, flush=False)
            self._record(request, response)
            return response

        return guard

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if do := self.faults.strike(request):
            await self._trouble(request, do)
        try:
            self._refuse_on_request(request)
            response = portal_page(request) or moved_away(request) or await handler(rewound(request))
        except Refused as refused:
            response = self.vendor.refuse(request, refused)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = self.vendor.refuse(request, Refused(error.status, "", error.reason))
        if fault(request, "drop") == "answer":
            raise Dropped
        if struck(request):
            response = spoiled(request, response)
        if fault(request, "truncate") is not None and not response.prepared and isinstance(response, web.Response):
            await _truncate(request, response)
        return response

    async def _trouble(self, request: web.Request, do: Mapping[str, Any]) -> None:
        await pause(request, do.get("latency_ms", 0) / 1000)
        if do.get("drop") is True:
            raise Dropped
        if do.get("expire_session"):
            self.vendor.expire_session(self, request)
        if self.oauth and do.get("expire_token"):
            self.oauth.expire_token(request)
        if self.oauth and do.get("expire_grant"):
            form = "form" in request.content_type
            self.oauth.expire_grant(request, {k: str(v) for k, v in (await request.post()).items()} if form else {})

    def _refuse_on_request(self, request: web.Request) -> None:
        troubles = TROUBLES.get(self.kind, {})
        word = next((one for one in troubles if fault(request, one)), None)
        if word is not None:
            raise Refused(*troubles[word], "Fault on request.")
        status = fault(request, "status")
        if status:
            raise Refused(status, fault(request, "reason") or "", "Fault on request.", self._retry_after(request))

    def _retry_after(self, request: web.Request) -> dict[str, str]:
        seconds, ahead = fault(request, "retry_after"), fault(request, "retry_after_date")
        if ahead is not None:
            return {"Retry-After": formatdate(self.now() + ahead, usegmt=True)}
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def _record(self, request: web.Request, response: web.StreamResponse) -> None:
        template = request.get(_LABEL) or _template(request)
        hit = struck(request)
        entry = {"method": request.method, "host": request.host, "path": template, "status": response.status}
        self.recent.append({**entry, "query": sorted(request.query), "fault": hit})
        if self.observers:
            exchange = _exchange(request, response, template, hit)
            for observer in self.observers:
                observer(exchange)


def base(request: web.BaseRequest) -> str:
    """'scheme://host' by which the client reached us, also through a relay under the vendor's own host name."""
    return f"{request.scheme}://{request.host}"


def label(request: web.BaseRequest, template: str) -> None:
    """Names what was asked for; never put ids, names or session addresses into it."""
    request[_LABEL] = template


def show(request: web.BaseRequest, body: object) -> None:
    """The JSON that came with a request, for observers."""
    request[_BODY] = body


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _exchange(request: web.Request, response: web.StreamResponse, template: str, hit: bool) -> Exchange:
    answer: object = None
    told = response.body if isinstance(response, web.Response) and not isinstance(response, Whole) else None
    if isinstance(told, bytes) and told and response.content_type == "application/json":
        answer = json.loads(told)
    return Exchange(
        method=request.method,
        host=request.host,
        path=request.path,
        template=template,
        query=tuple(request.query.items()),
        headers=request.headers,
        body=request.get(_BODY),
        status=response.status,
        answer_headers=response.headers,
        answer=answer,
        fault=hit,
    )


async def _truncate(request: web.Request, whole: web.Response) -> None:
    body = whole.body if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: fault(request, "truncate")])
    await asyncio.sleep((fault(request, "stall_ms") or 0) / 1000)
    raise Dropped(flush=True)


def _cut(request: web.Request, *, flush: bool) -> web.Response:
    if request.transport is not None:
        request.transport.close() if flush else request.transport.abort()
    return web.Response(status=499)  # goes nowhere; 499 is what the log calls a lost connection
