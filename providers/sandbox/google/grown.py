"""Folders with very many files, or very large ones, made by request: each child is computed from its number.

Its bytes are those of all children of that size, made up once and hashed once, so that a terabyte of them takes as
much room as one file. A child becomes a row of its own once it is changed. Until then it counts against no quota and
shows up in its folder's listings and by its id only, not in searches over a whole drive nor in the feed of changes.
Higher numbers are older.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

from providers.sandbox.generated import blocks
from providers.sandbox.store import Doc, Store
from providers.sandbox.transfer import Digests

PREFIX, DIGITS = "1g", 7
CONTENT = b"one of very many\n"


class Grown:
    """The computed children of folders."""

    def __init__(self, store: Store) -> None:
        self._store, self._folders = store, store.table("grown")

    def plant(self, folder: Doc, wanted: int | Mapping[str, int]) -> None:
        """From now on the folder has so many children, from number 0 on, beside its real ones.

        ``wanted``: the count, or {"count", "size"} with the bytes of each (the first such folder takes 3 s a GB).
        """
        known = {"count": wanted} if isinstance(wanted, int) else {**wanted}
        size = known.get("size", len(CONTENT))
        made = self._made(size)
        self._folders.put(_mark(folder["id"]), {"folder": folder["id"], "count": known["count"], "size": size, **made})

    def _made(self, size: int) -> Doc:
        """The blob that all children of a size share, with its hashes; made at the first wish."""
        blob, algorithms = f"grown-{size}", {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256}
        for kept in self._folders.values():
            if kept["blob"] == blob:
                return {name: kept[name] for name in ("blob", "head", *algorithms)}
        hashes = Digests(algorithms)
        with self._store.blob(blob).open("wb") as file:
            for block in [CONTENT] if size == len(CONTENT) else blocks(size, blob):
                file.write(block)
                hashes.update(block)
        found = {name: digest.hex() for name, digest in hashes.values().items()}
        return {"blob": blob, "head": "0B" + found["sha256"][:46], **found}

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
        return row | {name: kept[name] for name in ("blob", "head", "size", "md5", "sha1", "sha256")}

    def ids(self, folder: str, begin: int, *, backwards: bool) -> Iterator[str]:
        """The ids of all but the first so many of them, by number."""
        numbers, mark = range(self.count(folder))[:: -1 if backwards else 1][begin:], _mark(folder)
        return (f"{PREFIX}{number:0{DIGITS}}{mark}" for number in numbers)


def _mark(folder: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(folder.encode()).digest()).decode()[:24]
