"""The statements about one owner's tree. Each takes a transaction, none commits, none touches a blob.

Whatever changes the tree first locks its owner's row, so that a check (free name, no cycle, folder still there) still
holds when the change is made; the unique index on live siblings is the second line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, Select, Update, and_, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.encoding import enc
from cache.vault import Fields, Scope
from providers.drive import Kind
from providers.errors import Changed, NameTaken, NotFound, Refused
from providers.names import check, free_name
from providers.native import owners
from providers.native.tables import NAME_LABEL, gone, name_value, nodes, versions
from providers.native.traits import TRAITS

_DEEPEST = 10_000
_NAMES_TRIED = 10_000
Node = Row[Any]


def root_id(scope: Scope) -> str:
    """The id of a scope's top folder."""
    return hashlib.sha256(enc("native-root", scope.tenant, scope.owner)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is given: its ``version``, ``size`` in bytes, and the sealed hash."""

    version: str
    size: int
    sha256: bytes

    def columns(self) -> tuple[Label[int], Label[bytes]]:
        """As `Tree.select` would read them."""
        return literal(self.size).label("size"), literal(self.sha256).label("sha256")


class Tree:
    """The nodes of one scope, with the names readable."""

    def __init__(self, scope: Scope, fields: Fields) -> None:
        """``fields`` of the same scope."""
        self.scope = scope
        self.fields = fields
        self.root = root_id(scope)
        self.number = 0

    def name(self, node: Node) -> str:
        """A node's name; the root has none."""
        return self.fields.text("native_nodes", "name", node.id, node.name)

    def media_type(self, node: Node) -> str:
        """A node's media type."""
        return self.fields.text("native_nodes", "media_type", node.id, node.media_type)

    def index(self, parent: str, name: str) -> bytes:
        """Equal for two names that may not stand beside each other."""
        return self.fields.index(NAME_LABEL, name_value(parent, name))

    def mine(self) -> ColumnElement[bool]:
        """Rows of this scope."""
        return and_(nodes.c.tenant == self.scope.tenant, nodes.c.subject == self.scope.owner)

    def select(self) -> Select[Any]:
        """Nodes of this scope with size and hash of their content."""
        return (
            select(nodes, versions.c.size, versions.c.sha256)
            .select_from(nodes.outerjoin(versions, versions.c.id == nodes.c.version))
            .where(self.mine())
        )

    async def make_root(self, tx: AsyncConnection, now: int) -> None:
        """The owner's row and the top folder, where they are missing."""
        await owners.make(tx, self.scope)
        await insert_if_absent(tx, nodes, self._row(self.root, None, "", Kind.FOLDER, "", now))

    async def lock(self, tx: AsyncConnection, more: int = 0) -> int:
        """Hold the tree until the transaction ends, with ``more`` bytes in it; all its bytes.

        What is written from here on is the change of this ``number``. NotFound where its owner was forgotten.
        """
        self.number, stored = await owners.hold(tx, self.scope, more)
        return stored

    async def node(self, tx: AsyncConnection, node_id: str) -> Node:
        """A node, trashed or not. NotFound."""
        found: Node | None = (await tx.execute(self.select().where(nodes.c.id == node_id))).first()
        if found is None:
            raise NotFound
        return found

    async def version(self, tx: AsyncConnection, node: Node, version: str) -> Row[Any]:
        """A content of a file, the current one or an older one. Changed where it is not kept."""
        this = and_(versions.c.id == version, versions.c.node == node.id)
        found = (await tx.execute(select(versions).where(this))).first()
        if found is None:
            raise Changed("this version is no longer kept")
        return found

    async def versions(self, tx: AsyncConnection, node: Node) -> Sequence[Row[Any]]:
        """All contents of a file that are kept, the current one first."""
        ordered = select(versions).where(versions.c.node == node.id).order_by(versions.c.number.desc())
        return (await tx.execute(ordered)).all()

    async def live(self, tx: AsyncConnection, node_id: str) -> Node:
        """A node that is not in the trash, nor below something that is. NotFound."""
        node = await self.node(tx, node_id)
        if await self.in_trash(tx, node):
            raise NotFound("in the trash")
        return node

    async def folder(self, tx: AsyncConnection, node_id: str) -> None:
        """NotFound where this is not a live folder."""
        above = await self._above(tx, node_id)
        kinds = {row.id: row.kind for row in above}
        if kinds.get(node_id) != Kind.FOLDER or any(row.trashed is not None for row in above):
            raise NotFound("not a folder here")

    async def in_trash(self, tx: AsyncConnection, node: Node) -> bool:
        """Whether it, or a folder above it, is in the trash."""
        if node.trashed is not None:
            return True
        return any(row.trashed is not None for row in await self._above(tx, node.id))

    async def _above(self, tx: AsyncConnection, node_id: str) -> Sequence[Row[Any]]:
        """The node and all folders above it."""
        columns = (nodes.c.id, nodes.c.parent, nodes.c.kind, nodes.c.trashed)
        path = select(*columns, literal(0).label("depth")).where(nodes.c.id == node_id, self.mine())
        up = path.cte("above", recursive=True)
        step = select(*columns, up.c.depth + 1).where(nodes.c.id == up.c.parent, self.mine(), up.c.depth < _DEEPEST)
        return (await tx.execute(select(up.union_all(step)))).all()

    async def below(self, tx: AsyncConnection, node_id: str) -> list[str]:
        """The node and everything below it, the deepest first."""
        top = select(nodes.c.id, literal(0).label("depth")).where(nodes.c.id == node_id, self.mine())
        down = top.cte("below", recursive=True)
        step = select(nodes.c.id, down.c.depth + 1).where(nodes.c.parent == down.c.id, down.c.depth < _DEEPEST)
        tree = down.union_all(step)
        return list((await tx.execute(select(tree.c.id).order_by(tree.c.depth.desc()))).scalars())

    async def hidden(self, tx: AsyncConnection, ids: Sequence[str]) -> set[str]:
        """Which of these, some hundred at most, lie in the trash or below something that does."""
        columns = (nodes.c.parent, nodes.c.trashed)
        start = select(nodes.c.id.label("item"), *columns, literal(0).label("depth"))
        up = start.where(nodes.c.id.in_(ids), self.mine()).cte("above", recursive=True)
        step = select(up.c.item, *columns, up.c.depth + 1).where(
            nodes.c.id == up.c.parent, self.mine(), up.c.depth < _DEEPEST
        )
        path = up.union_all(step)
        return set((await tx.execute(select(path.c.item).where(path.c.trashed.is_not(None)))).scalars())

    async def some(self, tx: AsyncConnection, ids: Sequence[str]) -> dict[str, Node]:
        """Those of these that exist and are not hidden, by id."""
        if not ids:
            return {}
        hidden = await self.hidden(tx, ids)
        rows = (await tx.execute(self.select().where(nodes.c.id.in_(ids)))).all()
        return {row.id: row for row in rows if row.id not in hidden}

    async def named(self, tx: AsyncConnection, parent: str, name: str) -> Node | None:
        """The live item of that name in a folder, under whichever key it was indexed."""
        known = self.fields.indexes(NAME_LABEL, name_value(parent, name)).values()
        same = and_(nodes.c.parent == parent, nodes.c.name_index.in_(known))
        found: Node | None = (await tx.execute(self.select().where(same))).first()
        return found

    async def free(self, tx: AsyncConnection, parent: str, name: str) -> str:
        """The name, or the first free one beside it. NameTaken where there is none."""
        if await self.named(tx, parent, name) is None:
            return name
        for number in range(2, _NAMES_TRIED):
            other = free_name(name, number, TRAITS.max_name)
            if await self.named(tx, parent, other) is None:
                return other
        raise NameTaken

    async def add_folder(self, tx: AsyncConnection, node_id: str, parent: str, name: str, modified: int) -> None:
        """A new folder under a free name."""
        await tx.execute(insert(nodes).values(**self._row(node_id, parent, name, Kind.FOLDER, "", modified)))

    async def add_file(
        self,
        tx: AsyncConnection,
        node_id: str,
        place: tuple[str, str],
        media_type: str,
        modified: int,
        content: Content,
    ) -> Node:
        """A new file with that content; ``place``: its folder and a free name."""
        row = self._row(node_id, *place, Kind.FILE, media_type, modified)
        added = insert(nodes).values(**row, version=content.version)
        made: Node = (await tx.execute(added.returning(nodes, *content.columns()))).one()
        return made

    async def swap(self, tx: AsyncConnection, node: Node, media_type: str, modified: int, content: Content) -> Node:
        """Give a file another content."""
        values = {
            "version": content.version,
            "media_type": self.fields.seal("native_nodes", "media_type", node.id, media_type),
            "modified": modified,
        }
        swapped = self._changing(node, values).returning(nodes, *content.columns())
        made: Node = (await tx.execute(swapped)).one()
        return made

    async def bury(self, tx: AsyncConnection, node: Node, now: int) -> None:
        """Into the trash, and remember that it went out of sight."""
        await self.change(tx, node, trashed=now, name_index=None)
        row = {"tenant": self.scope.tenant, "subject": self.scope.owner, "number": self.number}
        await tx.execute(insert(gone).values(**row, node=node.id, since=now))

    async def place(self, tx: AsyncConnection, node: Node, parent: str, name: str) -> None:
        """Move or rename a node, or take it out of the trash. Refused below itself, NameTaken."""
        check(name, TRAITS)
        if node.id in {row.id for row in await self._above(tx, parent)}:
            raise Refused("a folder cannot be moved into itself", reason="cycle")
        taken = await self.named(tx, parent, name)
        if taken is not None and taken.id != node.id:
            raise NameTaken
        await self.change(
            tx,
            node,
            parent=parent,
            name=self.fields.seal("native_nodes", "name", node.id, name),
            name_index=self.index(parent, name),
            trashed=None,
        )

    async def change(self, tx: AsyncConnection, node: Node, **values: Any) -> None:
        """Set columns of a node and count the change."""
        await tx.execute(self._changing(node, values))

    def _changing(self, node: Node, values: dict[str, Any]) -> Update:
        revised = {**values, "revision": nodes.c.revision + 1, "changed": self.number}
        return update(nodes).where(nodes.c.id == node.id, self.mine()).values(**revised)

    def _row(
        self, node_id: str, parent: str | None, name: str, kind: Kind, media_type: str, modified: int
    ) -> dict[str, Any]:
        return {
            "id": node_id,
            "tenant": self.scope.tenant,
            "subject": self.scope.owner,
            "parent": parent,
            "kind": kind.value,
            "name": self.fields.seal("native_nodes", "name", node_id, name),
            "name_index": None if parent is None else self.index(parent, name),
            "media_type": self.fields.seal("native_nodes", "media_type", node_id, media_type),
            "revision": 0,
            "modified": modified,
            "changed": self.number,
        }
