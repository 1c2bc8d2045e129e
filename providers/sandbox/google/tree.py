"""The files of everyone in one tree of rows: who sees what, what lies where, what has changed. No HTTP, no wire form.

A row is a JSON document: ``id owner drive apps name mime parent created modified version seq trashed`` and, as they
apply, ``blob size md5 sha1 sha256 head doc target shared starred description properties appProperties marks``. Times
are epoch milliseconds. ``seq`` counts every change in the whole tree: it is the token of the changes feed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Sandbox
from providers.sandbox.google.errors import not_found
from providers.sandbox.people import Person
from providers.sandbox.store import Doc

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
NATIVE = "application/vnd.google-apps."
QUOTA = 15 * 1024**3
NEW_YEAR = 1_767_225_600_000  # when every root folder was made: equal state after equal steps
_SCOPE = "https://www.googleapis.com/auth/drive"
READS = frozenset({_SCOPE, f"{_SCOPE}.readonly", f"{_SCOPE}.file"})
WRITES = frozenset({_SCOPE, f"{_SCOPE}.file"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: a person through an app. ``all_drives``: shared drives may be shown. ``keys``: 'id/key' they hold."""

    person: Person
    client: str
    scopes: frozenset[str]
    all_drives: bool = False
    keys: frozenset[str] = frozenset()

    @property
    def own_files_only(self) -> bool:
        """drive.file alone shows only what this app has made or the person has picked for it."""
        return not self.scopes & {_SCOPE, f"{_SCOPE}.readonly"}


