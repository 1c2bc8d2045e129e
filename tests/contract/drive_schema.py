"""Judges exchanges with a Drive server by Google's own discovery document, so that neither side invents.

The document comes with google-api-python-client. It declares names, types, formats and limits, not which fields must be
there; what a selector and the defaults leave over is checked beside it. A refused request may be wrong: that is why it
was refused. Switch it on with ``box.observers.append(DriveChecker())``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import googleapiclient

from providers.sandbox.core import Exchange

_PLACE = "discovery_cache/documents/drive.v3.json"
DOCUMENT: dict[str, Any] = json.loads((Path(googleapiclient.__file__).parent / _PLACE).read_text())
SCHEMAS: Mapping[str, Any] = DOCUMENT["schemas"]
# Not Drive's own: sign-in, exportLinks, thumbnailLink.
ELSEWHERE = ("/o/oauth2/", "/token", "/revoke", "/oauth2/v3/userinfo", "/feeds/", "/drive-storage/")
# Beside the document: what an independent client sends and Google takes. Method id -> parameter names.
SEEN_WITH_RCLONE = {"drive.files.update": {"setModifiedDate"}}
BASIC = {"kind", "id", "name", "mimeType"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_INTEGER = re.compile(r"-?\d{1,20}")
_SELECTED = re.compile(r"([A-Za-z*]\w*)|([(),/])")


@dataclass(frozen=True, slots=True)
class Method:
    """One declared method at one of its paths; ``upload``: the path takes bytes."""

    name: str
    verb: str
    path: re.Pattern[str]
    upload: bool
    declared: Mapping[str, Any]


class DriveChecker:
    """An observer for ``Sandbox.observers``. ``problems`` says what was wrong, ``seen`` counts what was judged."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.seen: Counter[str] = Counter()

    def __call__(self, exchange: Exchange) -> None:
        """Judges one exchange."""
        if exchange.path.startswith(ELSEWHERE) or (exchange.fault and exchange.answer is None):
            return
        method = find(exchange)
        self.seen[method.name if method else f"{exchange.method} {exchange.template}"] += 1
        for problem in problems(exchange, method):
            self.problems.append(f"{exchange.method} {exchange.template} -> {exchange.status}: {problem}")


def problems(exchange: Exchange, method: Method | None) -> list[str]:
    """What is wrong with an exchange, in words."""
    if exchange.status >= 400 and exchange.status != 499:
        return list(_error(exchange))
    if method is None:
        return ["not a method of Drive v3"]
    session = method.upload and any(name == "upload_id" for name, _ in exchange.query)
    found = [] if session else list(_parameters(exchange, method))
    if not session and "Authorization" not in exchange.headers:
        found.append("no Authorization header")
    if exchange.body is not None:
        found += _judge(exchange.body, method.declared.get("request", {"type": "nothing"}), "request")
    return found + list(_answer(exchange, method, session=session))


def find(exchange: Exchange) -> Method | None:
    """The method at that path; a session address is its file's create or update, by whatever verb."""
    session = any(name == "upload_id" for name, _ in exchange.query)
    for method in METHODS:
        verbs = {"PUT", "POST", "PATCH", "DELETE"} if session and method.upload else {method.verb}
        if exchange.method in verbs and method.path.fullmatch(exchange.path):
            return method
    return None


def _methods(resources: Mapping[str, Any]) -> Iterator[Method]:
    for resource in resources.values():
        yield from _methods(resource.get("resources", {}))
        for declared in resource.get("methods", {}).values():
            yield _method(declared, "/drive/v3/" + declared["path"], upload=False)
            for protocol in declared.get("mediaUpload", {}).get("protocols", {}).values():
                yield _method(declared, protocol["path"], upload=True)


def _method(declared: Mapping[str, Any], path: str, *, upload: bool) -> Method:
    pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
    return Method(declared["id"], declared["httpMethod"], pattern, upload, declared)


# Fixed paths first: files/generateIds is not a file's id.
METHODS = sorted(_methods(DOCUMENT["resources"]), key=lambda method: method.path.pattern.count("[^/]+"))


def _parameters(exchange: Exchange, method: Method) -> Iterator[str]:
    declared = {**DOCUMENT["parameters"], **method.declared.get("parameters", {})}
    for name, text in exchange.query:
        if name in SEEN_WITH_RCLONE.get(method.name, ()):
            continue
        if name not in declared or declared[name]["location"] != "query":
            yield f"parameter {name!r}"
        elif text and not _fits(text, declared[name]):
            yield f"parameter {name}={text!r}"
    given = {name for name, _ in exchange.query}
    for name, rule in declared.items():
        if rule.get("required") and rule["location"] == "query" and name not in given:
            yield f"parameter {name!r} is missing"


