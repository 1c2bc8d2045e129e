"""Where a new file goes and what happens to what is there: slots, preconditions, conflicts, quota.

Nothing here awaits: a slot is looked at again right before the file is put into it.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused
from providers.sandbox.microsoft import names
from providers.sandbox.microsoft.accounts import tenant
from providers.sandbox.microsoft.contents import Stored
from providers.sandbox.microsoft.tree import ACTING, Doc, Tree
from providers.sandbox.microsoft.versions import Versions
from providers.sandbox.microsoft.wire import Wire

_TYPES = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a file: a folder and a name in it. ``item``: what is there now; ``by_id``: that file is meant."""

    parent: Doc
    name: str
    item: Doc | None
    by_id: bool = False


class Places:
    """Finds and fills slots of one tree."""

    def __init__(self, tree: Tree, versions: Versions, wire: Wire) -> None:
        self.tree, self._versions, self._wire = tree, versions, wire

    def descend(self, drive: str, anchor: str, path: tuple[str, ...]) -> Doc:
        """The item at a path below an anchor. Refused 404 where there is none."""
        item = self.tree.live(drive, self.tree.drives[drive]["root"] if anchor == "root" else anchor)
        for name in path:
            child = self.tree.child(item, name)
            if child is None:
                raise Refused(404, "itemNotFound", "The resource could not be found.")
            item = child
        return item

    @behaviour("assumed", "A path address makes no missing folders: an upload below one is itemNotFound.")
    def slot(self, drive: str, anchor: str, path: tuple[str, ...]) -> Slot:
        """The slot that an upload's address means."""
        if not path:
            item = self.descend(drive, anchor, ())
            if item["parent"] is None or item["kind"] != "file":
                raise Refused(400, "invalidRequest", "Only a file has content.")
            return Slot(self.tree.items[item["parent"]], item["name"], item, by_id=True)
        parent = self.folder(self.descend(drive, anchor, path[:-1]))
        name = self.named(drive, path[-1])
        names.check_path(f"{self.tree.path(parent)}/{name}")
        return Slot(parent, name, self.tree.child(parent, name))

    @behaviour("documented", "# and % are forbidden in names of some tenants.")
    def named(self, drive: str, name: object) -> str:
        """The name, if this drive takes it. Refused 400 where not."""
        checked = names.check(name)
        strict = map(tenant, self._versions.kept.now.strict_names)
        if {"#", "%"} & set(checked) and self.tree.owner(drive).tid in strict:
            raise Refused(400, "invalidRequest/nameContainsInvalidCharacters", "The name holds # or %.")
        return checked

    @staticmethod
    def folder(item: Doc) -> Doc:
        """The item, if it can hold others. Refused 400 where not."""
        if item["kind"] != "folder":
            raise Refused(400, "invalidRequest", "The item is not a folder.")
        return item

    @behaviour(
        "documented", "If-Match holds an eTag or a cTag; where it is neither of the item's: 412 resourceModified."
    )
    @behaviour("documented", "If-None-Match holds a tag that the item must not have, else 412.")
    def preconditions(self, request: web.Request, item: Doc | None) -> None:
        """Refused 412 where the request's conditions do not hold, 423 where the item is locked."""
        if item:
            self.unlocked(item)
        tags = set(self._wire.tags(item, self.tree.owner(item["drive"])).values()) if item else set()
        wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
        fits = wanted is None or (item is not None and (wanted.strip() == "*" or _among(wanted, tags)))
        hits = unwanted is not None and item is not None and (unwanted.strip() == "*" or _among(unwanted, tags))
        if not fits or hits:
            raise Refused(412, "resourceModified", "ETag does not match current item's value.")

    @behaviour("documented", "What does not fit into the quota is 507 quotaLimitReached.")
    def room(self, drive: str, size: int) -> None:
        """Refused 507 where so many more bytes do not fit."""
        if self.tree.used(drive) + size > self.tree.drives[drive]["total"]:
            raise Refused(507, "quotaLimitReached", "Insufficient space available.")

    @staticmethod
    @behaviour("documented", "What an editor has open, or another person has checked out, is 423 for every change.")
    @behaviour("assumed", "The code of a locked item is notAllowed, with resourceLocked inside.")
    def unlocked(item: Doc) -> None:
        """Refused 423 where somebody else holds the item."""
        if item.get("locked", "") not in ("", ACTING.get()):
            raise Refused(423, "notAllowed/resourceLocked", "The resource you are attempting to access is locked.")

    def settle(self, slot: Slot, conflict: str) -> tuple[str, Doc | None]:
        """The name to use, and the item to replace, by what is there now. Refused 409 nameAlreadyExists."""
        there = self.tree.child(slot.parent, slot.name)
        if there is None:
            return slot.name, None
        if conflict == "rename":
            return names.free(slot.name, self.tree.taken(slot.parent)), None
        if conflict == "fail" or there["kind"] != "file":
            raise Refused(409, "nameAlreadyExists", "An item with the same name already exists under the parent.")
        return there["name"], there

    @behaviour(
        "documented", "Replaced content keeps the item's id; fileSystemInfo that comes with it makes one version."
    )
    def place(self, slot: Slot, stored: Stored, conflict: str, **fields: Any) -> tuple[Doc, bool]:
        """Puts stored bytes into a slot: the item, and whether it is new. Refused 409, 507, or 404 (folder is gone)."""
        parent = self.tree.live(slot.parent["drive"], slot.parent["id"])
        if slot.by_id and slot.item:
            there: Doc | None = self.tree.live(parent["drive"], slot.item["id"])
            name = self.tree.items[slot.item["id"]]["name"]
        else:
            name, there = self.settle(slot, conflict)
        if there:
            self.unlocked(there)
        self.room(parent["drive"], stored.size - (there["size"] if there else 0))
        mime = _TYPES.guess_type(name)[0] or "application/octet-stream"
        content = {"blob": stored.blob, "size": stored.size, "hashes": stored.hashes, "mime": mime, **fields}
        with self.tree.box.store.batch():
            if there is None:
                return self.tree.make(parent["drive"], parent, name, "file", **content), True
            content |= self._versions.keep(there)
            changed = self.tree.change(there, **{"fs": [there["fs"][0], int(self.tree.box.now() * 1000)], **content})
        return changed, False


def _among(header: str, tags: set[str]) -> bool:
    """Whether a header's one tag is among these, quoted or not: personal tags come without quotes."""
    return header.strip().removeprefix("W/").strip('"') in {tag.strip('"') for tag in tags}
