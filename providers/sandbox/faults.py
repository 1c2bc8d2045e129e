"""Trouble on request: which requests are hit, and how. The words for it are data: `MATCH` and `DO`.

A rule is JSON ``{"match": {...}, "do": {...}}``. The first rule that matches a request is applied, alone. Rules live in
memory: a restart forgets them. ``python -m providers.sandbox faults`` prints the words. What is done to an answer that
was made already lies in `spoiling`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a rule: its name, the JSON types it takes, what it means, and its smallest number."""

    name: str
    types: tuple[type, ...]
    meaning: str
    least: int | None = 0

    @property
    def takes(self) -> str:
        """The types for people."""
        names = {int: "number", str: "text", bool: "true"}
        return " or ".join(names[one] for one in self.types)

    def check(self, value: object) -> None:
        """ValueError where the value does not fit."""
        if type(value) not in self.types:
            raise ValueError(f"{self.name!r} takes {self.takes}")
        if type(value) is int and self.least is not None and value < self.least:
            raise ValueError(f"{self.name!r} is at least {self.least}")


MATCH = (
    Word("method", (str,), "the HTTP method, * for any"),
    Word("path", (str,), "a glob over the path"),
    Word("query", (str,), "a glob over the raw query string"),
    Word("after", (int,), "the first so many matches go through"),
    Word("after_bytes", (int,), "hits once the matches before brought more than so many bytes (a daily cap)"),
    Word("nth", (int,), "only every n-th match", 1),
    Word("times", (int,), "at most so many hits"),
    Word("until", (int,), "only until that second since 1970, by the stand-in's clock (a cap that ends)"),
)
DO = (
    Word("latency_ms", (int,), "waits first"),
    Word("bandwidth", (int,), "bytes of files come and go at so many a second", 1),
    Word("status", (int,), "answers at once with this status, in the vendor's envelope", 300),
    Word("reason", (str,), "with status: the vendor's own code"),
    Word("retry_after", (int, str), "with status: the Retry-After header, seconds or any text"),
    Word("retry_after_date", (int,), "with status: Retry-After as a date, so many seconds ahead"),
    Word("huge", (int,), "with status: the error message is so many bytes long"),
    Word("redirect", (str,), "answers 302 to this address"),
    Word("html", (bool,), "answers 200 with an HTML page, as captive portals do"),
    Word("quota_full", (bool,), "answers that the drive is full"),
    Word("locked", (bool,), "answers that somebody has the file open"),
    Word("drop", (bool, str), 'cuts the connection before doing anything; "answer": after doing the work'),
    Word("drop_after", (int,), "cuts the connection once so many bytes of the request's body are read"),
    Word("truncate", (int,), "sends so many bytes of the answer under its full Content-Length, then cuts"),
    Word("stall_ms", (int,), "with truncate: waits so long before it cuts"),
    Word("shorten", (int,), "the answer and its Content-Length lack the last so many bytes", 1),
    Word("corrupt", (int,), "so many bytes of the answer are wrong, its length is right", 1),
    Word("wrong_hash", (bool,), "the hashes in the answer's JSON are those of other bytes"),
    Word("wrong_size", (int,), "the sizes in the answer's JSON are off by so many", None),
    Word("entries", (int,), "a listing's page holds only so many of its entries; the others never come"),
    Word("incomplete", (bool,), "with entries: the page says that it is incomplete (Google only)"),
    Word("endless", (bool,), "a listing's page leads to itself, for ever"),
    Word("expire_session", (bool,), "the upload session of this request is forgotten first"),
    Word("expire_token", (bool,), "the access token of this request has just run out"),
    Word("expire_grant", (bool,), "the grant behind this request's tokens has been taken away"),
    Word("expire_address", (bool,), "the download address of this request has run out"),
)
# What the words that name a trouble, not an answer, are at each vendor: status and reason.
TROUBLES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "google": {
        "quota_full": (403, "storageQuotaExceeded"),
        "locked": (403, "contentRestricted"),
        "expire_address": (404, "notFound"),
    },
    "microsoft": {
        "quota_full": (507, "quotaLimitReached"),
        "locked": (423, "notAllowed/resourceLocked"),
        "expire_address": (401, "unauthenticated"),
    },
}
Sleep = Callable[[float], Awaitable[None]]
_ACTIVE: web.RequestKey[dict[str, Any]] = web.RequestKey("sandbox_fault", dict)
_SLEEP: web.RequestKey[Sleep] = web.RequestKey("sandbox_sleep")