def _fits(text: str, rule: Mapping[str, Any]) -> bool:
    if rule["type"] == "boolean":
        return text in ("true", "false")
    if rule["type"] == "integer":
        return text.isdecimal() and int(rule.get("minimum", 0)) <= int(text) <= int(rule.get("maximum", 1 << 31))
    return text in rule.get("enum", [text])


def _answer(exchange: Exchange, method: Method, *, session: bool) -> Iterator[str]:
    declared = method.declared.get("response")
    given = dict(exchange.query)
    media = given.get("alt") == "media" or method.name == "drive.files.export"
    started = method.upload and given.get("uploadType") == "resumable" and not session
    if media or started or exchange.status in (206, 308, 499):
        if started and "upload_id=" not in exchange.answer_headers.get("Location", ""):
            yield "no session address"
        if exchange.answer is not None:
            yield "a JSON answer where none belongs"
    elif declared is None:
        if exchange.status != 204 or exchange.answer is not None:
            yield "an answer where none belongs"
    elif exchange.answer is None:
        yield "no answer"
    else:
        yield from _judge(exchange.answer, declared, "answer")
        if not session:  # a session answers by the selector that it was begun with
            yield from _selection(exchange.answer, given.get("fields", ""), declared["$ref"])


def _judge(value: object, rule: Mapping[str, Any], where: str) -> Iterator[str]:
    """What does not fit a JSON schema of the discovery dialect."""
    if "$ref" in rule:
        rule = SCHEMAS[rule["$ref"]]
    kind = rule.get("type")
    if kind == "object":
        yield from _judge_object(value, rule, where)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{where} is not an array"
            return
        for item in value:
            yield from _judge(item, rule["items"], f"{where}[]")
    elif kind != "any" and not _scalar(value, rule):
        yield f"{where} = {value!r} is no {rule.get('format') or kind}"


def _judge_object(value: object, rule: Mapping[str, Any], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is not an object"
        return
    for name, below in value.items():
        known = rule.get("properties", {}).get(name) or rule.get("additionalProperties")
        if known is None:
            yield f"{where}.{name} is not declared"
        elif below is not None or where == "answer":
            yield from _judge(below, known, f"{where}.{name}")


def _scalar(value: object, rule: Mapping[str, Any]) -> bool:
    if rule["type"] in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if rule["type"] == "boolean":
        return isinstance(value, bool)
    if rule["type"] != "string" or not isinstance(value, str):
        return False
    shapes = {"int64": _INTEGER, "uint64": _INTEGER, "date-time": _MOMENT}
    if rule.get("format") in shapes and not shapes[rule["format"]].fullmatch(value):
        return False
    default = rule.get("default", "")
    return value == default if default.startswith("drive#") else value in rule.get("enum", [value])


def _selection(answer: Any, fields: str, schema: str) -> Iterator[str]:
    """Only what was selected may be there; without a selector only Google's default fields."""
    files = answer.get("files", []) if schema == "FileList" else [answer] if schema == "File" else []
    if not fields:
        for file in files:
            if set(file) - BASIC:
                yield f"default fields with {sorted(set(file) - BASIC)}"
        return
    selected = _top(fields)
    if "*" not in selected and set(answer) - selected:
        yield f"not selected: {sorted(set(answer) - selected)}"


def _top(fields: str) -> set[str]:
    """The outermost names of a selector."""
    depth, names, skip = 0, set(), False
    for name, sign in _SELECTED.findall(fields):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if name and not depth and not skip:
            names.add(name)
        skip = sign == "/"
    return names


def _error(exchange: Exchange) -> Iterator[str]:
    """Google's guides, not the document, declare this: code, message, errors[domain, reason, message]."""
    if exchange.answer is None:
        yield "an error without envelope"
        return
    error = exchange.answer.get("error") if isinstance(exchange.answer, dict) else None
    if not isinstance(error, dict) or error.get("code") != exchange.status or not isinstance(error.get("message"), str):
        yield "a malformed error envelope"
        return
    details = error.get("errors") or []
    if not details or any(not all(one.get(name) for name in ("domain", "reason", "message")) for one in details):
        yield "errors without domain, reason or message"