def identity(*parts: str) -> str:
    """A deterministic id for seeded things: 33 characters, as Google's."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return "1" + base64.urlsafe_b64encode(digest).decode()[:32]


class Tree:
    """All rows, with the children of each and the bytes that each person uses."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._rows, self._gone = box.store.table("files"), box.store.table("gone")
        self._drives, self._meta = box.store.table("drives"), box.store.table("meta")
        self.children: dict[str, dict[str, None]] = {}
        self._used: dict[str, int] = {}
        if "ids" not in self._meta:
            self._meta.put("ids", {"secret": secrets.token_hex(16)})
        self._secret = bytes.fromhex(self._meta["ids"]["secret"])
        self.seq = max([row["seq"] for row in (*self._rows.values(), *self._gone.values())], default=1)
        for row in self._rows.values():
            self._index(row, 1)

    def now(self) -> int:
        """Epoch milliseconds by the stand-in's clock."""
        return int(self._box.now() * 1000)

    def __iter__(self) -> Iterator[Doc]:
        return iter(list(self._rows.values()))

    def get(self, file_id: str) -> Doc | None:
        """The row, whoever may see it."""
        return self._rows.get(file_id)

    def find(self, viewer: Viewer, file_id: str) -> Doc:
        """The row that this viewer may see; 'root' is their own root folder. Refused 404 otherwise."""
        if file_id == "root":
            file_id = self.root(viewer.person)
        row = self.get(file_id)
        if row is None or not self.sees(viewer, row):
            raise not_found(file_id)
        return row

    @behaviour(
        "documented", "Who has only an old link sees its file with X-Goog-Drive-Resource-Keys: id/key; else 404."
    )
    @behaviour("documented", "With drive.file alone, an app sees the root and what it made; anything else is 404.")
    @behaviour("documented", "Items of shared drives are 404 unless supportsAllDrives=true.")
    def sees(self, viewer: Viewer, row: Doc) -> bool:
        """Whether the viewer may know of this row."""
        if row["drive"] and not viewer.all_drives:
            return False
        if viewer.own_files_only and row["parent"] and viewer.client not in row["apps"]:
            return False
        return self.role(viewer.person, row) is not None or any(
            one.get("link") and f"{one['id']}/{one['link']}" in viewer.keys for one in self.upwards(row)
        )

    def role(self, person: Person, row: Doc) -> str | None:
        """owner, organizer, writer, reader, or None."""
        if row["drive"]:
            staff = person.role != "student" and person.school == self._drives[row["drive"]]["school"]
            return "organizer" if staff else None
        if row["owner"] == person.email:
            return "owner"
        shares = (one.get("shared", {}).get(person.email) for one in self.upwards(row))
        return next((role for role in shares if role), None)

    def upwards(self, row: Doc) -> Iterator[Doc]:
        """The row itself, its parent, and so on to a root."""
        at: Doc | None = row
        while at is not None:
            yield at
            at = self.get(at["parent"]) if at["parent"] else None

    def trashed(self, row: Doc) -> bool:
        """Trashed itself or with a folder above it."""
        return any(one["trashed"] for one in self.upwards(row))

    def below(self, file_id: str) -> Iterator[str]:
        """Every id under a folder, deepest last."""
        stack = list(self.children.get(file_id, ()))
        while stack:
            at = stack.pop()
            yield at
            stack.extend(self.children.get(at, ()))

    def person(self, email: str | None) -> Person | None:
        """Who that address belongs to."""
        return self._box.people.find(email) if email else None

    def used(self, email: str) -> int:
        """Bytes that count against a person's quota."""
        return self._used.get(email, 0)

    def quota(self, email: str) -> int | None:
        """How many bytes the person may have; None: no limit."""
        limit: int | None = self._meta.get("quota", {}).get(email, QUOTA)
        return limit

    def limit(self, email: str, value: int | None) -> None:
        """Sets a person's quota."""
        self._meta.put("quota", {**self._meta.get("quota", {}), email: value})

    def root(self, person: Person) -> str:
        """The id of a person's root folder, made at first use."""
        root = "0A" + identity("root", person.email)[1:12] + "Uk9PVA"
        if root not in self._rows:
            self.put(self.fresh(root, "My Drive", FOLDER, None, owner=person.email, at=NEW_YEAR))
        return root

    def drives(self, person: Person) -> list[Doc]:
        """The shared drives of a person's school, for its staff."""
        return [row for row in self._drives.values() if row["school"] == person.school and person.role != "student"]

    def add_drive(self, name: str, school: str, at: int) -> str:
        """A new shared drive with its root folder; its id."""
        drive = "0A" + identity("drive", school, name)[1:12] + "Uk9PVA"
        self._drives.put(drive, {"id": drive, "name": name, "school": school, "created": at})
        self.put(self.fresh(drive, name, FOLDER, None, drive=drive, at=at))
        return drive

    def fresh(
        self,
        file_id: str,
        name: str,
        mime: str,
        parent: str | None,
        *,
        owner: str | None = None,
        drive: str | None = None,
        app: str | None = None,
        at: int | None = None,
    ) -> Doc:
        """A new row, not yet put."""
        moment = self.now() if at is None else at
        row = {"id": file_id, "name": name, "mime": mime, "parent": parent, "owner": owner, "drive": drive}
        apps = [app] if app else []
        return row | {"apps": apps, "created": moment, "modified": moment, "version": 0, "trashed": False}

    def put(self, row: Doc) -> Doc:
        """Keeps a row, new or changed: its version and the tree's seq go up."""
        old = self._rows.get(row["id"])
        if old is not None:
            self._index(old, -1)
        self.seq += 1
        row = {**row, "version": row["version"] + 1, "seq": self.seq, "changed": self.now()}
        self._index(row, 1)
        self._rows.put(row["id"], row)
        if old is not None and old.get("blob") and old["blob"] != row.get("blob"):
            self._box.store.blob(old["blob"]).unlink(missing_ok=True)
        return row

    def remove(self, file_ids: Iterable[str]) -> None:
        """Forgets rows for ever, with their bytes; they stay in the changes feed as removed."""
        with self._box.store.batch():
            for file_id in list(file_ids):
                row = self._rows.drop(file_id)
                if row is None:
                    continue
                self._index(row, -1)
                self.children.pop(file_id, None)
                self.seq += 1
                readers = [row["owner"] or "", *row.get("shared", {})]
                self._gone.put(file_id, {"seq": self.seq, "changed": self.now(), "readers": readers})
                if row.get("blob"):
                    self._box.store.blob(row["blob"]).unlink(missing_ok=True)

    def gone(self, person: Person, since: int) -> list[tuple[str, Doc]]:
        """What was removed for this person after a seq."""
        return [(key, row) for key, row in self._gone.items() if row["seq"] > since and person.email in row["readers"]]

    def new_id(self) -> str:
        """An id that `issued` will know: nobody can make one up."""
        head = "1" + secrets.token_urlsafe(15)
        return head + self._mark(head)

    def issued(self, file_id: str) -> bool:
        """Whether `new_id` made it."""
        return len(file_id) == 33 and hmac.compare_digest(file_id[21:].encode(), self._mark(file_id[:21]).encode())

    def _mark(self, head: str) -> str:
        digest = hmac.digest(self._secret, head.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode()[:12]

    def _index(self, row: Doc, sign: int) -> None:
        siblings = self.children.setdefault(row["parent"] or "", {})
        if sign > 0:
            siblings[row["id"]] = None
        else:
            siblings.pop(row["id"], None)
        if row["owner"]:
            self._used[row["owner"]] = self.used(row["owner"]) + sign * (row.get("size") or 0)


class Facts:
    """What a query may ask of one row, computed when it is asked for."""

    def __init__(self, tree: Tree, viewer: Viewer, row: Doc) -> None:
        self._tree, self._viewer, self._row = tree, viewer, row

    def __getitem__(self, name: str) -> Any:
        direct = {"name": "name", "mimeType": "mime", "modifiedTime": "modified", "createdTime": "created"}
        if name in direct:
            return self._row[direct[name]]
        return getattr(self, "_" + name.replace(".", "_"))()

    def _parents(self) -> tuple[str, ...]:
        parent = self._row["parent"]
        return (parent, "root") if parent == self._tree.root(self._viewer.person) else (parent,)

    def _trashed(self) -> bool:
        return self._tree.trashed(self._row)

    def _starred(self) -> bool:
        return bool(self._row.get("starred"))

    def _sharedWithMe(self) -> bool:  # noqa: N802 - named by the query language
        return self._viewer.person.email in self._row.get("shared", {})

    def _owners(self) -> tuple[str, ...]:
        owner = self._row["owner"]
        return (owner, "me") if owner == self._viewer.person.email else (owner,)

    def _writers(self) -> tuple[str, ...]:
        return (*self._owners(), *(who for who, role in self._row.get("shared", {}).items() if role == "writer"))

    def _readers(self) -> tuple[str, ...]:
        return (*self._owners(), *self._row.get("shared", {}))

    def _visibility(self) -> str:
        return "limited"

    def _viewedByMeTime(self) -> int | None:  # noqa: N802
        return None

    def _sharedWithMeTime(self) -> int | None:  # noqa: N802
        return self._row["created"] if self._sharedWithMe() else None

    def _properties(self) -> dict[str, str]:
        return self._row.get("properties") or {}

    def _appProperties(self) -> dict[str, str]:  # noqa: N802
        return self._row.get("appProperties") or {}

    def _shortcutDetails_targetId(self) -> str:  # noqa: N802
        return self._row.get("target") or ""

    def _fullText(self) -> str:  # noqa: N802
        doc = self._row.get("doc") or {}
        return " ".join([self._row["name"], self._row.get("description") or "", *doc.get("paragraphs", ())])
