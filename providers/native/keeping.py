"""Contents that are kept whatever becomes of their files: put under the key of what keeps them, with their names.

First it is written down which contents those are, of a tree that is held. Then, page by page, each is taken: its
objects shared with the keeper, its name and hash sealed under the keeper's key. Whoever destroys one that was not taken
yet takes it first. From then on nothing that happens to the file, its owner or their key touches what is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Missing
from cache.vault import Fields, Scope, Vault
from providers.native.paths import Content, Paths, below
from providers.native.tables import kept, kept_parts, parts, versions

TABLE: Final = "native_kept"
PAGE: Final = 100
"""Contents that are taken in one transaction."""
_AT_ONCE: Final = 400


async def keep(
    tx: AsyncConnection,
    scope: Scope,
    keeper: Scope,
    items: Sequence[str] | None,
    spared: Iterable[tuple[str, str]] = (),
) -> int:
    """Write down that all contents of these files, and of what is in these folders, are kept; how many it is.

    ``items`` None: everything of the owner's. ``spared``: items, or one content of one (item, content), that are not.
    Of a tree that is held; what comes later is not among them.
    """
    which = [versions.c.tenant == scope.tenant, versions.c.subject == scope.owner]
    if items is not None:
        which.append(versions.c.node.in_(select(below(scope, items).c.id)))
    pairs = list(spared)
    if trees := [item for item, content in pairs if not content]:
        which.append(versions.c.node.not_in(select(below(scope, trees).c.id)))
    which.append(versions.c.id.not_in([content for _, content in pairs if content]))
    known = select(kept.c.content).where(kept.c.subject == keeper.owner)
    columns = ("content", "node", "number", "modified", "size")
    found = select(
        literal(keeper.tenant), literal(keeper.owner), literal(scope.owner),
        versions.c.id, versions.c.node, versions.c.number, versions.c.modified, versions.c.size,
    ).where(*which, versions.c.id.not_in(known))  # fmt: skip
    await tx.execute(insert(kept).from_select(["tenant", "subject", "owner", *columns], found))
    return int((await tx.execute(select(func.count()).select_from(kept).where(_of(keeper)))).scalar_one())


async def take(
    tx: AsyncConnection, vault: Vault, scope: Scope, contents: Sequence[str] | None = None, limit: int | None = None
) -> int:  # fmt: skip
    """Put what is to be kept of an owner, whose tree is held, under the keys of what keeps it; how many contents.

    ``contents``: of these alone. Shredded, Suspended, Missing, Unavailable.
    """
    mine = (kept.c.tenant == scope.tenant, kept.c.owner == scope.owner, kept.c.told.is_(None))
    query = select(kept.c.subject, kept.c.content).where(*mine).order_by(kept.c.subject, kept.c.content).limit(limit)
    rows = (await tx.execute(query if contents is None else query.where(kept.c.content.in_(contents)))).all()
    by: dict[str, list[str]] = {}
    for row in rows:
        by.setdefault(row.subject, []).append(row.content)
    for keeper, some in by.items():
        for at in range(0, len(some), PAGE):
            await _take(tx, vault, scope, Scope(scope.tenant, keeper), some[at : at + PAGE])
    return len(rows)


async def _take(tx: AsyncConnection, vault: Vault, scope: Scope, keeper: Scope, contents: Sequence[str]) -> None:
    found = (await tx.execute(select(parts).where(parts.c.version.in_(contents)).order_by(parts.c.start))).all()
    made = await _shared(tx, vault, scope, keeper, list(dict.fromkeys(row.object for row in found)))
    rows = [_part(row, keeper, made[row.object]) for row in found if row.object in made]
    if rows:
        await tx.execute(insert(kept_parts), rows)
    fields, lost = await vault.fields(keeper), {row.version for row in found if row.object not in made}
    named = {one.version: one for one in await _named(tx, await vault.fields(scope), scope, contents)}
    for content in contents:
        told = json.dumps(_told(named.get(content), damaged=content in lost))
        box = fields.seal(TABLE, "told", content, told)
        which = (kept.c.subject == keeper.owner, kept.c.content == content)
        await tx.execute(update(kept).where(*which).values(told=box))


async def _shared(
    tx: AsyncConnection, vault: Vault, scope: Scope, keeper: Scope, objects: Sequence[str]
) -> Mapping[str, str]:  # fmt: skip
    """The objects' ids there by their ids here, without those that nobody can open any more."""
    made: dict[str, str] = {}
    for at in range(0, len(objects), _AT_ONCE):
        some = objects[at : at + _AT_ONCE]
        try:
            made.update(await vault.share(tx, scope, some, keeper))
        except (Corrupt, Missing):
            for one in some:
                made.update(await _alone(tx, vault, scope, keeper, one))
    return made


