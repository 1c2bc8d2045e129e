"""The API's documentation as one readable page, rendered from the OpenAPI document, without script."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def page(document: dict[str, Any], stylesheet: str) -> str:
    """An HTML page of all operations by tag, with parameters, bodies, answers and schemas."""
    operations: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                one = methods[method]
                operations.setdefault(one["tags"][0], []).append(_operation(method, path, one))
    sections = "".join(
        f'<section aria-labelledby="tag-{tag}"><h2 id="tag-{tag}">{escape(tag.capitalize())}</h2>'
        f"{''.join(shown)}</section>"
        for tag, shown in operations.items()
    )
    schemas = "".join(
        f'<details id="schema-{name}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre></details>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{stylesheet}">'
        f'</head><body class="docs"><main><h1>{escape(info["title"])} API</h1><p>{escape(info["description"])}</p>'
        f'<p>As OpenAPI 3.1: <a href="/v1/openapi.json">/v1/openapi.json</a></p>{sections}'
        f'<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>{schemas}</section></main></body></html>'
    )


def _operation(method: str, path: str, one: dict[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in one.get("parameters", []))
    table = (
        "<table><thead><tr><th scope=col>Parameter</th><th scope=col>In</th><th scope=col>Meaning</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    body = "".join(
        f"<p>Body <code>{escape(media)}</code>{_schema_link(content)}</p>"
        for media, content in one.get("requestBody", {}).get("content", {}).items()
    )
    answers = ", ".join(
        f"<code>{status}</code> {escape(answer['description'])}{_answer_link(answer)}"
        for status, answer in one["responses"].items()
        if int(status) < 400
    )
    errors = ", ".join(f"<code>{status}</code>" for status in one["responses"] if int(status) >= 400)
    return (
        f'<article><h3 id="{one["operationId"]}"><code>{method.upper()} {escape(path)}</code></h3>'
        f"<p>{escape(one.get('description', one['summary']))}</p>{table}{body}"
        f"<p>Answers: {answers}. Problems: {errors}.</p></article>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    need = " (required)" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code>{need}</td><td>{parameter['in']}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
    )


def _answer_link(answer: dict[str, Any]) -> str:
    return "".join(_schema_link(content) for content in answer.get("content", {}).values())


def _schema_link(content: dict[str, Any]) -> str:
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f' as <a href="#schema-{name}">{escape(name)}</a>' if name else ""
