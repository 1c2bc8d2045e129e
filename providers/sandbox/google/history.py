"""The revisions of every file: what its content was, and the bytes of it. Knows rows, no person and no HTTP.

A file that never changed has no entry here: its one revision is what the row says. A revision is
``id name mime at by keep`` with ``blob size md5`` of a file, or the ``doc`` of a document.
"""

from __future__ import annotations

from providers.sandbox.behaviours import behaviour
from providers.sandbox.store import Doc, Store

KEPT = 100


class History:
    """The older contents of files."""

    def __init__(self, store: Store) -> None:
        self._store, self._older = store, store.table("revisions")

    def of(self, row: Doc) -> list[Doc]:
        """The revisions of a row, the oldest first; the last one is the head. Empty for what has no content."""
        if not row.get("blob") and "doc" not in row:
            return []
        return [*self._older.get(row["id"], {}).get("items", ()), _head(row)]

    @behaviour("documented", "New content makes a revision; of those not kept for ever the newest hundred stay.")
    def replaced(self, old: Doc, new: Doc) -> None:
        """Keeps the old content where the new row has another one."""
        same = old.get("blob") == new.get("blob") and old.get("doc") == new.get("doc")
        if same or not self.of(old):
            return
        items = self.of(old)
        loose = [one for one in items if not one["keep"]]
        dropped = loose[: max(0, len(loose) - KEPT + 1)]
        self._write(old["id"], [one for one in items if one not in dropped])
        self._unlink(dropped)

    def keep(self, row: Doc, revision: str, keep: bool) -> None:
        """Marks an older revision as kept for ever, or not. (The head's mark lies in its row.)"""
        items = [{**one, "keep": keep} if one["id"] == revision else one for one in self.of(row)[:-1]]
        self._write(row["id"], items)

    def drop(self, row: Doc, revision: str) -> None:
        """Forgets an older revision with its bytes."""
        items = self.of(row)[:-1]
        self._write(row["id"], [one for one in items if one["id"] != revision])
        self._unlink([one for one in items if one["id"] == revision])

    def forget(self, row: Doc) -> None:
        """The file is gone: every content of it goes."""
        self._unlink(self.of(row))
        self._older.drop(row["id"])

    def _write(self, file_id: str, items: list[Doc]) -> None:
        self._older.put(file_id, {"items": items})

    def _unlink(self, revisions: list[Doc]) -> None:
        for one in revisions:
            if one.get("blob") and not one["blob"].startswith("grown-"):  # those are one blob for many files
                self._store.blob(one["blob"]).unlink(missing_ok=True)


def _head(row: Doc) -> Doc:
    known = {"id": row.get("head") or str(row.get("edition", 1)), "name": row["name"], "mime": row["mime"]}
    known |= {"at": row["modified"], "by": row.get("writer") or row["owner"], "keep": bool(row.get("keep"))}
    return known | {name: row[name] for name in ("blob", "size", "md5", "doc") if name in row}
