"""The statements about sealed objects: insert, find, destroy. Each takes a transaction and never commits it.

Destroying a row overwrites its wrapped key before the row goes, and leaves the blob's random name in a grave, from
which the sweep deletes the blob after the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import epoch, graves, objects
from cache.database import among, insert_if_absent
from cache.model import Caps, HeldObject, Life, Scope

IDS_AT_ONCE = 500
"""Values in one IN list: well below the limit of every database."""

BLOB = func.coalesce(objects.c.blob, objects.c.id)
"""The name of an object's blob: its id, until its bytes were written anew."""

_CACHED = and_(objects.c.used.is_not(None), objects.c.life == Life.CACHE)


def owned(scope: Scope) -> ColumnElement[bool]:
    """Rows of this very scope."""
    return and_(objects.c.tenant == scope.tenant, objects.c.subject == scope.owner)


def below(scope: Scope) -> ColumnElement[bool]:
    """Rows of this scope, and for a tenant those of all its subjects."""
    return objects.c.tenant == scope.tenant if scope.subject is None else owned(scope)


async def find(tx: AsyncConnection, scope: Scope, object_id: str) -> Row[tuple[object, ...]] | None:
    """The row of an object of this scope."""
    return (await tx.execute(select(objects).where(objects.c.id == object_id, owned(scope)))).first()


async def find_all(
    tx: AsyncConnection, scope: Scope, ids: Sequence[str], *, hold: bool = False
) -> Sequence[Row[Any]]:  # fmt: skip
    """The rows of these objects of this scope, at most `IDS_AT_ONCE`; with ``hold`` nobody else changes them."""
    query = select(objects).where(objects.c.id.in_(ids), owned(scope))
    return (await tx.execute(query.with_for_update() if hold else query)).all()


async def held(tx: AsyncConnection, scope: Scope) -> list[HeldObject]:
    """What the scope holds, ended objects not yet swept included; oldest first."""
    columns = (objects.c.id, objects.c.life, objects.c.size, objects.c.stored, objects.c.ends)
    rows = await tx.execute(select(*columns).where(owned(scope)).order_by(objects.c.stored, objects.c.id))
    return [HeldObject(row.id, Life(row.life), row.size, row.stored, row.ends) for row in rows]


async def bury(tx: AsyncConnection, which: ColumnElement[bool], now: int) -> int:
    """Destroy the objects ``which`` says; how many there were. Who comes second to the same ones finds them gone."""
    await tx.execute(select(objects.c.id).where(which).with_for_update())
    names = select(BLOB, literal(now)).where(which).distinct()
    await tx.execute(insert(graves).from_select(["id", "since"], names))
    await tx.execute(update(objects).where(which).values(box=b"", hashes=None))
    done = (await tx.execute(delete(objects).where(which))).rowcount
    await spare_shared(tx, now)
    return done


async def spare_shared(tx: AsyncConnection, now: int) -> None:
    """Blobs that were just buried and that another row still needs (see `cache.sharing`) stay."""
    first = exists().where(objects.c.id == graves.c.id, objects.c.blob.is_(None))
    again = exists().where(objects.c.blob == graves.c.id)
    await tx.execute(delete(graves).where(graves.c.since == now, first | again))


async def bury_ids(tx: AsyncConnection, scope: Scope, ids: Sequence[str], now: int) -> int:
    """Destroy these objects of the scope; others are passed over."""
    done = 0
    for at in range(0, len(ids), IDS_AT_ONCE):
        chunk = ids[at : at + IDS_AT_ONCE]
        done += await bury(tx, and_(owned(scope), objects.c.id.in_(chunk)), now)
    return done


async def outlive(tx: AsyncConnection, scope: Scope, ids: Sequence[str]) -> bool:
    """Whether one of these objects is bound to its subject's key alone, so that copies of it would last as long."""
    lasting = objects.c.life.in_((Life.KEPT, Life.PART))
    for at in range(0, len(ids), IDS_AT_ONCE):
        which = and_(owned(scope), lasting, objects.c.id.in_(ids[at : at + IDS_AT_ONCE]))
        if (await tx.execute(select(objects.c.id).where(which).limit(1))).first() is not None:
            return True
    return False


async def bury_ended(tx: AsyncConnection, now: int, limit: int) -> int:
    """Destroy objects whose end has passed, at most ``limit``. Several sweepers share the work.

    There can be a million at once, so no id of them comes here where the database can do without. Nothing is
    overwritten first: SQLite does it with what it deletes, PostgreSQL would write it beside.
    """
    ended = select(objects.c.id).where(objects.c.ends <= now).order_by(objects.c.ends).limit(limit)
    some = ended.with_for_update(skip_locked=True).cte("some")
    gone = delete(objects).where(objects.c.id.in_(select(some.c.id))).returning(BLOB.label("id"))
    if tx.dialect.name == "postgresql":
        buried = gone.cte("gone")
        done = insert(graves).from_select(["id", "since"], select(buried.c.id, literal(now)))
        return (await tx.execute(done)).rowcount
    rows = [{"id": blob, "since": now} for blob in (await tx.execute(gone)).scalars()]
    if rows:
        await tx.execute(insert(graves), rows)
    return len(rows)


