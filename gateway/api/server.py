"""The aiohttp server under the application, for what is refused before any route or middleware is asked.

A request that is not HTTP, a line that is too long, an expectation nobody knows: aiohttp itself would answer in
text/plain, with what it was sent. Here these are problems as well, with the same headers, and nothing is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.api import headers
from gateway.api.problems import Problem, from_http

log = structlog.get_logger()

LINE = 16_384
"""Bytes of a request line, and of one header, at most: a cursor or the names of an upload fit."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Runner(web.AppRunner):
    """Runs an application; its sites are started as usual."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float = 5) -> None:
        """``shutdown_timeout``: seconds that requests under way are given at the end."""
        super().__init__(app, access_log=None, handler_cancellation=False, shutdown_timeout=shutdown_timeout)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            _guarded(made.request_handler), request_factory=made.request_factory, loop=asyncio.get_running_loop(),
            access_log=None, handler_cancellation=False, max_line_size=LINE, max_field_size=LINE,
        )  # fmt: skip


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What could not be read as a request, or broke outside the application; the connection ends.

        ``message`` repeats what was sent, so it is not used.
        """
        log.info("unreadable_request", status=status, why=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = Problem(status, "bad_request", "This is not a request that can be understood.")
        else:
            problem = Problem(status, "internal", "Something broke on our side. Nothing was lost; try again.")
        response = dressed(problem.response())
        response.force_close()
        return response


def _guarded(handler: Handler) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            return dressed(from_http(error).response())

    return handle


def dressed(response: web.Response) -> web.Response:
    """The answer with the headers that each answer carries."""
    for name, value in {
        **headers.EVERYWHERE,
        "Content-Security-Policy": headers.PAGE_CSP,
        "Server": headers.SERVER,
    }.items():
        response.headers.setdefault(name, value)
    return response
