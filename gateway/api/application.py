"""The aiohttp application: the route table, the pages, static files and what an operator asks."""

from __future__ import annotations

import functools
import hmac
import json

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.api import docs, middleware, static
from gateway.api.endpoint import endpoint
from gateway.api.pages import Pages, html
from gateway.api.problems import not_found
from gateway.api.services import Services
from gateway.api.table import ROUTES, openapi_document
from gateway.keys import measure
from gateway.web.pages import STATIC


def build(services: Services) -> web.Application:
    """Everything that is served, over these services."""
    app = web.Application(
        middlewares=[middleware.problems, middleware.attentive(services.turns)], client_max_size=1 << 20
    )
    app.on_response_prepare.append(middleware.answered)
    app.on_response_prepare.append(middleware.security_headers)
    if services.secure:
        app.on_response_prepare.append(middleware.strict_transport)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, endpoint(route, services))
    app.add_routes(Pages(services).routes())
    app.add_routes(_fixed(services))
    app.add_routes(static.routes(STATIC))
    return app


def _fixed(services: Services) -> list[web.RouteDef]:
    document = functools.cache(lambda: json.dumps(openapi_document(services.public_origin), ensure_ascii=False))
    page = functools.cache(lambda: docs.page(openapi_document(services.public_origin), "/static/base.css"))

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(text=document(), content_type="application/json")

    async def readable(_request: web.Request) -> web.Response:
        return html(page())

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_request: web.Request) -> web.Response:
        await services.database.now()
        async with services.database.read():
            return web.json_response({"status": "ready"})

    async def metrics(request: web.Request) -> web.Response:
        token = services.settings.metrics_token.get_secret_value()
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(shown.encode(errors="surrogateescape"), token.encode()):
            raise not_found()
        await measure(services.cycles)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        web.get("/v1/openapi.json", openapi),
        web.get("/v1/docs", readable),
        web.get("/healthz", alive),
        web.get("/readyz", ready),
        web.get("/metrics", metrics),
    ]
