"""What a fault does to an answer that was made already: lies in its JSON, wrong bytes, pages that lead nowhere.

The names of lists, page tokens, hashes and sizes are those of every vendor's wire; see `faults` for the words.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from providers.sandbox.faults import fault

LISTS = ("files", "changes", "drives", "permissions", "revisions", "value")
HASHES = frozenset(
    ("md5Checksum", "sha1Checksum", "sha256Checksum", "quickXorHash", "sha1Hash", "sha256Hash", "crc32Hash")
)
SELF = "endless"


def rewound(request: web.Request) -> web.Request:
    """The request as its handler is to see it: a page that leads to itself is asked for as the first one."""
    if not fault(request, "endless") or request.query.get("pageToken") != SELF:
        return request
    query = [(name, value) for name, value in request.query.items() if name != "pageToken"]
    return request.clone(rel_url=request.rel_url.with_query(query))


def spoiled(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """The answer with its lies, where a fault wants any; a stream of a file tells its own (see `transfer`)."""
    if whole.prepared or not isinstance(whole, web.Response) or not isinstance(whole.body, bytes):
        return whole
    body = whole.body
    if whole.content_type == "application/json" and body:
        body = json.dumps(_lied(request, json.loads(body), whole.status)).encode()
    body = corrupted(request, body, 0)
    body = body[: len(body) - (fault(request, "shorten") or 0)] if whole.status < 300 else body
    headers = {name: value for name, value in whole.headers.items() if name.lower() != "content-length"}
    return web.Response(body=body, status=whole.status, headers=headers)


def corrupted(request: web.BaseRequest, piece: bytes, at: int) -> bytes:
    """The piece of an answer that begins at that place, with wrong bytes where a fault wants them: the first ones."""
    wrong = min((fault(request, "corrupt") or 0) - at, len(piece))
    return piece if wrong <= 0 else bytes(one ^ 0x5A for one in piece[:wrong]) + piece[wrong:]


def _lied(request: web.Request, doc: Any, status: int) -> Any:
    if status >= 400:
        return _grown(doc, fault(request, "huge") or 0)
    if isinstance(doc, dict):
        _page(request, doc)
    return _facts(doc, wrong_hash=bool(fault(request, "wrong_hash")), off=fault(request, "wrong_size") or 0)


def _grown(doc: Any, size: int) -> Any:
    error = doc.get("error") if isinstance(doc, dict) else None
    if size and isinstance(error, dict):
        error["message"] = "x" * size
    return doc


def _page(request: web.Request, doc: dict[str, Any]) -> None:
    name = next((one for one in LISTS if isinstance(doc.get(one), list)), None)
    if name is None:
        return
    if fault(request, "entries") is not None:
        doc[name] = doc[name][: fault(request, "entries")]
        if "incompleteSearch" in doc and fault(request, "incomplete"):
            doc["incompleteSearch"] = True
    if fault(request, "endless") and name == "value":
        doc.pop("@odata.deltaLink", None)
        doc["@odata.nextLink"] = str(request.url)
    elif fault(request, "endless"):
        doc.pop("newStartPageToken", None)
        doc["nextPageToken"] = request.query.get("pageToken", SELF)


def _facts(value: Any, *, wrong_hash: bool, off: int) -> Any:
    if isinstance(value, list):
        return [_facts(one, wrong_hash=wrong_hash, off=off) for one in value]
    if not isinstance(value, dict):
        return value
    told = {name: _facts(below, wrong_hash=wrong_hash, off=off) for name, below in value.items()}
    for name in HASHES & set(told) if wrong_hash else ():
        told[name] = _other(str(told[name]))
    size = told.get("size")
    if off and isinstance(size, int) and not isinstance(size, bool):
        told["size"] = max(0, size + off)
    elif off and isinstance(size, str) and size.isdecimal():
        told["size"] = str(max(0, int(size) + off))
    return told


def _other(text: str) -> str:
    """Another hash of the same form: its first sign is moved on among its kind."""
    for signs in ("0123456789", "abcdef", "ABCDEF"):
        if text[:1] in signs and text:
            return signs[(signs.index(text[0]) + 1) % len(signs)] + text[1:]
    return "A" + text[1:]
