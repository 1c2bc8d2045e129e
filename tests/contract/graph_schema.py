"""Judges exchanges with a Graph server by what msgraph-sdk declares (graph_shapes.json), so that neither side invents.

The SDK is generated from Graph's own metadata. It declares names and types, not which properties must be there, and
leaves out what Microsoft only documents; that is listed here, each with the page it is from, and nothing else passes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from providers.sandbox.core import Exchange

SHAPES = json.loads(Path(__file__).with_name("graph_shapes.json").read_text())
ROUTES: Mapping[str, Mapping[str, Any]] = SHAPES["routes"]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
_SITE = re.compile(r"/v1\.0/sites/(?:[^/:]+:/[^:]*:?|[^/:]+)(?P<what>/drives?)?")
_HERE = re.compile(r"/v1\.0/(?:me/drive|drives/[^/]+|sites/(?:[^/:]+:/[^:]*:|[^/:]+)/drive)(?P<what>/.*|)")
_CUSTOM = re.compile(r"c\d+x\d+(_crop)?", re.IGNORECASE)  # driveitem-list-thumbnails: sizes of one's own
_ITEM = re.compile(r"/(?P<anchor>root|items/[^/:]+)(?P<path>:/[^:]*:?)?(?P<verb>/.*)?")

# Beside the schema. Pages are those of learn.microsoft.com/graph/api.
ANNOTATIONS = {  # resources/driveitem, instance attributes; @name.… is what rclone sends
    "@microsoft.graph.downloadUrl": "str",
    "@microsoft.graph.conflictBehavior": "str",
    "@microsoft.graph.sourceUrl": "str",
    "@name.conflictBehavior": "str",
    "@odata.context": "str",
    "@odata.type": "str",
}
DOCUMENTED: Mapping[str, Mapping[str, str]] = {
    "CreateUploadSessionPostRequestBody": {"deferCommit": "bool"},  # driveitem-createuploadsession
    "MainError": {"innererror": "InnerError"},  # resources/errors: both spellings occur
    "InnerError": {"code": "str"},  # resources/errors
    "BatchRequest": {"requests": "[BatchStep]"},  # json-batching, as all of these
    "BatchStep": {
        "id": "str",
        "method": "str",
        "url": "str",
        "headers": "any",
        "body": "any",
        "dependsOn": "[str]",
    },
    "BatchResponse": {"responses": "[BatchAnswer]"},
    "BatchAnswer": {"id": "str", "status": "int", "headers": "any", "body": "any"},  # each is judged by itself
    "AsyncJobStatus": {  # concepts/long-running-actions-overview
        "operation": "str",
        "percentageComplete": "float",
        "status": "str",
        "resourceId": "str",
    },
}
QUERY: Mapping[str, frozenset[str]] = {  # what a verb takes beside the options that the SDK's route declares
    "content": frozenset({"@microsoft.graph.conflictBehavior"}),  # resources/driveitem, notes
    "{driveItem-id}": frozenset({"@microsoft.graph.conflictBehavior"}),
    "copy": frozenset({"@microsoft.graph.conflictBehavior"}),  # driveitem-copy
    "children": frozenset({"$skiptoken"}),  # paging: an opaque nextLink
    "search": frozenset({"$skiptoken"}),
    "delta": frozenset({"$skiptoken", "token"}),  # driveitem-delta
    "sites": frozenset({"search"}),  # site-search
    "sharedWithMe": frozenset({"allowexternal"}),  # drive-sharedwithme
}
LEFT_OUT: Mapping[str, str | None] = {  # driveitem-list-thumbnails: a size of a set, and its picture
    "/drives/{drive-id}/items/{driveItem-id}/thumbnails/{thumbnailSet-id}/{size}": "Thumbnail",
    "/drives/{drive-id}/items/{driveItem-id}/thumbnails/{thumbnailSet-id}/{size}/content": None,
}
CONTENT_ROUTES: Mapping[tuple[str, str], Mapping[int, str | None]] = {  # no bearer token; status -> model of the answer
    ("PUT", "up"): {200: "DriveItem", 201: "DriveItem", 202: "UploadSession"},
    ("POST", "up"): {200: "DriveItem", 201: "DriveItem"},
    ("GET", "up"): {200: "UploadSession"},
    ("DELETE", "up"): {204: None},
    ("GET", "monitor"): {200: "AsyncJobStatus", 202: "AsyncJobStatus"},
    ("GET", "y4m"): {200: None, 206: None},
    ("GET", "thumb"): {200: None},
}
USUAL = {"id", "name", "size", "createdDateTime", "lastModifiedDateTime", "parentReference", "eTag", "fileSystemInfo"}


class GraphChecker:
    """An observer for ``Sandbox.observers``. ``problems`` says what was wrong, ``seen`` counts what was judged."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.seen: Counter[str] = Counter()

    def __call__(self, exchange: Exchange) -> None:
        """Judges one exchange."""
        found = list(problems(exchange))
        self.seen[f"{exchange.method} {exchange.template}"] += 1
        self.problems += [f"{exchange.method} {exchange.template} -> {exchange.status}: {one}" for one in found]


