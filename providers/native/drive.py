"""The school's own drive: a tree in SQL with sealed names, bytes in the vault.

It holds no policy and no person: a scope says whose tree it is, everybody else's does not exist. Every change is one
short transaction that holds the tree's lock; bytes are moved before or after it, never inside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.drive import Entry, Kind, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import NameTaken, NotFound, Refused, Unsupported
from providers.names import check
from providers.native import changes as changed
from providers.native import lists, owners
from providers.native.content import Digests, NativeRead, destroy_nodes, parts_of
from providers.native.copying import copied
from providers.native.entries import dump_cursor, entry_of, expect, load_cursor, moment, new_id
from providers.native.tables import nodes
from providers.native.traits import TRAITS, Allowance
from providers.native.translate import translated
from providers.native.trash import ENDING
from providers.native.tree import Node, Tree
from providers.native.uploads import PART, Uploads
from providers.verbs import Changes, Version, View

PAGE = 200
"""Children on one page."""

_AT_ONCE = 200


class NativeDrive:
    """One owner's drive. Satisfies `providers.drive.Drive` and, of `providers.verbs`, all but pictures and spaces."""

    def __init__(
        self,
        vault: Vault,
        database: Transactions,
        scope: Scope,
        *,
        digests: Digests | None = None,
        allowance: Allowance | None = None,
        page: int = PAGE,
        part: int = PART,
    ) -> None:
        """``scope`` must be enrolled. Share ``digests`` in a process, or finished uploads are read once more."""
        self._vault = vault
        self._database = database
        self._scope = scope
        self._page = page
        self._rooted = False
        self._allowance = allowance or Allowance()
        self._uploads = Uploads(vault, database, scope, digests or Digests(), self._allowance, part=part)

    @property
    def traits(self) -> Traits:
        """See `Drive`."""
        return TRAITS

    async def root(self) -> Ref:
        """See `Drive`."""
        with translated():
            return Ref("", (await self._tree()).root)

    async def stat(self, ref: Ref) -> Entry:
        """See `Drive`. A trashed item is found, with the flag ``trashed``."""
        with translated():
            tree = await self._tree()
            async with self._database.read() as tx:
                node = await tree.node(tx, ref.id)
                trashed = await tree.in_trash(tx, node)
            life = self._allowance.trash_ms
            return entry_of(tree, node, trashed=trashed, ends=node.trashed + life if node.trashed and life else None)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """See `Drive`. ValueError for a cursor that is none."""
        after = "" if cursor is None else load_cursor(cursor)
        with translated():
            tree = await self._tree()
            inside = tree.select().where(nodes.c.parent == ref.id, nodes.c.trashed.is_(None), nodes.c.id > after)
            async with self._database.read() as tx:
                await tree.folder(tx, ref.id)
                found = (await tx.execute(inside.order_by(nodes.c.id).limit(self._page + 1))).all()
            entries = [entry_of(tree, node) for node in found[: self._page]]
        return Page(entries, dump_cursor(entries[-1].ref.id) if len(found) > self._page else None)

    @asynccontextmanager
    async def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AsyncIterator[Read]:
        """See `Drive`. Files of this drive have no exports: Unsupported."""
        with translated():
            tree = await self._tree()
            async with self._database.read() as tx:
                node = await tree.node(tx, ref.id)
                if node.kind != Kind.FILE or export is not None:
                    raise Unsupported
                kept = await tree.version(tx, node, version or node.version)
                if not 0 <= start <= kept.size:
                    raise ValueError("the range begins outside the file")
                end = kept.size if stop is None else max(start, min(stop, kept.size))
                found = await parts_of(tx, kept.id, start, end)
        yield NativeRead(self._vault, self._scope, found, (start, end, kept.size), kept.id)

    async def versions(self, ref: Ref) -> Sequence[Version]:
        """See `HasVersions`."""
        with translated():
            tree = await self._tree()
            async with self._database.read() as tx:
                node = await tree.node(tx, ref.id)
                if node.kind != Kind.FILE:
                    raise Unsupported
                found = await tree.versions(tx, node)
        return [Version(row.id, row.size, moment(row.modified)) for row in found]

    async def search(self, text: str, cursor: str | None = None) -> Page:
        """See `CanSearch`; words of names, in any case. A page may be empty and still have a cursor."""
        with translated():
            return await lists.search(self._database, await self._tree(), text, cursor, self._page)

    async def view(self, view: View, cursor: str | None = None) -> Page:
        """See `HasViews`: RECENT, by when files were made, changed, renamed or moved here. ValueError as `children`."""
        if view.value not in TRAITS.views:
            raise Unsupported
        with translated():
            return await lists.recent(self._database, await self._tree(), cursor, self._page)

    async def trashed(self, cursor: str | None = None) -> Page:
        """See `HasTrash`; each with its end, where the allowance states one. ValueError as `children`."""
        with translated():
            return await lists.trashed(self._database, await self._tree(), self._allowance, cursor, self._page)

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        """See `HasChanges`. Of a folder that goes or comes, only the folder is told."""
        with translated():
            return await changed.changes(self._database, await self._tree(), cursor, space, self._page)

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        """See `Drive`."""
        check(name, TRAITS)
        now = await self._database.now()
        async with self._change() as (tree, tx):
            await tree.folder(tx, parent.id)
            taken = await tree.named(tx, parent.id, name)
            if taken is not None and on_conflict is OnConflict.REPLACE and taken.kind == Kind.FOLDER:
                return entry_of(tree, taken)
            if taken is not None and on_conflict is not OnConflict.RENAME:
                raise NameTaken
            made = new_id()
            free = await tree.free(tx, parent.id, name) if taken is not None else name
            await tree.add_folder(tx, made, parent.id, free, now)
            return entry_of(tree, await tree.node(tx, made))

    async def begin(self, new: NewFile) -> UploadSession:
        """See `Drive`."""
        with translated():
            return await self._uploads.begin(await self._tree(), new)

    async def progress(self, session: UploadSession) -> Progress:
        """See `Drive`."""
        with translated():
            return await self._uploads.progress(await self._tree(), session)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """See `Drive`. Untrusted where the source breaks its promise; nothing of that part is kept then."""
        with translated():
            return await self._uploads.send(await self._tree(), session, offset, data, length, last=last)

    async def abort(self, session: UploadSession) -> None:
        """See `Drive`."""
        with translated():
            await self._uploads.abort(await self._tree(), session)

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        """See `Drive`. Refused for the root, and into the item itself."""
        async with self._change() as (tree, tx):
            node = await self._movable(tree, tx, ref, version)
            target = parent.id if parent is not None else node.parent
            await tree.folder(tx, target)
            await tree.place(tx, node, target, tree.name(node) if name is None else name)
            if name is not None:
                await self._vault.renew(tx, self._scope)  # copies of the old one die with the key
            return entry_of(tree, await tree.node(tx, ref.id))

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """See `CanCopy`: no byte is moved, both files share what is stored. NameTaken, QuotaFull; Unsupported: folders.

        Under an ``id`` made beforehand a repeat gives back the copy that is there.
        """
        check(name, TRAITS)
        async with self._change() as (tree, tx):
            node = await tree.live(tx, ref.id)
            if node.kind != Kind.FILE:
                raise Unsupported
            made = await copied(tx, self._vault, tree, self._allowance, node, (parent, name, id))
            return entry_of(tree, made)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive`. The name is free again at once."""
        now = await self._database.now()
        async with self._change() as (tree, tx):
            node = await tree.node(tx, ref.id)
            if not await tree.in_trash(tx, node):
                await tree.bury(tx, await self._movable(tree, tx, ref, version), now)

    async def restore(self, ref: Ref) -> Entry:
        """See `CanRestore`: back under a free name; into the top folder where its own is in the trash by now.

        NotFound, also where its time in the trash is over.
        """
        async with self._change() as (tree, tx):
            node = await tree.node(tx, ref.id)
            if node.trashed is not None:
                await self._in_time(tx, node)
                parent = await self._home(tx, tree, node)
                await tree.place(tx, node, parent, await tree.free(tx, parent, tree.name(node)))
                node = await tree.node(tx, ref.id)
            return entry_of(tree, node, trashed=await tree.in_trash(tx, node))

    async def _in_time(self, tx: AsyncConnection, node: Node) -> None:
        life = self._allowance.trash_ms
        if node.trashed == ENDING or (life and node.trashed + life <= await self._database.now(tx)):
            raise NotFound("its time in the trash is over")

    async def _home(self, tx: AsyncConnection, tree: Tree, node: Node) -> str:
        try:
            await tree.folder(tx, node.parent)
        except NotFound:
            return tree.root
        return str(node.parent)

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive`. A large folder goes in several transactions, from the trash and from its leaves up."""
        try:
            await self._into_trash(ref, version)
        except NotFound:
            return
        with translated():
            tree = await self._tree()
            async with self._database.read() as tx:
                doomed = await tree.below(tx, ref.id)
        for at in range(0, len(doomed), _AT_ONCE):
            async with self._change() as (_tree, tx):
                await destroy_nodes(tx, self._vault, self._scope, doomed[at : at + _AT_ONCE])

    async def quota(self) -> tuple[int, int | None]:
        """See `HasQuota`. Older versions, the trash and uploads under way count."""
        with translated():
            async with self._database.read() as tx:
                return await owners.limits(tx, self._scope, self._allowance)

    async def _into_trash(self, ref: Ref, version: str | None) -> None:
        now = await self._database.now()
        async with self._change() as (tree, tx):
            node = await tree.node(tx, ref.id)
            if node.parent is None:
                raise Refused("the top folder stays", reason="root")
            expect(node, version)
            await tree.bury(tx, node, now)

    async def _movable(self, tree: Tree, tx: AsyncConnection, ref: Ref, version: str | None) -> Node:
        node = await tree.live(tx, ref.id)
        if node.parent is None:
            raise Refused("the top folder stays where it is", reason="root")
        expect(node, version)
        return node

    async def _tree(self) -> Tree:
        """The tree with its owner's keys, its top folder made where it is missing."""
        tree = Tree(self._scope, await self._vault.fields(self._scope))
        if not self._rooted:
            await self._make_root(tree)
            self._rooted = True
        return tree

    async def _make_root(self, tree: Tree) -> None:
        async with self._database.read() as tx:
            there = (await tx.execute(select(nodes.c.id).where(nodes.c.id == tree.root))).first()
        if there is None:
            now = await self._database.now()
            async with self._database.write() as tx:
                await self._vault.hold(tx, self._scope)  # nothing new for somebody who was just forgotten
                await tree.make_root(tx, now)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[tuple[Tree, AsyncConnection]]:
        """A transaction that holds the tree."""
        with translated():
            tree = await self._tree()
            async with self._database.write() as tx:
                await tree.lock(tx)
                yield tree, tx
