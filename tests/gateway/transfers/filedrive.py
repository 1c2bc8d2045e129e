"""A drive on disk for the tests of transfers: it obeys its `Traits`, outlives whoever uses it, and can fail.

It stands for a server: what it has accepted stays, an upload keeps the bytes that arrived, a request may succeed
although its answer is lost. `Trip` makes a verb fail, or the whole process die, at a chosen step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.ids import new_id
from providers import hashes, names
from providers.drive import (
    Entry,
    Kind,
    NewFile,
    OnConflict,
    Page,
    Progress,
    Read,
    Ref,
    Traits,
    UploadSession,
)
from providers.errors import Changed, NameTaken, NotFound, SessionLost, SizeRequired, Untrusted
from tests.gateway.transfers.trip import EXPORTS, LOOSE, SCHEMA, STRICT, UNIT, FileRead, Trip, body, dump

__all__ = ["LOOSE", "STRICT", "UNIT", "FileDrive", "Trip", "body", "dump"]


class FileDrive:
    """All verbs of `providers.drive.Drive` below ``folder``. A document's export differs each time."""

    def __init__(self, folder: Path, traits: Traits, trip: Trip | None = None, *, page: int = 3) -> None:
        self.traits = traits
        self.trip = trip or Trip()
        self.incomplete: set[str] = set()
        self.chunk = UNIT
        self._page = page
        self._born = datetime(2026, 1, 1 + int(folder.name == "right"), tzinfo=UTC)  # no two drives share a time
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "drive.db", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)
        self._db.execute(
            "INSERT OR IGNORE INTO items (id, name, kind, version, modified) VALUES ('top', 'Top', 'folder', 1, ?)",
            (datetime(2026, 1, 1, tzinfo=UTC).isoformat(),),
        )

    def put(
        self, parent: str, name: str, body: bytes = b"", kind: Kind = Kind.FILE, media_type: str = "text/plain"
    ) -> str:
        """An item that was always there."""
        made = new_id()
        (self._blobs / made).write_bytes(body)
        self._insert(made, parent, name, kind, media_type, made, len(body))
        return made

    def shortcut(self, parent: str, name: str, target: str) -> str:
        """What points to another item."""
        made = new_id()
        self._insert(made, parent, name, Kind.SHORTCUT, "shortcut", None, None, None, str(Ref("", target)))
        return made

    def folder(self, parent: str, name: str) -> str:
        """A folder that was always there."""
        return self.put(parent, name, kind=Kind.FOLDER)

    def change(self, item: str, body: bytes) -> None:
        """Somebody saves a new version."""
        blob = new_id()
        (self._blobs / blob).write_bytes(body)
        self._db.execute("UPDATE items SET blob=?, size=?, version=version+1 WHERE id=?", (blob, len(body), item))

    def tree(self, parent: str = "top") -> dict[str, Any]:
        """What lies below: names to bytes, or to a further tree. Two of one name are an assertion of their own."""
        found: dict[str, Any] = {}
        for row in self._children(parent):
            assert row["name"] not in found, f"a twin of {row['name']}"
            is_folder = row["kind"] == "folder"
            blob = row["blob"]
            found[row["name"]] = (
                self.tree(row["id"]) if is_folder else (self._blobs / blob).read_bytes() if blob else b""
            )
        return found

    def trashed(self) -> list[str]:
        """Names in the trash."""
        return sorted(row["name"] for row in self._db.execute("SELECT name FROM items WHERE trashed=1"))

    def sessions(self) -> int:
        """Uploads that were begun and neither finished nor given up."""
        return int(self._db.execute("SELECT count(*) FROM sessions WHERE item IS NULL").fetchone()[0])

    # reading

    async def root(self) -> Ref:
        return Ref("", "top")

    async def stat(self, ref: Ref) -> Entry:
        self.trip.call("stat")
        return self._entry(self._row(ref))

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        self.trip.call("children")
        self._row(ref)
        rows, start = self._children(ref.id), int(cursor or 0)
        more = start + self._page < len(rows)
        return Page(
            [self._entry(row) for row in rows[start : start + self._page]],
            str(start + self._page) if more else None,
            complete=ref.id not in self.incomplete,
        )

    @asynccontextmanager
    async def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AsyncIterator[Read]:
        self.trip.call("read")
        row = self._row(ref)
        if version is not None and version != str(row["version"]):
            raise Changed
        body = self._blobs / row["blob"]
        size = row["size"]
        if export is not None:
            body = self._blobs / new_id()
            body.write_bytes(f"export {new_id()} ".encode() + (self._blobs / row["blob"]).read_bytes())
            size = None
        pieces = self._pieces(body, start, stop, ref.id)
        yield FileRead(start, None if size is None else (stop or size) - start, size, str(row["version"]), pieces)

    async def _pieces(self, body: Path, start: int, stop: int | None, name: str) -> AsyncIterator[bytes]:
        with body.open("rb") as file:
            file.seek(start)
            at, end = start, body.stat().st_size if stop is None else stop
            while at < end:
                self.trip.call("piece")
                piece = file.read(min(self.chunk, end - at))
                self.trip.log.append((name, f"{at}-{at + len(piece)}"))
                at += len(piece)
                yield piece

    # writing

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        self.trip.call("make_folder")
        self._row(parent)
        names.check(name, self.traits)
        self._see_free(parent.id, name)
        made = new_id()
        self._insert(made, parent.id, name, Kind.FOLDER, "folder", None, None)
        self.trip.answer("make_folder")
        return self._entry(self._row(Ref("", made)))

    async def begin(self, new: NewFile) -> UploadSession:
        self.trip.call("begin")
        self._row(new.parent)
        names.check(new.name, self.traits)
        if new.size is None and self.traits.needs_size:
            raise SizeRequired
        if new.replaces is None:
            self._see_free(new.parent.id, new.name)
        elif str(self._row(new.replaces[0])["version"]) != new.replaces[1]:
            raise Changed
        secret, made = new_id(), new.replaces[0].id if new.replaces else new.id or new_id()
        session = UploadSession(self.traits.kind, secret.encode(), replace(new, id=made))
        self._db.execute("INSERT INTO sessions (id, spec) VALUES (?, ?)", (secret, session.dump().decode()))
        (self._blobs / secret).write_bytes(b"")
        return session

    async def progress(self, session: UploadSession) -> Progress:
        self.trip.call("progress")
        row = self._session(session)
        if row["item"] is not None:
            return Progress(
                (self._blobs / session.secret.decode()).stat().st_size, self._entry(self._by_id(row["item"]))
            )
        return Progress(self._arrived(session))

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        self.trip.call("send")
        self._session(session)
        assert self._arrived(session) == offset, "bytes would be lost or doubled"
        assert last or length % self.traits.alignment == 0, "a piece that is not aligned"
        assert self.traits.max_piece is None or length <= self.traits.max_piece, "a piece that is too large"
        with (self._blobs / session.secret.decode()).open("ab") as file:
            sent = 0
            async for piece in data:
                file.write(piece)
                file.flush()
                sent += len(piece)
                self.trip.step()
        if sent != length:
            raise Untrusted("the body was not as long as announced")
        done = self._finish(session) if last else None
        self.trip.answer("send")
        return Progress(offset + sent, done)

    async def abort(self, session: UploadSession) -> None:
        self.trip.call("abort")
        self._db.execute("DELETE FROM sessions WHERE id=? AND item IS NULL", (session.secret.decode(),))

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        self.trip.call("relocate")
        row = self._row(ref)
        to, called = parent.id if parent else row["parent"], name or row["name"]
        self._see_free(to, called)
        self._db.execute("UPDATE items SET parent=?, name=? WHERE id=?", (to, called, ref.id))
        self.trip.answer("relocate")
        return self._entry(self._row(ref))

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        self.trip.call("trash")
        row = self._by_id(ref.id)
        if row["trashed"]:
            return
        if version is not None and version != str(row["version"]):
            raise Changed
        self._db.execute("UPDATE items SET trashed=1 WHERE id=?", (ref.id,))
        self.trip.answer("trash")

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        self._db.execute("DELETE FROM items WHERE id=?", (ref.id,))

    # inside

    def _finish(self, session: UploadSession) -> Entry:
        spec = session.spec
        blob = self._blobs / session.secret.decode()
        size = blob.stat().st_size
        if spec.size is not None and spec.size != size:
            raise Untrusted("not the size that was announced")
        if spec.replaces is None:
            self._see_free(spec.parent.id, spec.name, last=True)
        assert spec.id is not None
        made = self._rewritten(blob, spec.media_type)
        self._db.execute("BEGIN IMMEDIATE")
        self._store(spec, made)
        self._db.execute("UPDATE sessions SET item=? WHERE id=?", (spec.id, session.secret.decode()))
        self._db.execute("COMMIT")
        return self._entry(self._by_id(spec.id))

    def _store(self, spec: NewFile, made: Path) -> None:
        assert spec.id is not None
        kind = Kind.DOCUMENT if spec.convert else Kind.FILE
        if spec.replaces is not None:
            self._db.execute(
                "UPDATE items SET blob=?, size=?, version=version+1, modified=? WHERE id=?",
                (made.name, made.stat().st_size, spec.modified.isoformat(), spec.id),
            )
            return
        self._insert(
            spec.id, spec.parent.id, spec.name, kind, spec.media_type, made.name, made.stat().st_size, spec.modified
        )

    def _rewritten(self, blob: Path, media_type: str) -> Path:
        """Some providers alter some files as they store them."""
        if media_type not in self.traits.rewrites:
            return blob
        other = self._blobs / new_id()
        other.write_bytes(blob.read_bytes() + b" stamped by the provider")
        return other

    def _arrived(self, session: UploadSession) -> int:
        return (self._blobs / session.secret.decode()).stat().st_size

    def _session(self, session: UploadSession) -> sqlite3.Row:
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM sessions WHERE id=?", (session.secret.decode(),)
        ).fetchone()
        if row is None:
            raise SessionLost
        return row

    def lose_sessions(self) -> None:
        """The provider forgets all uploads under way, and the ends of finished ones."""
        self._db.execute("DELETE FROM sessions")

    def _see_free(self, parent: str, name: str, *, last: bool = False) -> None:
        """Before anything is made; where names need not be unique, only as far as a look beforehand can tell."""
        if last and not self.traits.unique_names:
            return
        key = str if self.traits.case_sensitive else names.collision_key
        if key(name) in {key(row["name"]) for row in self._children(parent)}:
            raise NameTaken

    def _insert(
        self, made: str, parent: str, name: str, kind: Kind, media_type: str, blob: str | None, size: int | None,
        modified: datetime | None = None, target: str | None = None,
    ) -> None:  # fmt: skip
        (count,) = self._db.execute("SELECT count(*) FROM items").fetchone()
        when = modified or self._born + timedelta(minutes=count)
        self._db.execute(
            "INSERT INTO items (id, parent, name, kind, media_type, version, modified, blob, size, target)"
            " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
            (made, parent, name, kind, media_type, when.isoformat(), blob, size, target),
        )

    def _children(self, parent: str) -> list[sqlite3.Row]:
        query = "SELECT * FROM items WHERE parent=? AND trashed=0 ORDER BY rowid"
        return list(self._db.execute(query, (parent,)))

    def _row(self, ref: Ref) -> sqlite3.Row:
        row = self._by_id(ref.id)
        if row["trashed"]:
            raise NotFound
        return row

    def _by_id(self, item: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM items WHERE id=?", (item,)).fetchone()
        if row is None:
            raise NotFound
        return row

    def _entry(self, row: sqlite3.Row) -> Entry:
        kind = Kind(row["kind"])
        stated: dict[str, bytes] = {}
        if kind is Kind.FILE:
            running = hashes.new(self.traits.hash)
            running.update((self._blobs / row["blob"]).read_bytes())
            stated[self.traits.hash] = running.digest()
        return Entry(
            ref=Ref("", row["id"]),
            parent=Ref("", row["parent"]) if row["parent"] else None,
            name=row["name"],
            kind=kind,
            media_type=row["media_type"] or "folder",
            target=Ref.parse(row["target"]) if row["target"] else None,
            size=row["size"] if kind is Kind.FILE else None,
            version=str(row["version"]),
            modified=datetime.fromisoformat(row["modified"]),
            hashes=stated,
            exports=EXPORTS if kind is Kind.DOCUMENT else (),
            flags=frozenset({"trashed"} if row["trashed"] else ()),
        )
