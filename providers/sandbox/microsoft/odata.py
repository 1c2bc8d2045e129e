"""OData query options and annotations: what a request may say beside its path and body.

Unknown options and unknown properties are refused, so that a client's typing mistake shows here and not in a school.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused

CONFLICT = "@microsoft.graph.conflictBehavior"
CONFLICTS = ("fail", "replace", "rename")
_SYSTEM = ("select", "expand", "top", "skiptoken", "orderby", "filter")
PAGE = 200


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one request; None where it did not say."""

    select: tuple[str, ...] | None = None
    expand: tuple[str, ...] = ()
    top: int = PAGE
    skip: tuple[Any, ...] | None = None
    orderby: str = "name"
    conflict: str | None = None
    token: str | None = None
    search: str = ""
    filter: str = ""


@behaviour(
    "assumed", "An unknown, repeated or malformed query option is 400 invalidRequest (Graph ignores some of them)."
)
@behaviour("documented", "System query options may be written without their dollar sign.")
def options(request: web.Request, allowed: Collection[str]) -> Options:
    """The request's query options, of which only `allowed` (without dollar signs) may occur."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        plain = name.removeprefix("$").lower() if name.removeprefix("$").lower() in _SYSTEM else name
        if plain not in allowed or plain in given:
            raise _refused(f"The query option {name[:60]!r} is not supported here.")
        given[plain] = value
    return Options(
        select=_list(given["select"]) if "select" in given else None,
        expand=_list(given.get("expand", "")),
        top=_top(given.get("top", str(PAGE))),
        skip=_unpack(given["skiptoken"]) if "skiptoken" in given else None,
        orderby=given.get("orderby", "name"),
        conflict=conflict(given.get(CONFLICT)),
        token=given.get("token"),
        search=given.get("search", ""),
        filter=given.get("filter", ""),
    )


@behaviour("documented", "Conflict behaviour is fail, replace or rename, given as @microsoft.graph.conflictBehavior.")
@behaviour("rclone", "@name.conflictBehavior in a body means the same.")
def body_conflict(body: Mapping[str, Any], otherwise: str) -> str:
    """The conflict behaviour that a body asks for."""
    return conflict(body.get(CONFLICT, body.get("@name.conflictBehavior"))) or otherwise


def conflict(value: object) -> str | None:
    """One of CONFLICTS, or None where nothing was said."""
    if value is not None and value not in CONFLICTS:
        raise _refused("The conflict behavior is none of fail, replace and rename.")
    return value if isinstance(value, str) else None


@behaviour("assumed", "An unknown or ill-typed property in a body is 400 invalidRequest.")
def only(body: object, /, **types: type) -> dict[str, Any]:
    """The body, if it is an object with no other properties than these, of these types, and annotations."""
    if not isinstance(body, dict):
        raise _refused("A JSON object is missing.")
    annotations = {CONFLICT: str, "@name.conflictBehavior": str, "@odata.type": str}
    for name, value in body.items():
        wanted = types.get(name) or annotations.get(name)
        if wanted is None or type(value) is not wanted:
            raise _refused(f"The property {name[:60]!r} is unknown or of the wrong type.")
    return body


def pack(*values: object) -> str:
    """An opaque token of JSON values."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


def unpack(token: str) -> tuple[Any, ...] | None:
    """What `pack` put in; None for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        return None
    return tuple(values) if isinstance(values, list) else None


def _unpack(token: str) -> tuple[Any, ...]:
    if (values := unpack(token)) is None:
        raise _refused("The skip token is malformed.")
    return values


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _top(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise _refused("The value of $top is not a positive number.")
    return int(text)


def _refused(message: str) -> Refused:
    return Refused(400, "invalidRequest", message)
