"""Around every request: errors become problems, answers carry security headers, and what happened is counted."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cache.errors import StorageError
from gateway.api import headers
from gateway.api.problems import Problem, from_drive, from_http, from_identity, from_storage
from gateway.api.routing import spoken
from gateway.db.engine import DatabaseUnreachable
from gateway.identity.errors import IdentityError
from gateway.sentences import sentence
from gateway.web import catalogs, pages
from providers.errors import DriveError
from providers.http import Turns

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()

REQUESTS = Counter("file_access_requests_total", "Answered requests", ["method", "route", "status"])
SECONDS = Histogram("file_access_request_seconds", "Time until the last byte of an answer", ["method", "route"])
_BEGUN: Final = web.RequestKey("begun", web.StreamResponse)
"""Where a request keeps the answer whose headers have left."""
_UNTIL_ANSWERED: Final = web.RequestKey("until_answered", ExitStack)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost: nothing leaves as a traceback, as text/plain or as aiohttp's own page."""
    started = time.monotonic()
    response = _unspliced(request, await _answer(request, handler))
    route = _route(request)
    REQUESTS.labels(request.method, route, str(response.status)).inc()
    SECONDS.labels(request.method, route).observe(time.monotonic() - started)
    log.info(
        "request", method=request.method, route=route, status=response.status,
        ms=round((time.monotonic() - started) * 1000, 1),
    )  # fmt: skip
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = from_http(error)
    except Exception as error:  # noqa: BLE001  # the last resort: whatever it was, it becomes a problem
        problem = _problem(error, request)
    locale = spoken(request)
    say = functools.partial(catalogs.translate, locale)
    response = _page(problem, locale, say) if _is_looked_at(request) else problem.response(say)
    response.headers["Content-Language"] = locale
    return response


def _is_looked_at(request: web.Request) -> bool:
    """Whether a person's browser goes there by itself, as with a file in a new tab: scripts ask for no HTML."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def _page(problem: Problem, locale: str, say: Callable[[str], str]) -> web.Response:
    """The problem for reading, with a way back."""
    body = problem.body(say)
    told = {"title": body["title"], "detail": body.get("detail", ""), "advice": body.get("advice", "")}
    action = {"href": "/", "label": say(sentence("Sign in"))} if problem.status == 401 else None
    text = pages.render("problem", locale, **told, action=action)
    headers = {"Cache-Control": "no-store", **problem.headers}
    return web.Response(status=problem.status, text=text, content_type="text/html", headers=headers)


def _problem(error: Exception, request: web.Request) -> Problem:
    match error:
        case Problem():
            return error
        case DriveError():
            log.info("drive_error", code=error.code, reason=error.reason or "")
            return from_drive(error)
        case IdentityError():
            return from_identity(error)
        case StorageError():
            log.warning("storage_error", why=type(error).__name__)
            return from_storage(error)
        case _ if _is_of_database(error):
            log.error("database_unavailable", why=type(getattr(error, "orig", None) or error).__name__)
            return Problem(
                503, "database_unavailable", "The gateway is busy or cannot reach its database. Try again shortly.",
                headers={"Retry-After": "5"},
            )  # fmt: skip
        case web.RequestPayloadError():
            return Problem(400, "bad_request")  # a body that is not what its headers say
        case ConnectionError() | TimeoutError():
            return Problem(408, "interrupted", "The connection broke before everything had arrived.")
        case _:
            log.error("unexpected", exc_info=error, route=_route(request))
            return Problem(500, "internal", "Something broke on our side. Nothing was lost; try again.")


def _is_of_database(error: Exception) -> bool:
    """Whether the database is full, locked or away, which passes; what it says to a statement is our own fault."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, DatabaseUnreachable | PoolTimeout | OperationalError | InterfaceError)


def _unspliced(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The answer; where another one has begun to leave, that one cut off: a problem would become part of its body."""
    begun: web.StreamResponse | None = request.get(_BEGUN)
    if begun is None or begun is response:
        return response
    log.warning("answer_interrupted", route=_route(request), status=response.status)
    if request.transport is not None:
        request.transport.abort()
    return begun


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def attentive(turns: Turns) -> Middleware:
    """Bulk work lets a request go first until its answer begins: a long answer is bulk work itself."""

    @web.middleware
    async def attended(request: web.Request, handler: Handler) -> web.StreamResponse:
        with ExitStack() as until_answered:
            until_answered.enter_context(turns.attended())
            request[_UNTIL_ANSWERED] = until_answered
            return await handler(request)

    return attended


async def answered(request: web.Request, _response: web.StreamResponse) -> None:
    """A signal handler: the answer's headers leave."""
    if _UNTIL_ANSWERED in request:
        request[_UNTIL_ANSWERED].close()


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler: headers that every answer carries, unless the route set its own."""
    if _BEGUN not in request:
        request[_BEGUN] = response
    for name, value in headers.EVERYWHERE.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = headers.SERVER
    response.headers.setdefault("Content-Security-Policy", headers.PAGE_CSP)
    kept = "no-cache" if request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", kept)


async def strict_transport(_request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler, where browsers reach us by TLS, whoever ends it: they never come without it again."""
    response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