@dataclass(slots=True)
class Rule:
    """One rule and how often it has matched and hit."""

    match: Mapping[str, Any]
    do: Mapping[str, Any]
    seen: int = field(default=0)
    hits: int = field(default=0)
    brought: int = field(default=0)

    @classmethod
    def parse(cls, doc: object) -> Rule:
        """The rule of JSON. ValueError that names the field which is wrong."""
        if not isinstance(doc, dict) or set(doc) - {"match", "do"} or not doc.get("do"):
            raise ValueError("a rule is an object with 'match' and 'do'")
        match, do = doc.get("match") or {}, doc["do"]
        _check(match, MATCH)
        _check(do, DO)
        return cls(match, do)

    def takes(self, request: web.BaseRequest, now: float) -> bool:
        """Whether this request is hit; counts it."""
        if now >= self.match.get("until", now + 1) or not self._fits(request):
            return False
        before, self.brought = self.brought, self.brought + (request.content_length or 0)
        self.seen += 1
        past = self.seen - self.match.get("after", 0)
        if past <= 0 or past % self.match.get("nth", 1) or self.hits >= self.match.get("times", 1 << 62):
            return False
        if before < self.match.get("after_bytes", 0):
            return False
        self.hits += 1
        return True

    def _fits(self, request: web.BaseRequest) -> bool:
        method, path, query = (self.match.get(name) for name in ("method", "path", "query"))
        if method not in (None, "*", request.method):
            return False
        if path is not None and not fnmatchcase(request.path, path):
            return False
        return query is None or fnmatchcase(request.query_string, query)

    def as_json(self) -> dict[str, Any]:
        """What the control endpoint shows."""
        return {"match": self.match, "do": self.do, "seen": self.seen, "hits": self.hits}


def _check(part: object, words: Iterable[Word]) -> None:
    if not isinstance(part, dict):
        raise ValueError("'match' and 'do' are objects")  # noqa: TRY004 - one error for whatever is wrong
    known = {word.name: word for word in words}
    for name, value in part.items():
        if name not in known:
            raise ValueError(f"unknown word {name!r}; known are {', '.join(known)}")
        known[name].check(value)


class Faults:
    """The rules of one stand-in, in the order in which they came."""

    def __init__(self, now: Callable[[], float] = time.time, sleep: Sleep = asyncio.sleep) -> None:
        self._now = now
        self.sleep = sleep
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
        now = self._now() if self.rules else 0.0
        do = next((rule.do for rule in self.rules if rule.takes(request, now)), {})
        request[_ACTIVE], request[_SLEEP] = dict(do), self.sleep
        return do


def fault(request: web.BaseRequest, name: str) -> Any:
    """One action of the fault that hits this request, for handlers that act on it; None where there is none."""
    return request.get(_ACTIVE, {}).get(name)


async def pause(request: web.BaseRequest, seconds: float) -> None:
    """Waits because a fault says so."""
    await request.get(_SLEEP, asyncio.sleep)(seconds)


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


def moved_away(request: web.BaseRequest) -> web.Response | None:
    """A redirect to somewhere else, where asked for."""
    place = fault(request, "redirect")
    return None if place is None else web.Response(status=302, headers={"Location": place})


def printed() -> str:
    """The vocabulary for a terminal."""
    lines = []
    for title, words in (("match", MATCH), ("do", DO)):
        lines += [f"{title}:", *(f"  {word.name:<17} {word.takes:<15} {word.meaning}" for word in words)]
    return "\n".join(lines)
