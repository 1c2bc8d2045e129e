"""A small server for one test: a handler, an address on loopback, and an `Outbound` that may reach it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from providers.http import Outbound

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[str]:
    """The origin at which the handler answers everything."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reaching(handler: Handler, **options: Any) -> AsyncGenerator[tuple[Outbound, str]]:
    """The server, and the way to it."""
    async with serving(handler) as url:
        outbound = Outbound([url], **options)
        try:
            yield outbound, url
        finally:
            await outbound.close()
