"""The OpenAPI 3.1 document, read off the route table and its models, so that it cannot drift from what is served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api.problems import MEDIA_TYPE, TITLES
from gateway.api.routing import PUBLIC, Route

_REF = "#/components/schemas/{model}"
_EVERYWHERE = (400, 404, 405, 413, 500, 503)
_SIGNED_IN = (401, 403)


def document(routes: Iterable[Route], *, version: str, server: str) -> dict[str, Any]:
    """The whole document. ``server`` is the public address of this gateway."""
    documented = [route for route in routes if route.documented]
    paths: dict[str, dict[str, Any]] = {}
    for route in documented:
        paths.setdefault(_template(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "File Access Gateway",
            "version": version,
            "description": "Open, move and forget files across Google Drive, OneDrive and the school's own drive. "
            "Errors are RFC 9457 problems. Lists continue with `cursor`. Unsafe calls from a page need its session "
            "cookie and a same-origin Origin header; the browser extension sends a bearer token.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": _schemas(documented) | {"Problem": _PROBLEM},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details; `code` is stable, `advice` says what a person can do now.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "advice": {"type": "string"},
    },
}


def _template(path: str) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {}
    for route in routes:
        for model in (route.body, route.answer):
            if model is not None:
                models[model] = None
    modes = [(model, "validation") for model in models]
    _, schema = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]  # the literal type is lost in a list
    definitions: dict[str, Any] = schema.get("$defs", {})
    return definitions


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)(?::[^}]*)?\}", route.path)
    ]
    if route.query is not None:
        schema = route.query.model_json_schema()
        required = schema.get("required", [])
        for name, one in schema.get("properties", {}).items():
            found.append({"name": name, "in": "query", "required": name in required, "schema": one})
    for header in route.headers:
        found.append(
            {
                "name": header.name,
                "in": "header",
                "required": header.required,
                "description": header.text,
                "schema": dict(header.schema),
            }
        )
    if route.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key with the same request gives the same answer for a day.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,64}$"},
            }
        )
    return found


def _request_body(route: Route) -> dict[str, Any] | None:
    if route.body is not None:
        media = "application/x-www-form-urlencoded" if route.form else "application/json"
        return {"required": True, "content": {media: {"schema": _ref(route.body)}}}
    if route.raw_body is not None:
        return {"required": True, "content": {route.raw_body: {"schema": {"type": "string", "format": "binary"}}}}
    return None


def _responses(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.answer is not None:
        content = {"application/json": {"schema": _ref(route.answer)}}
    elif route.media not in ("application/json", "none"):
        content = {media: {} for media in route.media.split(", ")}
    ok: dict[str, Any] = {"description": route.summary}
    if content and route.status not in (204, 304):
        ok["content"] = content
    responses: dict[str, Any] = {str(route.status): ok}
    for status, text in route.also.items():
        responses[str(status)] = {"description": text} | (
            {"content": content} if status in (200, 206) and content else {}
        )
    statuses = {*_EVERYWHERE, *route.problems}
    if route.action != PUBLIC:
        statuses |= set(_SIGNED_IN)
    if route.body is not None or route.query is not None:
        statuses.add(422)
    if route.body is not None:
        statuses.add(415)
    if route.idempotent:
        statuses |= {409, 422}
    if route.rate:
        statuses.add(429)
    for status in sorted(statuses):
        responses.setdefault(
            str(status),
            {
                "description": TITLES.get(status, "Error"),
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
    return responses


def _operation(route: Route) -> dict[str, Any]:
    name = f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', _template(route.path).lower()).strip('_')}"
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route),
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if body := _request_body(route):
        operation["requestBody"] = body
    operation["security"] = [] if route.action == PUBLIC else [{"session": []}, {"bearer": []}]
    if route.handler.__doc__:
        operation["description"] = " ".join(route.handler.__doc__.split())
    return operation