async def bury_least_used(tx: AsyncConnection, caps: Caps, now: int, limit: int) -> int:
    """Destroy cached copies beyond the caps, those first that were opened longest ago, at most ``limit`` at a time.

    Nothing else is counted or goes: never a spool, a part or what is kept.
    """
    await insert_if_absent(tx, epoch, {"id": 1, "value": 0})  # nothing is locked where there is no row
    await tx.execute(select(epoch.c.id).with_for_update())  # one sweeper at a time: two would free twice as much
    rows = await tx.execute(
        select(objects.c.tenant, func.sum(objects.c.size)).where(_CACHED).group_by(objects.c.tenant)
    )
    sizes = {tenant: int(size) for tenant, size in rows}
    done = 0
    for tenant, size in sizes.items():
        if caps.tenant and size > caps.tenant:
            count, freed = await _bury_oldest(tx, size - caps.tenant, now, limit - done, objects.c.tenant == tenant)
            sizes[tenant], done = size - freed, done + count
    if caps.total and (over := sum(sizes.values()) - caps.total) > 0:
        done += (await _bury_oldest(tx, over, now, limit - done))[0]
    return done


async def _bury_oldest(
    tx: AsyncConnection, over: int, now: int, limit: int, *where: ColumnElement[bool]
) -> tuple[int, int]:
    """Free at least ``over`` bytes where ``limit`` copies are enough; how many went, and their bytes."""
    oldest = select(objects.c.id, objects.c.size).where(_CACHED, *where)
    freed, ids = 0, []
    for row in await tx.execute(oldest.order_by(objects.c.used, objects.c.id).limit(limit)):
        if freed >= over:
            break
        ids.append(row.id)
        freed += row.size
    for at in range(0, len(ids), IDS_AT_ONCE):
        await bury(tx, objects.c.id.in_(ids[at : at + IDS_AT_ONCE]), now)
    return len(ids), freed


async def some(tx: AsyncConnection, scope: Scope, limit: int) -> dict[str, str]:
    """Some objects of a scope, for a tenant those of its subjects too: the names of their blobs by id."""
    rows = await tx.execute(select(objects.c.id, BLOB).where(below(scope)).limit(limit))
    return {row[0]: row[1] for row in rows}


async def shared(tx: AsyncConnection, blobs: Mapping[str, str]) -> set[str]:
    """Which of these blobs another row needs too; ``blobs``: their names by the ids of the rows that are known."""
    names = set(blobs.values())
    again = select(objects.c.id, objects.c.blob).where(among(tx, objects.c.blob, list(names)))
    found = {str(row.blob) for row in await tx.execute(again) if row.id not in blobs}
    if others := names - blobs.keys():  # nearly always none: a blob's name is its first row's id
        first = select(objects.c.id).where(among(tx, objects.c.id, list(others)), objects.c.blob.is_(None))
        found |= set((await tx.execute(first)).scalars())
    return found


async def drop(tx: AsyncConnection, ids: Sequence[str], blobs: Collection[str], now: int) -> None:
    """Delete rows whose keys are dead and whose blobs are removed, but for these ``blobs``: they go with the last row
    that needs them.
    """
    await tx.execute(delete(objects).where(among(tx, objects.c.id, ids)))
    if blobs:
        await tx.execute(insert(graves), [{"id": name, "since": now} for name in blobs])
        await spare_shared(tx, now)


async def open_graves(tx: AsyncConnection, limit: int) -> list[str]:
    """Blobs to delete, the oldest first."""
    return list((await tx.execute(select(graves.c.id).order_by(graves.c.since).limit(limit))).scalars())


async def close_graves(tx: AsyncConnection, ids: Sequence[str]) -> None:
    """These blobs are deleted."""
    await tx.execute(delete(graves).where(among(tx, graves.c.id, ids)))


async def known(tx: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Which of these blobs have a row or a grave; at most IDS_AT_ONCE."""
    first = select(objects.c.id).where(objects.c.id.in_(ids), objects.c.blob.is_(None))
    anew = select(objects.c.blob).where(objects.c.blob.in_(ids))
    rows = first.union(anew, select(graves.c.id).where(graves.c.id.in_(ids)))
    return set((await tx.execute(rows)).scalars())
