"""orderBy of files.list: the documented keys, each with what it sorts by."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.calls import Call
from providers.sandbox.google.errors import invalid
from providers.sandbox.google.facts import Facts
from providers.sandbox.google.tree import FOLDER
from providers.sandbox.store import Doc

_DIGITS = re.compile(r"(\d+)")


def _natural(name: str) -> list[tuple[int, Any]]:
    parts = _DIGITS.split(name.casefold())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _time(name: str) -> Callable[[Facts], int]:
    return lambda facts: facts[name] or 0


_KEYS: dict[str, Callable[[Facts], Any]] = {
    "folder": lambda facts: facts["mimeType"] != FOLDER,
    "name": lambda facts: facts["name"].casefold(),
    "name_natural": lambda facts: _natural(facts["name"]),
    "starred": lambda facts: not facts["starred"],
    **{name: _time(name) for name in ("createdTime", "modifiedTime", "modifiedByMeTime", "viewedByMeTime")},
    **{name: _time(name) for name in ("sharedWithMeTime", "recency", "quotaBytesUsed")},
}


@behaviour("schema", "orderBy takes the eleven declared keys, each with desc; an unknown one is 400 invalid.")
@behaviour("documented", "recency is the latest time at which something happened to the file for this person.")
@behaviour("assumed", "What has no such time comes as if it were the oldest; folders come before files.")
def ordered(call: Call, rows: list[Doc], order: str) -> list[Doc]:
    """The rows in that order. Refused 400."""
    for part in reversed(order.split(",")):
        name, _, way = part.strip().partition(" ")
        if name not in _KEYS or way.strip() not in ("", "desc"):
            raise invalid("orderBy", order)
        rows.sort(key=_sorter(call, _KEYS[name]), reverse=bool(way))
    return rows


def _sorter(call: Call, key: Callable[[Facts], Any]) -> Callable[[Doc], Any]:
    return lambda row: key(Facts(call.tree, call.viewer, row))
