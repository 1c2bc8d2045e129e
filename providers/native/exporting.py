"""Everything that an owner keeps, content by content, with the path that leads there: for taking all of it away.

Older contents and what lies in the trash included. A page of contents and the names of some folders are in memory at
once, however many there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.native.content import parts_of, read_parts
from providers.native.tables import nodes, versions
from providers.native.tree import Tree

FOLDERS: Final = 5_000
"""Folders whose names are remembered."""
PAGE: Final = 200
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


class Contents:
    """The contents of one owner. Nothing is changed."""

    def __init__(self, vault: Vault, database: Transactions, scope: Scope) -> None:
        self._vault = vault
        self._database = database
        self._scope = scope
        self._folders: OrderedDict[str, _Folder] = OrderedDict()

    async def count(self) -> int:
        """How many there are."""
        query = select(func.count()).select_from(versions).where(*self._mine())
        async with self._database.read() as tx:
            return int((await tx.execute(query)).scalar_one())

    async def before(self, number: int) -> Key | None:
        """The place of the ``number``-th content, None for 0: what `page` begins after to skip so many."""
        if number == 0:
            return None
        query = select(versions.c.node, versions.c.number).where(*self._mine())
        async with self._database.read() as tx:
            row = (await tx.execute(query.order_by(*_ORDER).offset(number - 1).limit(1))).one_or_none()
        return None if row is None else (row.node, row.number)

    async def page(self, after: Key | None, limit: int = PAGE) -> Sequence[Content]:
        """The next contents; none at the end. Shredded, Missing."""
        tree = Tree(self._scope, await self._vault.fields(self._scope))
        columns = (nodes.c.parent, nodes.c.name, nodes.c.trashed, nodes.c.version.label("current"))
        query = select(versions, *columns).join(nodes, nodes.c.id == versions.c.node).where(*self._mine())
        if after is not None:
            query = query.where(tuple_(*_ORDER) > tuple_(*after))
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(*_ORDER).limit(limit))).all()
            await self._learn(tx, tree, {row.parent for row in rows if row.parent is not None})
        return [self._content(tree, row) for row in rows]

    def _mine(self) -> tuple[Any, ...]:
        return versions.c.tenant == self._scope.tenant, versions.c.subject == self._scope.owner

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

    async def is_there(self, content: Content) -> bool:
        """Whether it still is: it may have been deleted since its page was read."""
        query = select(versions.c.id).where(versions.c.id == content.version, *self._mine())
        async with self._database.read() as tx:
            return (await tx.execute(query)).first() is not None

    async def read(self, content: Content) -> AsyncIterator[bytes]:
        """Its bytes in pieces of at most 256 KiB. Raises as `Vault.open` does, in the middle too."""
        async with self._database.read() as tx:
            found = await parts_of(tx, content.version, 0, content.size)
        async with aclosing(read_parts(self._vault, self._scope, found, 0, content.size)) as pieces:
            async for piece in pieces:
                yield piece


_ORDER: Final = (versions.c.node, versions.c.number)
