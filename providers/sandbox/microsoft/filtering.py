"""$filter over children: the few comparisons that Graph carries out for driveItems."""

from __future__ import annotations

import re
from collections.abc import Callable

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused
from providers.sandbox.microsoft import names
from providers.sandbox.microsoft.tree import Doc

_TERM = re.compile(
    r"(?:(?P<facet>file|folder|package) (?P<is>eq|ne) null"
    r"|name (?P<equal>eq|ne) '(?P<name>(?:[^']|'')*)'"
    r"|startswith\(name, ?'(?P<prefix>(?:[^']|'')*)'\)"
    r"|size (?P<order>eq|ne|gt|ge|lt|le) (?P<size>\d{1,15}))"
)
_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "eq": int.__eq__,
    "ne": int.__ne__,
    "gt": int.__gt__,
    "ge": int.__ge__,
    "lt": int.__lt__,
    "le": int.__le__,
}
Test = Callable[[Doc], bool]


@behaviour("assumed", "$filter knows facets against null, name eq/ne, startswith(name,…) and size, joined by 'and'.")
def test_of(text: str) -> Test:
    """What a $filter asks of an item. Refused 400 for anything else."""
    at, tests = 0, list[Test]()
    while True:
        found = _TERM.match(text, at)
        if found is None:
            raise Refused(400, "invalidRequest", "Invalid filter clause.")
        tests.append(_term(found))
        at = found.end()
        if at == len(text):
            return lambda item: all(test(item) for test in tests)
        if not text.startswith(" and ", at):
            raise Refused(400, "invalidRequest", "Invalid filter clause.")
        at += len(" and ")


def _term(found: re.Match[str]) -> Test:
    if found["facet"]:
        return lambda item: (item["kind"] == found["facet"]) == (found["is"] == "ne")
    if found["equal"]:
        wanted = _key(found["name"])
        return lambda item: (names.key(item["name"]) == wanted) == (found["equal"] == "eq")
    if found["prefix"] is not None:
        prefix = _key(found["prefix"])
        return lambda item: names.key(item["name"]).startswith(prefix)
    return lambda item: _ORDERS[found["order"]](item["size"], int(found["size"]))


def _key(quoted: str) -> str:
    return names.key(quoted.replace("''", "'"))
