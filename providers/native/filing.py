"""Where a new file goes: beside a taken name, in its place, or nowhere. Planned before the bytes and after them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from providers.drive import Kind, NewFile, OnConflict
from providers.errors import NameTaken, NotFound, Refused
from providers.native.content import destroy_older, destroy_versions
from providers.native.entries import epoch_ms, expect, new_id
from providers.native.tables import versions
from providers.native.tree import Content, Node, Tree


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a content will be: in the item ``node``, new under ``name`` or already there (``old``).

    ``repeats``: the old one was made under the same id with the same bytes, and stays as it is.
    """

    node: str
    name: str
    old: Node | None = None
    repeats: bool = False


class Filing:
    """Puts finished content into the tree, inside the caller's transaction, which holds the tree."""

    def __init__(self, vault: Vault, tree: Tree, keep: int) -> None:
        """``vault`` destroys what is replaced, but for ``keep`` older contents of each file."""
        self._vault = vault
        self._tree = tree
        self._keep = keep

    async def plan(self, tx: AsyncConnection, new: NewFile, digest: bytes | None = None) -> Plan:
        """Where it would go now; changes nothing. ``digest`` None: not known yet.

        NotFound, Changed, NameTaken, Refused.
        """
        tree, parent = self._tree, new.parent.id
        if new.id is not None and (made := await self._made(tx, new.id)) is not None:
            return self._repeat(made, digest)
        if new.replaces is not None:
            node = await tree.live(tx, new.replaces[0].id)
            expect(node, new.replaces[1])
            if node.kind != Kind.FILE:
                raise Refused("only a file has content", reason="not_a_file")
            return Plan(node.id, "", node)
        await tree.folder(tx, parent)
        if new.on_conflict is OnConflict.RENAME:
            return Plan(new.id or new_id(), await tree.free(tx, parent, new.name))
        taken = await tree.named(tx, parent, new.name)
        if taken is None:
            return Plan(new.id or new_id(), new.name)
        if new.on_conflict is OnConflict.REPLACE and taken.kind == Kind.FILE:
            return Plan(taken.id, "", taken)
        raise NameTaken

    async def _made(self, tx: AsyncConnection, node_id: str) -> Node | None:
        try:
            return await self._tree.node(tx, node_id)
        except NotFound:
            return None

    def _repeat(self, old: Node, digest: bytes | None) -> Plan:
        """What another session has already made under this id: no twin. NameTaken where it is something else."""
        known = old.version and self._tree.fields.unseal("native_versions", "sha256", old.version, old.sha256)
        if digest is not None and known != digest:
            raise NameTaken("this id belongs to another item")
        return Plan(old.id, "", old, repeats=True)

    async def file(self, tx: AsyncConnection, plan: Plan, new: NewFile, version: str, size: int, digest: bytes) -> Node:
        """File the content as planned in this transaction; its node."""
        tree, scope = self._tree, self._tree.scope
        if plan.repeats and plan.old is not None:
            await destroy_versions(tx, self._vault, scope, [version])
            return plan.old
        content = Content(version, size, tree.fields.seal("native_versions", "sha256", version, digest))
        await tx.execute(
            insert(versions).values(
                id=version,
                tenant=scope.tenant,
                subject=scope.owner,
                node=plan.node,
                number=0 if plan.old is None else plan.old.revision + 1,
                modified=epoch_ms(new.modified),
                size=size,
                sha256=content.sha256,
            )
        )
        return await self._placed(tx, plan, new, content)

    async def _placed(self, tx: AsyncConnection, plan: Plan, new: NewFile, content: Content) -> Node:
        tree, modified = self._tree, epoch_ms(new.modified)
        if plan.old is None:
            place = (new.parent.id, plan.name)
            return await tree.add_file(tx, plan.node, place, new.media_type, modified, content)
        node = await tree.swap(tx, plan.old, new.media_type, modified, content)
        await destroy_older(tx, self._vault, tree.scope, plan.node, self._keep)
        return node
