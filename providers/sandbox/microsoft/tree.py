"""Drives and items: the tree on top of the store, with its indices, sizes, tags and change numbers.

Nothing here awaits, so every change is whole for every reader. It knows no HTTP: what cannot be done is `Refused` in
Graph's words. An item is the document that `Tree.make` builds; treat it as frozen.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft import names
from providers.sandbox.microsoft.accounts import GIB, Account, Holder, Library, item_id
from providers.sandbox.people import Person

Doc = dict[str, Any]
ACTING: ContextVar[str | None] = ContextVar("ACTING", default=None)  # the e-mail address of who asks; None: the owner


@dataclass(slots=True)
class _Counters:
    """Of one drive: the last item's number, the last change's number, the bytes that count against the quota."""

    number: int = 100
    seq: int = 0
    used: int = 0


class Tree:
    """All drives of the stand-in. ``items[id]`` is any document, dead or alive; `live` is how handlers ask."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.drives, self.items = box.store.table("drives"), box.store.table("items")
        self.sites, self.past = box.store.table("sites"), box.store.table("versions")
        self._kids: dict[str, dict[str, str]] = {}
        self._sorted: dict[str, list[str]] = {}
        self._owners: dict[str, Holder] = {}
        self.shape = 0  # moves on whenever a path may have changed
        self._people: dict[str, Account] = {}
        self._below: dict[str, int] = {}
        self._stamp: dict[str, int] = {}
        self._log: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._count: dict[str, _Counters] = defaultdict(_Counters)
        for item in self.items.values():
            self._index(item)
            self._count[item["drive"]].used += item["size"]
        for item in sorted(self.items.values(), key=lambda one: one["seq"]):
            self._log[item["drive"]].append((item["seq"], item["id"]))
            item.setdefault("editor", item["by"])  # of a state folder from before editors were kept
            self._weigh(item, item["size"])
            self._touch(item)

    # -- looking up

    def drive_of(self, person: Person) -> str:
        """The id of a person's drive; made on the first call."""
        account = self.account(person.email)
        drive = account.drive_id
        return drive if drive in self.drives else self._new(drive, {"owner": person.email, "total": account.total})

    @behaviour("documented", "A site's document library is a drive of the type documentLibrary.")
    @behaviour("assumed", "A library holds 25 TiB.")
    def library(self, library: Library) -> str:
        """The id of a library's drive, which is made."""
        owner = next(email for email, right in library.site["members"].items() if right == "owner")
        row = {"owner": owner, "total": 25 * 1024 * GIB, "site": library.site["id"], "name": library.name}
        return self._new(library.drive_id, row)

    def _new(self, drive: str, row: Doc) -> str:
        with self.box.store.batch():
            self.drives.put(drive, row | {"root": item_id(drive, 101)})
            self.make(drive, None, "root", "folder")
        return drive

    def owner(self, drive: str) -> Holder:
        """Whose drive it is: a person's, or a library of a site."""
        known = self._owners.get(drive)
        if known is None:
            row = self.drives[drive]
            site = self.sites.get(row.get("site", ""))
            known = self._owners[drive] = Library(site, row["name"]) if site else self.account(row["owner"])
        return known

    def account(self, email: str) -> Account:
        """The account behind an address."""
        if email not in self._people:
            person = self.box.people.find(email)
            assert person is not None, "people are never removed"
            self._people[email] = Account(person)
        return self._people[email]

    @behaviour("documented", "What lies in the recycle bin, or below something there, is itemNotFound.")
    def live(self, drive: str, wanted: str) -> Doc:
        """An item of this drive, by id. Refused 404 where there is none, or not any more."""
        item = self.items.get(wanted.upper() if "!" in wanted else wanted)
        if item is None or item["drive"] != drive or not self.alive(item):
            raise Refused(404, "itemNotFound", "The resource could not be found.")
        return item

    def alive(self, item: Doc) -> bool:
        """Whether neither the item nor anything above it was deleted."""
        return not any(one["dead"] for one in self.upwards(item))

    def child(self, parent: Doc, name: str) -> Doc | None:
        """The item of that name in a folder, in any case."""
        found = self._kids.get(parent["id"], {}).get(names.key(name))
        return self.items[found] if found else None

    def children(self, parent: Doc) -> list[Doc]:
        """What a folder holds, by name."""
        kids = self.taken(parent)
        return [self.items[kids[key]] for key in self.order(parent)]

    def order(self, parent: Doc) -> list[str]:
        """The keys of a folder's names, sorted once and kept so: a page of a large folder costs a page."""
        found = self._sorted.get(parent["id"])
        if found is None:
            found = self._sorted[parent["id"]] = sorted(self.taken(parent))
        return found

    def taken(self, parent: Doc) -> dict[str, str]:
        """The keys of the names in a folder."""
        return self._kids.get(parent["id"], {})

    def walk(self, top: Doc) -> Iterator[Doc]:
        """The item and everything below it, parents first."""
        yield top
        for child in self.children(top):
            yield from self.walk(child)

    def path(self, item: Doc) -> str:
        """'/a/b' from the drive's root; '' for the root itself."""
        parts = [one["name"] for one in self.upwards(item) if one["parent"] is not None]
        return "".join(f"/{part}" for part in reversed(parts))

    def size(self, item: Doc) -> int:
        """Bytes: a file's own, a folder's all the way down."""
        return int(item["size"]) if item["kind"] == "file" else self._below.get(item["id"], 0)

    def stamp(self, item: Doc) -> int:
        """The drive's change number when the item, or anything below it, last changed."""
        return self._stamp[item["id"]]

    def seq(self, drive: str) -> int:
        """The drive's latest change number."""
        return self._count[drive].seq

    def changed(self, drive: str, since: int) -> Iterator[Doc]:
        """What changed after a change number, dead or alive, in the order of its last change."""
        log = self._log[drive]
        for seq, item in islice(log, bisect_left(log, (since + 1, "")), None):
            if self.items[item]["seq"] == seq:  # else it has changed again since
                yield self.items[item]

    def used(self, drive: str) -> int:
        """Bytes that count against the quota: what is alive and what is in the recycle bin."""
        return self._count[drive].used

    # -- changing

    def make(self, drive: str, parent: Doc | None, name: str, kind: str, **fields: Any) -> Doc:
        """A new item under a free name. ``kind``: folder, file or package."""
        number, now = self._count[drive].number + 1, int(self.box.now() * 1000)
        item: Doc = {"id": item_id(drive, number), "number": number, "drive": drive, "name": name, "kind": kind}
        item |= {"parent": parent["id"] if parent else None, "created": now, "modified": now, "fs": [now, now]}
        by = ACTING.get() or self.drives[drive]["owner"]
        item |= {"etag": 1, "ctag": 1, "size": 0, "dead": "", "by": by, "editor": by, **fields}
        return self._put(item)

    def change(self, item: Doc, **fields: Any) -> Doc:
        """Changes fields: the eTag always moves on, the cTag only where the content does ('blob' is among them)."""
        self._drop(item)
        self.shape += item["kind"] != "file"
        fields.setdefault("modified", int(self.box.now() * 1000))
        fields.setdefault("editor", ACTING.get() or self.drives[item["drive"]]["owner"])
        return self._put({**item, "etag": item["etag"] + 1, "ctag": item["ctag"] + ("blob" in fields), **fields})

    @behaviour("documented", "DELETE puts an item, with all below it, into the recycle bin.")
    @behaviour("assumed", "What lies in the recycle bin counts as used.")
    def bin(self, item: Doc) -> None:
        """Into the recycle bin."""
        self._drop(item)
        self._put({**item, "dead": "binned", "etag": item["etag"] + 1})

    def destroy(self, item: Doc) -> None:
        """For ever, with everything below it. What remains is a line that delta can tell of."""
        for one in [*self.walk(item)][::-1]:
            self._drop(one)
            past = (self.past.drop(one["id"]) or {"past": []})["past"]
            for blob in filter(None, [one.get("blob"), *(row["blob"] for row in past)]):
                self.box.store.blob(blob).unlink(missing_ok=True)
            self._put({**one, "dead": "gone", "size": 0, "blob": None})

    # -- the indices

    def _put(self, item: Doc) -> Doc:
        count, before = self._count[item["drive"]], self.items.get(item["id"])
        count.used += item["size"] - (before["size"] if before else 0)
        item["seq"] = count.seq + 1
        self.items.put(item["id"], item)
        self._log[item["drive"]].append((item["seq"], item["id"]))
        self._index(item)
        self._weigh(item, self.size(item))
        self._touch(item)
        return item

    def _index(self, item: Doc) -> None:
        count = self._count[item["drive"]]
        count.number, count.seq = max(count.number, item["number"]), max(count.seq, item["seq"])
        if item["parent"] is not None and not item["dead"]:
            key, kids = names.key(item["name"]), self._kids.setdefault(item["parent"], {})
            if key not in kids and item["parent"] in self._sorted:
                insort(self._sorted[item["parent"]], key)
            kids[key] = item["id"]

    def _drop(self, item: Doc) -> None:
        """Takes the item out of its folder's index and out of the sizes above it."""
        if item["parent"] is not None and not item["dead"]:
            key = names.key(item["name"])
            self._kids[item["parent"]].pop(key)
            if order := self._sorted.get(item["parent"]):
                order.pop(bisect_left(order, key))
            self._weigh(item, -self.size(item))

    def _weigh(self, item: Doc, size: int) -> None:
        """Adds bytes to every folder above, up to the root or to what is in the recycle bin."""
        for one in self.upwards(item):
            if one["parent"] is None or one["dead"]:
                return
            self._below[one["parent"]] = self._below.get(one["parent"], 0) + size

    def _touch(self, item: Doc) -> None:
        for one in self.upwards(item):
            self._stamp[one["id"]] = max(self._stamp.get(one["id"], 0), item["seq"])

    def upwards(self, item: Doc) -> Iterator[Doc]:
        """The item, its folder, and so on up to the root."""
        yield item
        while item["parent"] is not None:
            item = self.items[item["parent"]]
            yield item
