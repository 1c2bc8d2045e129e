"""files.list without HTTP: what matches, in which order, and the tokens that lead from page to page.

A list is made once for its first page and kept as ids; the computed children of a `grown` folder come after it, as many
as a page takes, so that 100,000 of them never are in memory at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.calls import Call
from providers.sandbox.google.errors import invalid, not_found
from providers.sandbox.google.facts import Facts
from providers.sandbox.google.ordering import ordered
from providers.sandbox.google.query import Query, parse
from providers.sandbox.store import Doc

_KEPT = 64
_KEY = ("q", "orderBy", "corpora", "driveId", "spaces", "includeItemsFromAllDrives")


@dataclass(frozen=True, slots=True)
class _Made:
    """A list as it was at a moment of the tree: its ids, and the folder whose computed children follow."""

    seq: int
    ids: list[str]
    folder: str | None


class Listings:
    """The lists that clients are paging through; of many the oldest are forgotten and made anew."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, _Made] = OrderedDict()

    @behaviour(
        "documented", "files.list: pageSize 1-1000, 100 by default; trashed files are shown unless q says otherwise."
    )
    @behaviour("documented", "A page token belongs to the same q, orderBy and person; another one is 400 invalid.")
    @behaviour("assumed", "Without orderBy the newest modifiedTime comes first; a page token shows the list as it was.")
    def page(self, call: Call) -> tuple[list[Doc], str | None]:
        """The rows of the page that the call asks for, and the token of the next one."""
        query = parse(call.params["q"]) if "q" in call.params else None
        key = _key(call)
        start = _start(call.params.get("pageToken"), key)
        made = self._made(call, key, query, fresh=start == 0)
        stop = start + int(call.params.get("pageSize", 100))
        rows = [row for row in map(call.tree.get, made.ids[start:stop]) if row is not None]
        more, at = stop < len(made.ids), min(stop, len(made.ids))
        if made.folder is not None and not more and stop > len(made.ids):
            begin = max(start, len(made.ids))
            computed, end = _computed(call, query, made, begin - len(made.ids), stop - begin)
            rows, at = rows + computed, len(made.ids) + end
            more = end < call.tree.grown.count(made.folder)
        elif made.folder is not None and not more:
            more = True
        return rows, _token(at, key) if more else None

    def _made(self, call: Call, key: str, query: Query | None, *, fresh: bool) -> _Made:
        made = self._lists.get(key)
        if made is None or (fresh and made.seq != call.tree.seq):
            found, folder = _matching(call, query)
            made = self._lists[key] = _Made(call.tree.seq, [row["id"] for row in found], folder)
        self._lists.move_to_end(key)
        while len(self._lists) > _KEPT:
            self._lists.popitem(last=False)
        return made


def _matching(call: Call, query: Query | None) -> tuple[list[Doc], str | None]:
    parent, folder = query.parent if query else None, None
    if parent is not None:
        known = call.tree.get(call.tree.root(call.viewer.person) if parent == "root" else parent)
        if known is None or not call.tree.sees(call.viewer, known):
            raise not_found(parent)
        rows = [row for row in map(call.tree.get, call.tree.children.get(known["id"], ())) if row]
        folder = known["id"] if call.tree.grown.count(known["id"]) else None
    else:
        call.tree.root(call.viewer.person)
        rows = [row for row in call.tree if row["parent"] is not None]
    found = [row for row in rows if _shown(call, query, row)]
    return ordered(call, found, call.params.get("orderBy", "modifiedTime desc")), folder


def _shown(call: Call, query: Query | None, row: Doc) -> bool:
    drive, shared = call.params.get("driveId"), bool(call.params.get("includeItemsFromAllDrives"))
    if (row["drive"] and not shared) or (drive and row["drive"] != drive) or not call.tree.sees(call.viewer, row):
        return False
    if (query is None or query.parent is None) and not call.tree.named(call.viewer.person, row):
        return False
    return query is None or query.matches(Facts(call.tree, call.viewer, row))


def _computed(call: Call, query: Query | None, made: _Made, begin: int, wanted: int) -> tuple[list[Doc], int]:
    """So many matching computed children from a number on, and the number to go on with."""
    first = str(call.params.get("orderBy", "")).removeprefix("folder,").partition(",")[0]
    older_first = first in ("modifiedTime", "createdTime", "recency", "name desc", "name_natural desc")
    rows, end = list[Doc](), begin
    for file_id in call.tree.grown.ids(made.folder or "", begin, backwards=older_first):
        if len(rows) == wanted:
            break
        end += 1
        row = call.tree.computed(file_id)
        if row is not None and _shown(call, query, row):
            rows.append(row)
    return rows, end


def _key(call: Call) -> str:
    viewer = call.viewer
    asked = [viewer.person.email, viewer.client, sorted(viewer.scopes), sorted(viewer.keys), viewer.all_drives]
    asked += [str(call.params.get(name)) for name in _KEY]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _start(token: str | None, key: str) -> int:
    if token is None:
        return 0
    try:
        start, of = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise invalid("pageToken", token) from None
    if of != key or not isinstance(start, int) or start < 0:
        raise invalid("pageToken", token)
    return start


def _token(start: int, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, key]).encode()).decode()
