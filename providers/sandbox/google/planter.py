"""Puts seeded things into the tree: the same ids, times and bytes at every start from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.sandbox.box import Sandbox
from providers.sandbox.generated import blocks
from providers.sandbox.google.content import filled, linked
from providers.sandbox.google.hashing import digests
from providers.sandbox.google.times import parse_time
from providers.sandbox.google.tree import FOLDER, SHORTCUT, Tree, identity
from providers.sandbox.people import Person
from providers.sandbox.transfer import Digests

START = parse_time("2026-09-01T08:00:00Z", "seed")
TEXT, PNG, BINARY = "text/plain", "image/png", "application/octet-stream"

Written = dict[tuple[str, bytes | int], tuple[str, Digests]]  # equal files of several people share their bytes


class Planter:
    """Puts things under one person's root, or another folder, each an hour after the one before."""

    def __init__(self, box: Sandbox, tree: Tree, person: Person, written: Written) -> None:
        self._box, self._tree, self._person, self._written = box, tree, person, written
        self.root = tree.root(person)
        self._at = START

    def folder(self, parent: str, name: str) -> str:
        """A folder; its id."""
        return self._put(parent, name, FOLDER, {})

    def shortcut(self, parent: str, name: str, target: str) -> str:
        """A shortcut to another item."""
        row = self._tree.get(target)
        assert row is not None, "targets come first"
        return self._put(parent, name, SHORTCUT, {"target": target, "targetMime": row["mime"]})

    def document(self, parent: str, name: str, mime: str, lines: Sequence[str], **more: Any) -> str:
        """A Doc, Sheet, Slides or Form with these paragraphs, rows or slides."""
        return self._put(parent, name, mime, {"doc": {"paragraphs": list(lines), **more}})

    def file(self, parent: str, name: str, mime: str, content: bytes | int, twin: str = "") -> str:
        """A file of these bytes, or of so many generated ones. ``twin`` keeps two of one name apart."""
        blob, hashes = self._bytes(name, content)
        drive = (self._tree.get(parent) or {})["drive"]
        row = self._row(parent, name + twin, name, mime, drive)
        return str(self._tree.put(filled(self._tree, row, blob, hashes, dated=True))["id"])

    def _bytes(self, name: str, content: bytes | int) -> tuple[str, Digests]:
        if (name, content) in self._written:
            blob, hashes = self._written[name, content]
            return linked(self._box.store, blob), hashes
        path, hashes = self._box.store.new_blob(), digests()
        with path.open("wb") as file:
            for block in [content] if isinstance(content, bytes) else blocks(content, name):
                file.write(block)
                hashes.update(block)
        self._written[name, content] = path.name, hashes
        return path.name, hashes

    def share(self, file_id: str, role: str, *people: Person) -> None:
        """Lets others see an item and what is below it."""
        row = self._tree.get(file_id)
        assert row is not None, "only what was planted is shared"
        given = {"role": role, "at": self._at, "by": self._person.email}
        self._tree.put({**row, "shared": {person.email: given for person in people}})

    def change(self, file_id: str, **changes: Any) -> None:
        """Sets fields of what was planted."""
        row = self._tree.get(file_id)
        assert row is not None, "only what was planted is changed"
        self._tree.put({**row, **changes})

    def rewrite(self, file_id: str, content: bytes) -> None:
        """New content for a file: one more revision."""
        row = self._tree.get(file_id)
        assert row is not None, "only what was planted is changed"
        self._at += 3_600_000
        blob, hashes = self._bytes(f"{file_id} {self._at}", content)
        self._tree.put({**filled(self._tree, row, blob, hashes, dated=True), "modified": self._at})

    def remove(self, file_id: str) -> None:
        """Takes it away for ever."""
        blob = (self._tree.get(file_id) or {}).get("blob")
        for key in [key for key, (known, _) in self._written.items() if known == blob]:
            del self._written[key]
        self._tree.remove([file_id])

    def _put(self, parent: str, name: str, mime: str, more: dict[str, Any]) -> str:
        row = self._row(parent, name, name, mime, (self._tree.get(parent) or {})["drive"])
        return str(self._tree.put({**row, **more})["id"])

    def _row(self, parent: str, key: str, name: str, mime: str, drive: str | None) -> dict[str, Any]:
        self._at += 3_600_000
        owner = None if drive else self._person.email
        file_id = identity("google", self._person.email, parent, key)
        return self._tree.fresh(file_id, name, mime, parent, owner=owner, drive=drive, at=self._at)