def problems(exchange: Exchange) -> list[str]:
    """What is wrong with an exchange, in words; nothing for addresses that are not Graph's (sign-in)."""
    if exchange.status == 499 or (exchange.fault and exchange.answer is None):
        return []  # cut, or an answer that is no answer: on request
    head = exchange.path.split("/")[1]
    content = "y4m" if head.startswith("y4m") else head
    if content in ("up", "monitor", "y4m", "thumb"):
        return _content(exchange, content)
    if head != "v1.0" or exchange.status in (400, 405):
        return _failure(exchange) if head == "v1.0" else []  # a refusal of nonsense need not be a known route
    route = _route(exchange.method, exchange.path)
    declared = ROUTES[route]["methods"].get(exchange.method) if route in ROUTES else None
    if (exchange.method, route) == ("POST", "/$batch"):
        declared = {"request": "BatchRequest", "response": "BatchResponse"}
    if route in LEFT_OUT and exchange.method == "GET":
        declared = {"request": None, "response": LEFT_OUT[route]}
    if exchange.method == "PUT" and route.endswith("{driveItem-id}"):
        declared = {"request": "DriveItem", "response": "DriveItem"}  # commits a session: driveitem-createuploadsession
    if declared is None:
        return [f"{exchange.method} {route} is not a route of Graph"]
    found = _query(exchange, route, declared["response"])
    found += [] if "Authorization" in exchange.headers else ["no Authorization header"]
    if exchange.body is not None and declared["request"] not in (None, "bytes"):
        found += _judge(exchange.body, declared["request"], "request")
    return found + (_success(exchange, declared["response"]) if exchange.status < 400 else _failure(exchange))


def _route(method: str, path: str) -> str:
    """The SDK's name of a route: /me is a user, /me/drive a drive, root and paths are items."""
    if path in ("/v1.0/me", "/v1.0/me/drives", "/v1.0/me/followedSites"):
        return "/users/{user-id}" + path.removeprefix("/v1.0/me")
    if path == "/v1.0/me/drive":
        return "/users/{user-id}/drive"
    if path in ("/v1.0/sites", "/v1.0/$batch"):
        return path.removeprefix("/v1.0")
    if site := _SITE.fullmatch(path):
        return "/sites/{site-id}" + (site["what"] or "")
    here = _HERE.fullmatch(path)
    item = _ITEM.fullmatch(here["what"]) if here else None
    if here is None or item is None:
        return "/drives/{drive-id}" + (_call(here["what"]) if here else "/?")
    verb = _call(item["verb"] or "")
    if item["anchor"] == "root" and not item["path"] and not verb and method == "GET":
        return "/drives/{drive-id}/root"
    return "/drives/{drive-id}/items/{driveItem-id}" + verb


def _call(verb: str) -> str:
    """'/delta' and "/search(q='x')" as the SDK writes them."""
    verb = f"{verb}()" if verb in ("/delta", "/sharedWithMe", "/recent") else verb
    verb = re.sub(r"^/versions/[^/]+", "/versions/{driveItemVersion-id}", verb)
    verb = re.sub(r"^(/thumbnails)/[^/]+/[^/]+", r"\1/{thumbnailSet-id}/{size}", verb)
    verb = re.sub(r"^/thumbnails/\w+", "/thumbnails/{thumbnailSet-id}", verb)
    return re.sub(r"(?s)^(/\w+\()(q|token)='.*'\)$", r"\1\2='{\2}')", verb)


