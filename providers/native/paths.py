"""Contents of files with the names that lead to them: opened a page at a time, whatever else there is in the tree."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CTE, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Fields, Scope
from providers.native.tables import nodes, versions
from providers.native.tree import Tree

FOLDERS: Final = 5_000
"""Folders whose names are remembered."""
_DEEPEST: Final = 10_000

Key = tuple[str, int]
"""The place of a content among all of its owner: its file, and its number there."""


@dataclass(frozen=True, slots=True)
class Content:
    """One content of a file: ``size`` in bytes, ``modified`` in epoch ms, ``path`` the names of the folders above it.

    ``current``: the one that the file has now. ``trashed``: it, or a folder above it, is in the trash.
    """

    key: Key
    version: str
    path: tuple[str, ...]
    name: str
    size: int
    modified: int
    sha256: bytes
    current: bool
    trashed: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    parent: str | None
    name: str
    trashed: bool


def below(scope: Scope, ids: Sequence[str]) -> CTE:
    """Some hundred files and folders, with everything in them; nothing for the top folder. May name one twice."""
    mine = (nodes.c.tenant == scope.tenant, nodes.c.subject == scope.owner)
    down = select(nodes.c.id).where(*mine, nodes.c.id.in_(ids), nodes.c.parent.is_not(None)).cte(recursive=True)
    return down.union_all(select(nodes.c.id).where(*mine, nodes.c.parent == down.c.id))


class Paths:
    """The names of one owner's folders, as far as they were needed."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._folders: OrderedDict[str, _Folder] = OrderedDict()

    def select(self) -> Select[Any]:
        """Contents of the owner with what is needed of their files."""
        columns = (nodes.c.parent, nodes.c.name, nodes.c.trashed, nodes.c.version.label("current"))
        return select(versions, *columns).join(nodes, nodes.c.id == versions.c.node).where(*self.mine())

    def mine(self) -> tuple[Any, ...]:
        """The owner's contents."""
        return versions.c.tenant == self._scope.tenant, versions.c.subject == self._scope.owner

    async def opened(self, tx: AsyncConnection, fields: Fields, rows: Sequence[Row[Any]]) -> Sequence[Content]:
        """Rows of `select`. Shredded, Corrupt."""
        tree = Tree(self._scope, fields)
        await self._learn(tx, tree, {row.parent for row in rows if row.parent is not None})
        return [self._content(tree, row) for row in rows]

    async def _learn(self, tx: AsyncConnection, tree: Tree, wanted: Iterable[str]) -> None:
        """Remember these folders and all above them, a level at a time."""
        while len(self._folders) > FOLDERS:
            self._folders.popitem(last=False)
        missing = {one for one in wanted if one not in self._folders}
        while missing:
            query = select(nodes.c.id, nodes.c.parent, nodes.c.name, nodes.c.trashed)
            rows: Sequence[Any] = (await tx.execute(query.where(nodes.c.id.in_(missing), tree.mine()))).all()
            for row in rows:
                self._folders[row.id] = _Folder(row.parent, tree.name(row), row.trashed is not None)
            missing = {row.parent for row in rows if row.parent is not None} - self._folders.keys()

    def _content(self, tree: Tree, row: Row[Any]) -> Content:
        path: list[str] = []
        above, trashed = row.parent, row.trashed is not None
        while above in self._folders and len(path) < _DEEPEST:
            folder = self._folders[above]
            if folder.parent is not None:  # the top folder has no name
                path.append(folder.name)
            above, trashed = folder.parent, trashed or folder.trashed
        digest = tree.fields.unseal("native_versions", "sha256", row.id, row.sha256)
        name = tree.fields.text("native_nodes", "name", row.node, row.name)
        current = row.id == row.current
        return Content(
            (row.node, row.number),
            row.id,
            tuple(reversed(path)),
            name,
            row.size,
            row.modified,
            digest,
            current,
            trashed,
        )
