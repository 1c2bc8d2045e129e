"""Trouble on request: which requests are hit, and how.

A rule is JSON ``{"match": {...}, "do": {...}}``. The first rule that matches a request is applied, alone.

``match`` (all optional): ``method``; ``path``, a glob over the path; ``query``, a glob over the raw query string;
``after``: the first so many matches go through; ``nth``: only every n-th match; ``times``: at most so many hits.

``do`` (any combination that makes sense):
  latency_ms     waits first
  status         answers at once with this status in the vendor's envelope; ``reason`` names the vendor's code,
                 ``retry_after`` (seconds) adds the header; both may be left out
  drop           true: cuts the connection before doing anything; "answer": does the work, then cuts
  drop_after     cuts the connection once so many bytes of the request's body are read (resumable: kept)
  truncate       sends so many bytes of the answer's body under the full Content-Length, then cuts
  stall_ms       with truncate: waits so long before it cuts
  html           true: 200 with an HTML page instead of the answer
  expire_session the upload session of this request is forgotten first
  expire_token   the access token of this request has just run out
  expire_grant   the grant behind this request's access or refresh token has been taken away

Rules live in memory: a restart forgets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

_Types = Mapping[str, type | tuple[type, ...]]
MATCHES: _Types = {"method": str, "path": str, "query": str, "after": int, "nth": int, "times": int}
ACTIONS: _Types = {
    "latency_ms": int,
    "status": int,
    "reason": str,
    "retry_after": int,
    "drop": (bool, str),
    "drop_after": int,
    "truncate": int,
    "stall_ms": int,
    "html": bool,
    "expire_session": bool,
    "expire_token": bool,
    "expire_grant": bool,
}
_ACTIVE: web.RequestKey[dict[str, Any]] = web.RequestKey("sandbox_fault", dict)


@dataclass(slots=True)
class Rule:
    """One rule and how often it has matched and hit."""

    match: Mapping[str, Any]
    do: Mapping[str, Any]
    seen: int = field(default=0)
    hits: int = field(default=0)

    @classmethod
    def parse(cls, doc: object) -> Rule:
        """The rule of JSON. ValueError that names the field which is wrong."""
        if not isinstance(doc, dict) or set(doc) - {"match", "do"} or not doc.get("do"):
            raise ValueError("a rule is an object with 'match' and 'do'")
        match, do = doc.get("match") or {}, doc["do"]
        _check(match, MATCHES)
        _check(do, ACTIONS)
        return cls(match, do)

    def takes(self, request: web.BaseRequest) -> bool:
        """Whether this request is hit; counts it."""
        method, path, query = (self.match.get(name) for name in ("method", "path", "query"))
        if method not in (None, "*", request.method):
            return False
        if path is not None and not fnmatchcase(request.path, path):
            return False
        if query is not None and not fnmatchcase(request.query_string, query):
            return False
        self.seen += 1
        past = self.seen - self.match.get("after", 0)
        if past <= 0 or past % self.match.get("nth", 1) or self.hits >= self.match.get("times", 1 << 62):
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """What the control endpoint shows."""
        return {"match": self.match, "do": self.do, "seen": self.seen, "hits": self.hits}


def _check(part: object, known: _Types) -> None:
    if not isinstance(part, dict):
        raise ValueError("'match' and 'do' are objects")  # noqa: TRY004 - one error for whatever is wrong
    for name, value in part.items():
        number = known.get(name) is int
        if name not in known or not isinstance(value, known[name]) or (number and isinstance(value, bool)):
            raise ValueError(f"unknown or ill-typed field {name!r}")
        if isinstance(value, int) and value < (1 if name == "nth" else 0):
            raise ValueError(f"{name!r} is too small")


class Faults:
    """The rules of one stand-in, in the order in which they came."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, docs: object) -> None:
        """Adds rules of JSON, all or none. ValueError where one is not a rule."""
        if not isinstance(docs, list):
            raise ValueError("rules come as an array")  # noqa: TRY004 - one error for whatever is wrong with the body
        self.rules += [Rule.parse(doc) for doc in docs]

    def clear(self) -> None:
        """From here on everything goes well."""
        self.rules.clear()

    def strike(self, request: web.BaseRequest) -> Mapping[str, Any]:
        """What happens to this request: the ``do`` of the first rule that takes it, or nothing."""
        do = next((rule.do for rule in self.rules if rule.takes(request)), {})
        request[_ACTIVE] = dict(do)
        return do


def fault(request: web.BaseRequest, name: str) -> Any:
    """One action of the fault that hits this request, for handlers that act on it; None where there is none."""
    return request.get(_ACTIVE, {}).get(name)


def struck(request: web.BaseRequest) -> bool:
    """Whether a fault hits this request."""
    return bool(request.get(_ACTIVE))


class Dropped(Exception):
    """The connection is to be cut now, without a (whole) answer. ``flush``: after what is written has gone out."""

    def __init__(self, *, flush: bool = False) -> None:
        super().__init__("dropped on request")
        self.flush = flush


def portal_page(request: web.BaseRequest) -> web.Response | None:
    """The page that a captive portal or a blocked proxy sends with 200 instead of the answer, where asked for."""
    if not fault(request, "html"):
        return None
    page = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>"
    return web.Response(text=page, content_type="text/html")
