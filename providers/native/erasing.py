"""What forgetting needs of this drive: how much there is, and all of it or one thing gone.

All of it goes without keys, so it may follow their destruction; the sealed objects themselves are the vault's to shred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Scope, Vault
from providers.drive import Kind
from providers.errors import NotFound
from providers.native import owners
from providers.native.changes import forget_gone
from providers.native.content import destroy_nodes, destroy_versions
from providers.native.paths import below
from providers.native.tables import gone, nodes, parts, uploads, versions
from providers.native.tables import owners as owner_rows
from providers.native.trash import ENDING
from providers.native.tree import Tree

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a scope has in its drive: items (trash included, the top folder not), bytes, uploads under way."""

    files: int
    folders: int
    bytes: int
    uploads: int


def _of(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows of a scope; for a tenant those of everybody in it."""
    mine: ColumnElement[bool] = table.c.tenant == scope.tenant
    return mine if scope.subject is None else and_(mine, table.c.subject == scope.subject)


async def inventory(tx: AsyncConnection, scope: Scope) -> Inventory:
    """Count what `erase` would delete; a tenant's with all its subjects'."""

    async def count(table: Table, *which: ColumnElement[bool], value: Any = None) -> int:
        what = func.count() if value is None else func.coalesce(func.sum(value), 0)
        return int((await tx.execute(select(what).select_from(table).where(_of(table, scope), *which))).scalar_one())

    return Inventory(
        files=await count(nodes, nodes.c.kind == Kind.FILE.value),
        folders=await count(nodes, nodes.c.kind == Kind.FOLDER.value, nodes.c.parent.is_not(None)),
        bytes=await count(parts, value=parts.c.size),
        uploads=await count(uploads, uploads.c.node.is_(None), uploads.c.received >= 0),
    )


async def erase(tx: AsyncConnection, scope: Scope) -> int:
    """Delete every row of the scope, a tenant's with all its subjects'; how many items there were."""
    found = await inventory(tx, scope)
    for table in (uploads, parts, versions, nodes, gone, owner_rows):
        await tx.execute(delete(table).where(_of(table, scope)))
    return found.files + found.folders


async def inside(tx: AsyncConnection, scope: Scope, node: str) -> Sequence[str]:
    """The ids of a file or folder and of everything in it; none where it is not there, or is the top folder."""
    return (await tx.execute(select(below(scope, [node]).c.id))).scalars().all()


async def size_of(tx: AsyncConnection, scope: Scope, node: str) -> tuple[int, int]:
    """How many items `inside` finds, and their bytes with all versions."""
    tree = below(scope, [node])
    count = int((await tx.execute(select(func.count()).select_from(tree))).scalar_one())
    size = select(func.coalesce(func.sum(versions.c.size), 0)).where(versions.c.node.in_(select(tree.c.id)))
    return count, int((await tx.execute(size)).scalar_one())


async def version(tx: AsyncConnection, scope: Scope, node: str, content: str) -> int | None:
    """The bytes of an older content of a file. None where it is not there, or is what the file is now."""
    mine = and_(_of(versions, scope), versions.c.node == node, versions.c.id == content)
    now = select(nodes.c.version).where(nodes.c.id == node)
    return (await tx.execute(select(versions.c.size).where(mine, versions.c.id != now.scalar_subquery()))).scalar()


async def forget_item(vault: Vault, database: Transactions, scope: Scope, node: str) -> None:
    """A file or folder for good, with every version of all that is in it, also from the trash; may be repeated.

    Nobody sees it any more from the first of its transactions on. NotFound where the owner was forgotten.
    """
    tree = Tree(scope, await vault.fields(scope))
    async with database.write() as tx:
        await tree.lock(tx)
        top = (await tx.execute(tree.select().where(nodes.c.id == node, nodes.c.parent.is_not(None)))).first()
        if top is None:
            return
        if top.trashed is None:
            await tree.bury(tx, top, await database.now(tx))
        await tree.change(tx, top, trashed=ENDING)
        doomed = await tree.below(tx, node)
    for at in range(0, len(doomed), _AT_ONCE):
        async with database.write() as tx:
            await owners.hold(tx, scope)
            await destroy_nodes(tx, vault, scope, doomed[at : at + _AT_ONCE])


async def forget_version(vault: Vault, database: Transactions, scope: Scope, node: str, content: str) -> None:
    """An older content of a file, unless it is what the file is now. NotFound where the owner was forgotten."""
    async with database.write() as tx:
        await owners.hold(tx, scope)
        if await version(tx, scope, node, content) is not None:
            await destroy_versions(tx, vault, scope, [content])


async def tidy(vault: Vault, database: Transactions, limit: int) -> int:
    """Give up uploads whose time is over, and forget what went out of sight long ago; at most ``limit`` of each.

    How many uploads. For the sweeper.
    """
    now = await database.now()
    async with database.read() as tx:
        ended = (await tx.execute(select(uploads).where(uploads.c.ends <= now).limit(limit))).all()
    for row in ended:
        async with database.write() as tx:
            await _give_up(tx, vault, row)
    await forget_gone(database, now, limit)
    return len(ended)


async def _give_up(tx: AsyncConnection, vault: Vault, row: Row[Any]) -> None:
    scope = Scope(row.tenant, row.subject or None)
    try:
        await owners.hold(tx, scope)
    except NotFound:
        return  # forgotten meanwhile, with everything
    upload = select(uploads).where(uploads.c.id == row.id)
    now = (await tx.execute(upload)).first()  # it was read before the tree was held, and may have become a file since
    if now is not None and now.node is None:
        await destroy_versions(tx, vault, scope, [now.version])
    await tx.execute(delete(uploads).where(uploads.c.id == row.id))
