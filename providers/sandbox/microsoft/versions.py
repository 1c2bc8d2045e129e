"""Earlier versions of files: kept when content changes, listed, downloaded, restored.

Each version owns its own bytes (a hard link where the content did not change), so that any of them may go alone.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused
from providers.sandbox.microsoft.contents import Contents
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.tree import Doc, Tree
from providers.sandbox.microsoft.wire import DOWNLOAD, answer, context, moment

_CONTENT = ("blob", "size", "hashes", "mime")


class Versions:
    """The versions of one tree's files."""

    def __init__(self, tree: Tree, contents: Contents, kept: Kept) -> None:
        self._tree, self.contents, self.kept = tree, contents, kept

    @behaviour("documented", "Every change of a file's content keeps what was there as a version.")
    @behaviour("assumed", "500 versions are kept; the oldest goes. Earlier versions do not count against the quota.")
    def keep(self, item: Doc, *, shared: bool = False) -> dict[str, Any]:
        """Keeps what the file is now as a version; the fields that the next one has. ``shared``: the bytes stay."""
        blob = self.contents.linked(item["blob"]) if shared else item["blob"]
        row = {"id": number(item), "editor": item["editor"], "modified": item["modified"]}
        row |= {name: item[name] for name in _CONTENT} | {"blob": blob}
        past = [*self._past(item), row]
        for old in past[: -self.kept.now.versions_kept]:
            self.contents.drop(old["blob"])
        self._tree.past.put(item["id"], {"past": past[-self.kept.now.versions_kept :]})
        return {"version": item.get("version", 1) + 1}

    @behaviour("documented", "versions lists the newest first; the first one is the current one.")
    def all(self, request: web.Request, item: Doc) -> web.Response:
        """All versions of a file."""
        found = [self._shown(request, item, row) for row in (self._current(item), *reversed(self._past(item)))]
        return answer(context(request, "Collection(driveItemVersion)") | {"value": found})

    def show(self, request: web.Request, item: Doc, wanted: str) -> web.Response:
        """One version."""
        row = self._current(item) if wanted == number(item) else self.find(item, wanted)
        return answer(context(request, "driveItemVersion") | self._shown(request, item, row))

    @behaviour("documented", "A version's content is a 302 to a pre-authenticated address.")
    @behaviour("assumed", "The content of the current version is 400: it is the item's own content.")
    def content(self, request: web.Request, item: Doc, wanted: str) -> web.Response:
        """Where an earlier version's bytes are."""
        if wanted == number(item):
            raise Refused(400, "invalidRequest", "You cannot get the content of the current version.")
        row = self.find(item, wanted)
        return web.Response(status=302, headers={"Location": self.contents.address(request, item, row["id"])})

    @behaviour("documented", "restoreVersion answers 204, makes a new version of an old content and keeps all others.")
    @behaviour("assumed", "To restore the current version is 400.")
    def restore(self, item: Doc, wanted: str) -> web.Response:
        """Makes an earlier version the current one."""
        if wanted == number(item):
            raise Refused(400, "invalidRequest", "The version is the current one.")
        row = self.find(item, wanted)
        content = {name: row[name] for name in _CONTENT} | {"blob": self.contents.linked(row["blob"])}
        now = int(self._tree.box.now() * 1000)
        with self._tree.box.store.batch():
            self._tree.change(item, **content, **self.keep(item), fs=[item["fs"][0], now])
        return web.Response(status=204)

    def find(self, item: Doc, wanted: str) -> Doc:
        """An earlier version. Refused 404 where there is none."""
        found = next((row for row in self._past(item) if row["id"] == wanted), None)
        if found is None:
            raise Refused(404, "itemNotFound", "The version could not be found.")
        return found

    def _past(self, item: Doc) -> list[Doc]:
        if item["kind"] != "file":
            raise Refused(400, "invalidRequest", "Only files have versions.")
        return [*self._tree.past.get(item["id"], {"past": []})["past"]]

    @staticmethod
    def _current(item: Doc) -> Doc:
        current: Doc = {**item, "id": number(item)}
        return current

    def _shown(self, request: web.Request, item: Doc, row: Doc) -> dict[str, Any]:
        holder = self._tree.owner(item["drive"])
        version = None if row["id"] == number(item) else row["id"]
        doc: dict[str, Any] = {DOWNLOAD: self.contents.address(request, item, version), "id": row["id"]}
        doc |= {"lastModifiedBy": self._tree.account(row["editor"]).identity, "size": row["size"]}
        doc["lastModifiedDateTime"] = moment(row["modified"], holder)
        return doc


@behaviour("assumed", "Versions are called '1.0', '2.0' and so on, in personal drives too.")
def number(item: Doc) -> str:
    """What the current version of a file is called."""
    return f"{item.get('version', 1)}.0"