def _query(exchange: Exchange, route: str, model: str | None) -> list[str]:
    verb = route.rpartition("/")[2].partition("(")[0]
    allowed = set(ROUTES[route]["query"] if route in ROUTES else ()) | QUERY.get(verb, frozenset())
    allowed |= {name.removeprefix("$") for name in allowed}  # query-parameters: the dollar sign is optional
    found = [f"query option {name!r}" for name, _ in exchange.query if name not in allowed]
    properties = _properties(_element(model)) if model in SHAPES["models"] else {}
    for name, value in exchange.query:
        if name.lstrip("$") == "select":
            known = {**properties, **ANNOTATIONS}
            found += [
                f"$select of {one!r}" for one in value.split(",") if one not in known and not _CUSTOM.fullmatch(one)
            ]
    return found


def _success(exchange: Exchange, model: str | None) -> list[str]:
    if exchange.status in (202, 302) and "Location" not in exchange.answer_headers:
        return ["no Location header"]
    if exchange.status in (202, 302, 304) or model in (None, "bytes"):
        return [] if exchange.answer is None else ["an answer where the schema has none"]
    found = _judge(exchange.answer, str(model), "answer")
    chosen = any(name.lstrip("$") == "select" for name, _ in exchange.query)
    return found if chosen or model != "DriveItem" else found + _complete(exchange.answer)


def _complete(item: object) -> list[str]:
    """What every item has by default, and exactly one facet that says what it is."""
    if not isinstance(item, dict):
        return ["no item"]
    facets = {"file", "folder", "package"} & set(item)
    lost = sorted(USUAL - set(item))
    return ([f"the item lacks {lost}"] if lost else []) + ([] if len(facets) == 1 else [f"facets {sorted(facets)}"])


def _failure(exchange: Exchange) -> list[str]:
    found = _judge(exchange.answer, "ODataError", "error")
    if not found and not (exchange.answer["error"].get("code") and exchange.answer["error"].get("message")):  # type: ignore[index]  # an ODataError was just judged
        found.append("an error without code or message")
    return found


def _content(exchange: Exchange, kind: str) -> list[str]:
    if exchange.status >= 400:
        return _failure(exchange)
    models = CONTENT_ROUTES.get((exchange.method, kind), {})
    if exchange.status not in models:
        return ["not documented"]
    found = ["an Authorization header"] if "Authorization" in exchange.headers and kind != "monitor" else []
    model = models[exchange.status]
    found += _judge(exchange.answer, model, "answer") if model else []
    return found + (_complete(exchange.answer) if model == "DriveItem" else [])


def _element(model: str | None) -> str:
    """The model of a collection's elements; any other model as it is."""
    value = _properties(str(model)).get("value", "") if model in SHAPES["models"] else ""
    return value.strip("[]") if value.startswith("[") else str(model)


def _properties(model: str) -> dict[str, str]:
    shape = SHAPES["models"].get(model, {"base": None, "properties": {}})
    inherited = _properties(shape["base"]) if shape["base"] else {}
    return {**inherited, **shape["properties"], **DOCUMENTED.get(model, {})}


def _judge(value: object, kind: str, where: str) -> list[str]:
    """What is wrong with a value of a declared type."""
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{where}: a list was declared"]
        return [fault for at, one in enumerate(value) for fault in _judge(one, kind[1:-1], f"{where}[{at}]")]
    if kind in _PRIMITIVES:
        return [] if value is None or _PRIMITIVES[kind](value) else [f"{where}: {type(value).__name__} is no {kind}"]
    properties = _properties(kind)
    if not isinstance(value, dict) or (value and not properties):
        return [f"{where}: {type(value).__name__} is no {kind} that can be judged"]
    faults: list[str] = []
    for name, one in value.items():
        declared = properties.get(name) or ANNOTATIONS.get(name)
        if kind == "ThumbnailSet" and _CUSTOM.fullmatch(name):
            declared = "Thumbnail"
        faults += (
            _judge(one, declared, f"{where}.{name}") if declared else [f"{where}.{name} is not declared in {kind}"]
        )
    return faults


_PRIMITIVES: Mapping[str, Callable[[object], bool]] = {
    "any": lambda value: True,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str) and _MOMENT.fullmatch(value) is not None,
    "bytes": lambda value: isinstance(value, str),
}
