"""What the query language and orderBy may ask of one row before one person, computed when it is asked for."""

from __future__ import annotations

from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.tree import Tree, Viewer
from providers.sandbox.store import Doc

_DIRECT = {"name": "name", "mimeType": "mime", "modifiedTime": "modified", "createdTime": "created"}


@behaviour("documented", "Starred, viewedByMeTime and modifiedByMeTime are each person's own.")
@behaviour("assumed", "Who makes a file has viewed it; reading bytes through the API does not count as viewing.")
def personal(row: Doc, email: str, name: str) -> Any:
    """What one person has of a row: ``starred``, ``viewed`` or ``modified``; None where nothing."""
    return row.get("per", {}).get(email, {}).get(name)


def marked(row: Doc, email: str, **changes: Any) -> Doc:
    """The row with one person's marks changed."""
    per = row.get("per", {})
    return {**row, "per": {**per, email: {**per.get(email, {}), **changes}}}


@behaviour("documented", "sharedWithMe: what was itself, not by its folder, shared by name with the person.")
def shared_at(row: Doc, email: str) -> int | None:
    """When this very item was shared with a person."""
    given = row.get("shared", {}).get(email)
    return None if given is None or row["drive"] else int(given["at"])


class Facts:
    """One row before one viewer; a fact is asked for by its name in the query language."""

    def __init__(self, tree: Tree, viewer: Viewer, row: Doc) -> None:
        self._tree, self._viewer, self._row = tree, viewer, row
        self._email = viewer.person.email

    def __getitem__(self, name: str) -> Any:
        if name in _DIRECT:
            return self._row[_DIRECT[name]]
        return getattr(self, "_" + name.replace(".", "_"))()

    def _parents(self) -> tuple[str, ...]:
        parent = self._row["parent"]
        return (parent, "root") if parent == self._tree.root(self._viewer.person) else (parent,)

    def _trashed(self) -> bool:
        return self._tree.trashed(self._row)

    def _starred(self) -> bool:
        return bool(personal(self._row, self._email, "starred"))

    def _sharedWithMe(self) -> bool:  # noqa: N802 - named by the query language
        return shared_at(self._row, self._email) is not None

    def _owners(self) -> tuple[str, ...]:
        owner = self._row["owner"]
        return (owner, "me") if owner == self._email else (owner,)

    def _writers(self) -> tuple[str, ...]:
        named = self._row.get("shared", {}).items()
        return (*self._owners(), *(who for who, given in named if given["role"] == "writer"))

    def _readers(self) -> tuple[str, ...]:
        return (*self._owners(), *self._row.get("shared", {}))

    def _visibility(self) -> str:
        return "anyoneWithLink" if "anyone" in self._row or "link" in self._row else "limited"

    def _viewedByMeTime(self) -> int | None:  # noqa: N802
        viewed: int | None = personal(self._row, self._email, "viewed")
        return viewed

    def _modifiedByMeTime(self) -> int | None:  # noqa: N802
        modified: int | None = personal(self._row, self._email, "modified")
        return modified

    def _sharedWithMeTime(self) -> int | None:  # noqa: N802
        return shared_at(self._row, self._email)

    def _recency(self) -> int:
        times = (self._viewedByMeTime(), self._modifiedByMeTime(), self._sharedWithMeTime(), self._row["created"])
        return max(time for time in times if time is not None)

    def _quotaBytesUsed(self) -> int:  # noqa: N802
        return int(self._row.get("size") or 0)

    def _properties(self) -> dict[str, str]:
        return self._row.get("properties") or {}

    @behaviour("documented", "appProperties are private to the app that wrote them.")
    def _appProperties(self) -> dict[str, str]:  # noqa: N802
        return dict((self._row.get("appProperties") or {}).get(self._viewer.client, {}))

    def _shortcutDetails_targetId(self) -> str:  # noqa: N802
        return self._row.get("target") or ""

    def _fullText(self) -> str:  # noqa: N802
        doc = self._row.get("doc") or {}
        hint = (self._row.get("hints") or {}).get("indexableText") or ""
        return " ".join([self._row["name"], self._row.get("description") or "", hint, *doc.get("paragraphs", ())])
