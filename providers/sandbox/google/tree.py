"""The files of everyone in one tree of rows: who sees what, what lies where, what has changed. No HTTP, no wire form.

A row is a JSON document: ``id owner drive apps name mime parent created modified version seq trashed`` and, as they
apply, ``blob size md5 sha1 sha256 head doc target link anyone nocopy description properties appProperties marks`` and
  shared  {email: {role, at, by}}, who was given it by name
  per     {email: {starred, viewed, modified}}, what differs from person to person
Times are epoch milliseconds. ``seq`` counts every change in the whole tree: it is the token of the changes feed.
``apps`` names 'client email' for each app that made the file or was picked for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Sandbox
from providers.sandbox.google.drives import SharedDrives, strongest
from providers.sandbox.google.errors import forbidden, not_found
from providers.sandbox.google.grown import PREFIX, Grown
from providers.sandbox.google.history import History
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
    def app(self) -> str:
        """What a file's ``apps`` calls this app in this person's hands."""
        return f"{self.client} {self.person.email}"

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
        self._meta = box.store.table("meta")
        self.history, self.grown = History(box.store), Grown(box.store)
        self.children: dict[str, dict[str, None]] = {}
        self._used: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        if "ids" not in self._meta:
            self._meta.put("ids", {"secret": secrets.token_hex(16)})
        self._secret = bytes.fromhex(self._meta["ids"]["secret"])
        self.drives = SharedDrives(box.store, self.tick)
        numbered = (*self._rows.values(), *self._gone.values(), *self.drives.rows())
        self.seq = max([row.get("seq", 1) for row in numbered], default=1)
        for row in self._rows.values():
            self._index(row, 1)

    def tick(self) -> dict[str, int]:
        """What marks a change: the next number of the feed, and when."""
        self.seq += 1
        return {"seq": self.seq, "changed": self.now()}

    def now(self) -> int:
        """Epoch milliseconds by the stand-in's clock."""
        return int(self._box.now() * 1000)

    def __iter__(self) -> Iterator[Doc]:
        return iter(list(self._rows.values()))

    def get(self, file_id: str) -> Doc | None:
        """The row, whoever may see it."""
        row = self._rows.get(file_id)
        return row if row is not None or not file_id.startswith(PREFIX) else self.computed(file_id)

    def computed(self, file_id: str) -> Doc | None:
        """A child of a grown folder that nobody has changed or removed yet."""
        folder = self._rows.get(self.grown.folder(file_id) or "")
        if folder is None or file_id in self._rows or file_id in self._gone:
            return None
        return self.grown.row(file_id, folder)

    def find(self, viewer: Viewer, file_id: str) -> Doc:
        """The row that this viewer may see; 'root' is their own root folder. Refused 404 otherwise."""
        if file_id == "root":
            file_id = self.root(viewer.person)
        row = self.get(file_id)
        if row is None or not self.sees(viewer, row):
            raise not_found(file_id)
        return row

    @behaviour(
        "documented",
        "A link with a resource key opens its file, or its folder's content, with"
        " X-Goog-Drive-Resource-Keys: id/key; without it 404.",
    )
    @behaviour("documented", "With drive.file alone, an app sees the root and what it made or was given; else 404.")
    @behaviour("documented", "What lies in a picked folder is not picked with it.")
    @behaviour("documented", "Items of shared drives are 404 unless supportsAllDrives=true.")
    def sees(self, viewer: Viewer, row: Doc) -> bool:
        """Whether the viewer may know of this row."""
        if row["drive"] and not viewer.all_drives:
            return False
        if viewer.own_files_only and row["parent"] and viewer.app not in row["apps"]:
            return False
        return self.role(viewer.person, row, viewer.keys) is not None

    def role(self, person: Person, row: Doc, keys: frozenset[str] = frozenset()) -> str | None:
        """The strongest of owner, organizer, fileOrganizer, writer, commenter, reader that they have; or None."""
        if row["owner"] == person.email:
            return "owner"
        roles = [self.drives.role(person, row["drive"])] if row["drive"] else []
        for one in self.upwards(row):
            given = one.get("shared", {}).get(person.email)
            roles.append(given["role"] if given else "writer" if one["owner"] == person.email else None)
            if "link" in one or "anyone" in one:
                roles.append(_by_link(one, keys))
        return strongest(roles)

    def named(self, person: Person, row: Doc) -> bool:
        """Whether it is theirs by name: owned, shared with them or in a drive of theirs; not only by a link."""
        return self.sharing(person, row) is not None or row["owner"] == person.email or bool(row["drive"])

    def sharing(self, person: Person, row: Doc) -> Doc | None:
        """How this very item, or the nearest folder above it, was shared with a person: role, at, by."""
        found = (one.get("shared", {}).get(person.email) for one in self.upwards(row))
        return next((given for given in found if given), None)

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

    def people(self) -> list[Person]:
        """Everyone."""
        return self._box.people.all()

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

    def add_drive(self, name: str, school: str, at: int) -> str:
        """A new shared drive with its root folder; its id."""
        drive = "0A" + identity("drive", school, name)[1:12] + "Uk9PVA"
        self.drives.put({"id": drive, "name": name, "school": school, "created": at})
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
            self.history.replaced(old, row)
        row = {**row, "version": row["version"] + 1, **self.tick()}
        self._index(row, 1)
        return self._rows.put(row["id"], row)

    def learn(self, row: Doc, facts: Doc) -> Doc:
        """The row with what was found out about its bytes, which is no change; kept if it still has them."""
        known = self._rows.get(row["id"])
        if known is not None and known.get("blob") == row["blob"]:
            self._rows.put(row["id"], {**known, **facts})
        return {**row, **facts}

    def blob(self, name: str) -> Path:
        """Where the bytes of that name lie."""
        return self._box.store.blob(name)

    def relocate(self, row: Doc) -> Doc:
        """Puts a moved row; where it changes drives, all that lies below goes to the new owner or drive with it."""
        old = self._rows.get(row["id"], row)
        with self._box.store.batch():
            if (old["drive"], old["owner"]) != (row["drive"], row["owner"]):
                for file_id in self.below(row["id"]):
                    self.put({**self._rows[file_id], "drive": row["drive"], "owner": row["owner"]})
            return self.put(row)

    def remove(self, file_ids: Iterable[str]) -> None:
        """Forgets rows for ever, with their bytes; they stay in the changes feed as removed."""
        doomed = [(row, self.readers(row)) for row in map(self.get, list(file_ids)) if row is not None]
        with self._box.store.batch():
            for row, readers in doomed:
                if self._rows.drop(row["id"]) is not None:
                    self._index(row, -1)
                self.children.pop(row["id"], None)
                self._gone.put(row["id"], {**self.tick(), "readers": readers, "drive": row["drive"]})
                self.history.forget(row)

    def readers(self, row: Doc) -> list[str]:
        """The addresses of everyone who is told that it has gone."""
        shared = [email for one in self.upwards(row) for email in one.get("shared", {})]
        members = self.drives.members(row["drive"], self.people()) if row["drive"] else {}
        return list(dict.fromkeys([row["owner"] or "", *shared, *members]))

    def lose(self, row: Doc, email: str) -> None:
        """One person does not see a row any more: the feed tells them that it was removed."""
        self._gone.put(f"{row['id']} {email}", {**self.tick(), "readers": [email], "drive": row["drive"]})

    def gone(self, person: Person, since: int) -> list[tuple[str, Doc]]:
        """What was removed for this person after a seq."""
        found = [(key.partition(" ")[0], row) for key, row in self._gone.items() if row["seq"] > since]
        return [(file_id, row) for file_id, row in found if person.email in row["readers"]]

    @behaviour("documented", "A shared drive holds so many items (500,000, or as the state says): 403 beyond.")
    def check_room(self, drive: str | None, more: int = 1) -> None:
        """Refused where the shared drive cannot take so many more."""
        if drive and self.counts.get(drive, 0) + more > self.drives.limit(drive):
            raise forbidden("teamDriveFileLimitExceeded", "The file limit for this shared drive has been exceeded.")

    @property
    def oldest_change(self) -> int:
        """The smallest token of the feed that is still known."""
        return int(self._meta.get("changes", {}).get("oldest", 1))

    def forget_changes(self) -> None:
        """Every token that was given so far is refused."""
        self._meta.put("changes", {"oldest": self.tick()["seq"]})

    def new_id(self) -> str:
        """An id that `issued` will know: nobody can make one up."""
        head = "1" + secrets.token_urlsafe(15)
        return head + self._mark(head)

    def issued(self, file_id: str) -> bool:
        """Whether `new_id` made it."""
        return len(file_id) == 33 and hmac.compare_digest(file_id[21:].encode(), self._mark(file_id[:21]).encode())

    def sign(self, text: str) -> str:
        """A mark that only this stand-in can make of a text."""
        return self._mark(text)

    def _mark(self, head: str) -> str:
        digest = hmac.digest(self._secret, head.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode()[:12]

    def _index(self, row: Doc, sign: int) -> None:
        siblings = self.children.setdefault(row["parent"] or "", {})
        if sign > 0:
            siblings[row["id"]] = None
        else:
            siblings.pop(row["id"], None)
        if row["drive"]:
            self.counts[row["drive"]] = self.counts.get(row["drive"], 0) + sign
        if row["owner"]:
            self._used[row["owner"]] = self.used(row["owner"]) + sign * (row.get("size") or 0)


def _by_link(row: Doc, keys: frozenset[str]) -> str | None:
    if row.get("link") and f"{row['id']}/{row['link']}" not in keys:
        return None
    return str(row.get("anyone", {}).get("role", "reader"))
