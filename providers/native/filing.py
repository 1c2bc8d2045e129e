"""Where a new file goes: beside a taken name, in its place, or nowhere. Used twice: before the bytes and after them."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from providers.drive import Kind, NewFile, OnConflict
from providers.errors import NameTaken, NotFound, Refused
from providers.native.content import destroy_older, destroy_versions
from providers.native.entries import epoch_ms, expect, new_id
from providers.native.tables import versions
from providers.native.tree import Node, Tree


class Filing:
    """Puts finished content into the tree, inside the caller's transaction, which holds the tree's lock."""

    def __init__(self, vault: Vault, tree: Tree, keep: int) -> None:
        """``vault`` destroys what is replaced, but for ``keep`` older contents of each file."""
        self._vault = vault
        self._tree = tree
        self._keep = keep

    async def rehearse(self, tx: AsyncConnection, new: NewFile) -> None:
        """Whether it could be filed now. NotFound, Changed, NameTaken, Refused."""
        await self._target(tx, new)

    async def file(self, tx: AsyncConnection, new: NewFile, version: str, size: int, digest: bytes) -> str:
        """File the content; the node's id. Raises as `rehearse`."""
        tree, scope = self._tree, self._tree.scope
        old = await self._target(tx, new)
        if old is not None and old.id == new.id:
            return await self._repeat(tx, old, version, digest)
        node = str(old.id) if old is not None else new.id or new_id()
        await tx.execute(
            insert(versions).values(
                id=version,
                tenant=scope.tenant,
                subject=scope.owner,
                node=node,
                number=0 if old is None else old.revision + 1,
                modified=epoch_ms(new.modified),
                size=size,
                sha256=tree.fields.seal("native_versions", "sha256", version, digest),
            )
        )
        if old is None:
            await self._add(tx, node, new, version)
        else:
            await self._swap(tx, old, new, version)
        return node

    async def _target(self, tx: AsyncConnection, new: NewFile) -> Node | None:
        """The node whose content it becomes, None for a new one."""
        tree = self._tree
        if new.id is not None and (made := await self._made(tx, new.id)) is not None:
            return made
        if new.replaces is not None:
            node = await tree.live(tx, new.replaces[0].id)
            expect(node, new.replaces[1])
            if node.kind != Kind.FILE:
                raise Refused("only a file has content", reason="not_a_file")
            return node
        await tree.folder(tx, new.parent.id)
        taken = await tree.named(tx, new.parent.id, new.name)
        if taken is None or new.on_conflict is OnConflict.RENAME:
            return None
        if new.on_conflict is OnConflict.REPLACE and taken.kind == Kind.FILE:
            return taken
        raise NameTaken

    async def _made(self, tx: AsyncConnection, node_id: str) -> Node | None:
        try:
            return await self._tree.node(tx, node_id)
        except NotFound:
            return None

    async def _repeat(self, tx: AsyncConnection, old: Node, version: str, digest: bytes) -> str:
        """What another session has already made under this id: no twin. NameTaken where it is something else."""
        known = old.version and self._tree.fields.unseal("native_versions", "sha256", old.version, old.sha256)
        if known != digest:
            raise NameTaken("this id belongs to another item")
        await destroy_versions(tx, self._vault, self._tree.scope, [version])
        return str(old.id)

    async def _add(self, tx: AsyncConnection, node: str, new: NewFile, version: str) -> None:
        """A new node; `_target` has seen that the name is free, unless another may be taken."""
        tree, parent, name = self._tree, new.parent.id, new.name
        if new.on_conflict is OnConflict.RENAME:
            name = await tree.free(tx, parent, name)
        await tree.add_file(tx, node, parent, name, new.media_type, epoch_ms(new.modified), version)

    async def _swap(self, tx: AsyncConnection, old: Node, new: NewFile, version: str) -> None:
        media_type = self._tree.fields.seal("native_nodes", "media_type", old.id, new.media_type)
        await self._tree.change(tx, old, version=version, media_type=media_type, modified=epoch_ms(new.modified))
        await destroy_older(tx, self._vault, self._tree.scope, old.id, self._keep)