async def _alone(tx: AsyncConnection, vault: Vault, scope: Scope, keeper: Scope, one: str) -> Mapping[str, str]:
    try:
        return await vault.share(tx, scope, [one], keeper)
    except (Corrupt, Missing):
        return {}


def _part(row: Row[Any], keeper: Scope, made: str) -> dict[str, Any]:
    whose = {"tenant": keeper.tenant, "subject": keeper.owner}
    return {**whose, "content": row.version, "start": row.start, "size": row.size, "object": made}


async def _named(tx: AsyncConnection, fields: Fields, scope: Scope, contents: Sequence[str]) -> Sequence[Content]:
    """With their names, but for those whose name nobody can open any more."""
    paths = Paths(scope)
    rows = (await tx.execute(paths.select().where(versions.c.id.in_(contents)))).all()
    try:
        return await paths.opened(tx, fields, rows)
    except Corrupt:
        return [one for row in rows for one in await _named_alone(tx, paths, fields, row)]


async def _named_alone(tx: AsyncConnection, paths: Paths, fields: Fields, row: Row[Any]) -> Sequence[Content]:
    try:
        return await paths.opened(tx, fields, [row])
    except Corrupt:
        return []


def _told(content: Content | None, *, damaged: bool) -> Mapping[str, Any]:
    if content is None:
        return {"damaged": True}
    where = {"path": list(content.path), "name": content.name, "sha256": content.sha256.hex()}
    return {**where, "current": content.current, "trashed": content.trashed, "damaged": damaged}


async def forsake(tx: AsyncConnection, keeper: Scope) -> int:
    """What was not taken and cannot be any more, since its owner is forgotten, is not kept; how many contents."""
    return (await tx.execute(delete(kept).where(_of(keeper), kept.c.told.is_(None)))).rowcount


async def waits(tx: AsyncConnection, scope: Scope) -> bool:
    """Whether something of this owner is still to be taken."""
    mine = (kept.c.tenant == scope.tenant, kept.c.owner == scope.owner, kept.c.told.is_(None))
    return (await tx.execute(select(kept.c.content).where(*mine).limit(1))).first() is not None


async def left(tx: AsyncConnection, keeper: Scope) -> bool:
    """Whether something is still to be taken."""
    found = select(kept.c.content).where(_of(keeper), kept.c.told.is_(None)).limit(1)
    return (await tx.execute(found)).first() is not None


async def let_go(tx: AsyncConnection, keeper: Scope, limit: int) -> int:
    """Delete rows of what is kept no longer, at most ``limit`` contents; how many. The objects are the vault's."""
    ids = select(kept.c.content).where(_of(keeper)).limit(limit)
    some = list((await tx.execute(ids)).scalars())
    for at in range(0, len(some), _AT_ONCE):
        these = some[at : at + _AT_ONCE]
        for table in (kept_parts, kept):
            mine = and_(table.c.tenant == keeper.tenant, table.c.subject == keeper.owner)
            await tx.execute(delete(table).where(mine, table.c.content.in_(these)))
    return len(some)


def _of(keeper: Scope) -> ColumnElement[bool]:
    return and_(kept.c.tenant == keeper.tenant, kept.c.subject == keeper.owner)
