"""The state of a stand-in on disk: documents in memory behind an append-only log, bytes in plain files.

Handlers run on one event loop and change documents without awaiting, so every change is atomic for every reader. A
change returns after its log line is in the kernel: kill -9 loses nothing, a torn last line is dropped at the next
start. (A power cut may lose the last seconds; nobody keeps real work here.) Not for real data: nothing is sealed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Doc = dict[str, Any]


class Table(Mapping[str, Doc]):
    """Documents by key, in the order of their first `put`. Treat what you read as frozen; `put` a changed copy."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self.rows: dict[str, Doc] = {}

    def __getitem__(self, key: str) -> Doc:
        return self.rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def put(self, key: str, doc: Doc) -> Doc:
        """Keeps the document (JSON values only) under the key."""
        self.rows[key] = doc
        self._store.append([self._name, key, doc])
        return doc

    def merge(self, key: str, **changes: Any) -> Doc:
        """Puts a copy with some fields changed. KeyError for an unknown key."""
        return self.put(key, {**self.rows[key], **changes})

    def drop(self, key: str) -> Doc | None:
        """Forgets a key; what it held, or None."""
        if key not in self.rows:
            return None
        self._store.append([self._name, key, None])
        return self.rows.pop(key)


class Store:
    """All tables of one stand-in, and its blobs folder. One process at a time: a second one gets OSError."""

    def __init__(self, folder: Path) -> None:
        self.blobs = folder / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self._path = folder / "state.jsonl"
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._tables: dict[str, Table] = {}
        self._batch: list[bytes] | None = None
        self._load()
        self._compact()

    def table(self, name: str) -> Table:
        """The table of that name; made empty where it is new."""
        return self._tables.setdefault(name, Table(self, name))

    def new_blob(self) -> Path:
        """A path for new bytes; nothing is there yet."""
        return self.blobs / secrets.token_hex(16)

    def blob(self, name: str) -> Path:
        """Where the bytes of that name lie."""
        return self.blobs / name

    def discard(self, name: str) -> None:
        """Takes the bytes of that name away, if there are any."""
        self.blob(name).unlink(missing_ok=True)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Several changes as one line in the log: after a crash all of them are there, or none. Do not await inside."""
        if self._batch is not None:
            yield
            return
        self._batch = []
        try:
            yield
        finally:
            lines, self._batch = self._batch, None
            if lines:
                self._write(b"[" + b",".join(lines) + b"]\n")

    def append(self, change: list[Any]) -> None:
        """One [table, key, document or None] into the log; `Table` calls this."""
        line = json.dumps(change, separators=(",", ":")).encode()
        if self._batch is None:
            self._write(b"[" + line + b"]\n")
        else:
            self._batch.append(line)

    def close(self) -> None:
        """Gives the folder back."""
        os.close(self._log)
        os.close(self._lock)

    def _write(self, line: bytes) -> None:
        written = os.write(self._log, line)
        while written < len(line):
            written += os.write(self._log, line[written:])

    def _load(self) -> None:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:  # what follows the last newline is torn
            for name, key, doc in json.loads(line):
                rows = self.table(name).rows
                if doc is None:
                    rows.pop(key, None)
                else:
                    rows[key] = doc

    def _compact(self) -> None:
        """Starts a log that holds only what is alive, beside the old one until it is whole."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            for name, table in self._tables.items():
                for key, doc in table.rows.items():
                    change = json.dumps([[name, key, doc]], separators=(",", ":"))
                    file.write(change.encode() + b"\n")
        fresh.replace(self._path)
        self._log = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
