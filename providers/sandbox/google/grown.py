"""Folders with very many files, made by request: each child is computed from its number and kept nowhere.

A child becomes a row of its own once it is changed. Until then it counts against no quota and shows up in its folder's
listings and by its id only, not in searches over a whole drive nor in the feed of changes. Higher numbers are older.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from providers.sandbox.store import Doc, Store

PREFIX, DIGITS = "1g", 7
CONTENT = b"one of very many\n"


class Grown:
    """The computed children of folders."""

    def __init__(self, store: Store) -> None:
        self._store, self._folders = store, store.table("grown")

    def plant(self, folder: Doc, count: int) -> None:
        """From now on the folder has children 0 up to count, beside its real ones."""
        blob = f"grown-{folder['id']}"
        self._store.blob(blob).write_bytes(CONTENT)
        head = "0B" + hashlib.sha256(CONTENT).hexdigest()[:46]
        self._folders.put(_mark(folder["id"]), {"folder": folder["id"], "count": count, "blob": blob, "head": head})

    def count(self, folder: str) -> int:
        """How many it has."""
        return int(self._folders.get(_mark(folder), {}).get("count", 0))

    def folder(self, file_id: str) -> str | None:
        """The folder of a computed child, or None where the id is none of those."""
        kept = self._folders.get(file_id[len(PREFIX) + DIGITS :]) if file_id.startswith(PREFIX) else None
        number = file_id[len(PREFIX) : len(PREFIX) + DIGITS]
        return str(kept["folder"]) if kept and number.isdecimal() and int(number) < kept["count"] else None

    def row(self, file_id: str, folder: Doc) -> Doc:
        """A computed child of that folder."""
        number, kept = int(file_id[len(PREFIX) : len(PREFIX) + DIGITS]), self._folders[_mark(folder["id"])]
        at = folder["created"] - number * 1000
        row = {"id": file_id, "name": f"item {number:0{DIGITS}}.txt", "mime": "text/plain", "parent": folder["id"]}
        row |= {"owner": folder["owner"], "drive": folder["drive"], "apps": [], "created": at, "modified": at}
        row |= {"version": 1, "trashed": False, "seq": folder["seq"], "changed": folder["changed"]}
        return row | {"blob": kept["blob"], "head": kept["head"], "size": len(CONTENT)}

    def ids(self, folder: str, begin: int, *, backwards: bool) -> Iterator[str]:
        """The ids of all but the first so many of them, by number."""
        numbers, mark = range(self.count(folder))[:: -1 if backwards else 1][begin:], _mark(folder)
        return (f"{PREFIX}{number:0{DIGITS}}{mark}" for number in numbers)


def _mark(folder: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(folder.encode()).digest()).decode()[:24]
