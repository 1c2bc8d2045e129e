"""Around every request: errors become problems, answers carry security headers, and what happened is counted."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram

from cache.errors import StorageError
from gateway.api import headers
from gateway.api.problems import Problem, from_drive, from_http, from_identity, from_storage
from gateway.api.routing import spoken
from gateway.identity.errors import IdentityError
from gateway.web import catalogs
from providers.errors import DriveError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()

REQUESTS = Counter("file_access_requests_total", "Answered requests", ["method", "route", "status"])
SECONDS = Histogram("file_access_request_seconds", "Time until the last byte of an answer", ["method", "route"])


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost: nothing leaves as a traceback, as text/plain or as aiohttp's own page."""
    started = time.monotonic()
    response = await _answer(request, handler)
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
    response = problem.response(functools.partial(catalogs.translate, locale))
    response.headers["Content-Language"] = locale
    return response


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
        case ConnectionError() | TimeoutError():
            return Problem(408, "interrupted", "The connection broke before everything had arrived.")
        case _:
            log.error("unexpected", exc_info=error, route=_route(request))
            return Problem(500, "internal", "Something broke on our side. Nothing was lost; try again.")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler: headers that every answer carries, unless the route set its own."""
    for name, value in headers.EVERYWHERE.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", headers.PAGE_CSP)
    response.headers.setdefault("Cache-Control", "no-store")
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
