"""The steps of a cycle that move what is under old keys, and destroy a key once nothing is.

A key dies in the transaction that counted what is under it and found nothing. Whoever is about to write something under
it either is waited for, and then counted, or finds it gone (see `guards`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import ColumnElement, and_, delete, func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.announcing import ROOT, Work, announce
from cache.catalog import changes, renewals, roots, subject_keys, tenant_keys
from cache.replacing import BATCH, REPLACED, Waits, tenant_set
from cache.rewrapping import rewrap
from cache.rewriting import Rewriter
from cache.ring import KeySet
from cache.roots import CURRENT, OLD, RETIRED
from cache.sealed import scope_of

ROUNDS = 5
"""How often what somebody wrote under an old key meanwhile is moved, before the cycle waits for a quieter time."""
_REWRITTEN = 50


class Again(Exception):
    """An earlier step has something left to do: its name."""


async def people(work: Work) -> None:
    """All subjects' keys are under their tenant's current key, and so are its indexes. Unavailable."""
    for tenant in await _turned_tenants(work):
        await _people(work, tenant)


async def _people(work: Work, tenant: str) -> None:
    held = await tenant_set(work, tenant)
    if not held:
        return
    await work.count(await rewrap(work.database, tenant, held, work.write))

    async def theirs(tx: AsyncConnection, owners: Sequence[str]) -> dict[str, KeySet]:
        return await work.keyring.loader.subjects(tx, tenant, owners, held)

    for table in work.mover.foreign:
        await work.count(await work.mover.reindex(table, tenant, held, theirs, work.write))


async def renewed(work: Work) -> None:
    """What is under the old key of a subject is under the current one. Unavailable."""
    async for tenant, owners in _turned_subjects(work):
        await _move(work, tenant, owners)


async def _move(work: Work, tenant: str, owners: Sequence[str]) -> None:
    async with work.database.read() as tx:
        held = await work.keyring.loader.subjects(tx, tenant, owners, await work.keyring.loader.tenant(tx, tenant))
    await work.count(await work.mover.move(tenant, held, work.write))


async def schools(work: Work) -> None:
    """What is under a tenant's own old key is under its current one. Unavailable."""
    for tenant in await _turned_tenants(work):
        if held := await tenant_set(work, tenant):
            await work.count(await work.mover.move(tenant, {"": held}, work.write))


async def bulk(work: Work, rewriter: Rewriter) -> None:
    """The sealed bytes of those for whom that was asked are written anew. Unavailable."""
    after = work.cycle.counts.get("after", "")  # of the first of them, where this goes on with it
    while (marked := await _marked(work)) is not None:
        scope = scope_of(*marked)
        while ids := await rewriter.page(scope, after, _REWRITTEN):
            done = [await rewriter.rewrite(scope, one, work.write) for one in ids]
            after = ids[-1]
            async with work.write() as tx:
                counts = await work.lease.counts(tx, work.cycle)
                counts |= {"after": after, "objects": counts.get("objects", 0) + sum(done)}
                await work.lease.note(tx, work.cycle, counts)
        async with work.write() as tx:
            mine = and_(renewals.c.tenant == scope.tenant, renewals.c.subject == scope.owner)
            await tx.execute(delete(renewals).where(mine, renewals.c.since == REPLACED))
            await work.lease.note(tx, work.cycle, {**await work.lease.counts(tx, work.cycle), "after": ""})
        after = ""


async def _marked(work: Work) -> tuple[str, str] | None:
    query = select(renewals.c.tenant, renewals.c.subject).where(renewals.c.since == REPLACED, renewals.c.bulk)
    async with work.database.read() as tx:
        row = (await tx.execute(query.order_by(renewals.c.tenant, renewals.c.subject).limit(1))).first()
    return None if row is None else (row.tenant, row.subject)


async def close(work: Work) -> None:
    """Old keys are destroyed. Waits while somebody may still need one, Again, Unavailable."""
    if await work.database.now() < work.cycle.stepped + work.grace:
        raise Waits("old keys still open for a few minutes what was read before")
    for _ in range(ROUNDS):
        if await _close_subjects(work) and await _close_tenants(work):
            await _close_root(work)
            return
    raise Waits("something is written under old keys again and again")


async def _close_subjects(work: Work) -> bool:
    """False where something was left, which is moved now."""
    whole = True
    async for tenant, owners in _turned_subjects(work):
        async with work.write() as tx:
            old = _old(tenant, owners)
            await tx.execute(select(subject_keys.c.version).where(old).with_for_update())
            left = await work.mover.left(tx, tenant, await _current(tx, tenant, owners))
            done = [owner for owner in owners if owner not in left]
            dying = _old(tenant, done)
            await tx.execute(update(subject_keys).where(dying).values(box=b""))
            await tx.execute(delete(subject_keys).where(dying))
            await announce(tx, [(tenant, owner) for owner in done])
        if left:
            await _move(work, tenant, sorted(left))
            whole = False
    return whole


def _old(tenant: str, owners: Sequence[str]) -> ColumnElement[bool]:
    mine = and_(subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(owners))
    return and_(mine, subject_keys.c.state == OLD)


async def _current(tx: AsyncConnection, tenant: str, owners: Sequence[str]) -> dict[str, int]:
    mine = and_(subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(owners), subject_keys.c.state == CURRENT)
    rows = await tx.execute(select(subject_keys.c.subject, subject_keys.c.version).where(mine))
    return {row.subject: row.version for row in rows}


async def _close_tenants(work: Work) -> bool:
    """False where something was left, which is moved now."""
    whole = True
    for tenant in await _turned_tenants(work):
        async with work.write() as tx:
            old = and_(tenant_keys.c.tenant == tenant, tenant_keys.c.state == OLD)
            await tx.execute(select(tenant_keys.c.version).where(old).with_for_update())
            left = await _under_old(work, tx, tenant)
            if not left:
                await tx.execute(update(tenant_keys).where(old).values(box=b""))
                await tx.execute(delete(tenant_keys).where(old))
                await announce(tx, [(tenant, "")])
        if left:
            await _people(work, tenant)
            if held := await tenant_set(work, tenant):
                await work.count(await work.mover.move(tenant, {"": held}, work.write))
            whole = False
    return whole


async def _under_old(work: Work, tx: AsyncConnection, tenant: str) -> bool:
    """Whether anything is under another key of the tenant than its current one."""
    current = select(tenant_keys.c.version).where(tenant_keys.c.tenant == tenant, tenant_keys.c.state == CURRENT)
    version = (await tx.execute(current)).scalar()
    if version is None:
        return False  # it left
    wrapped = (subject_keys.c.tenant == tenant, subject_keys.c.tenant_version != version)
    if (await tx.execute(select(subject_keys.c.version).where(*wrapped).limit(1))).first() is not None:
        return True
    return bool(await work.mover.left(tx, tenant, {"": version})) or await work.mover.misplaced(tx, tenant, version)


async def _close_root(work: Work) -> None:
    """Old roots under which no tenant is are kept for backups only, for one life of a backup from now on."""
    async with work.write() as tx:
        old = list((await tx.execute(select(roots.c.version).where(roots.c.state == OLD).with_for_update())).scalars())
        under = select(func.count()).select_from(tenant_keys).where(tenant_keys.c.root_version.in_(old))
        if (await tx.execute(under)).scalar_one():
            raise Again("tenants")  # a school was first configured while the root was replaced
        due = await work.database.now(tx) + work.keyring.times.backups
        await tx.execute(update(roots).where(roots.c.state == OLD).values(state=RETIRED, due=due))
        await announce(tx, [ROOT])
        await tx.execute(delete(changes).where(changes.c.epoch < work.cycle.counts.get("epoch", 0)))


async def _turned_tenants(work: Work) -> list[str]:
    """Tenants of which an older key is left."""
    query = select(tenant_keys.c.tenant).where(tenant_keys.c.state == OLD).distinct().order_by(tenant_keys.c.tenant)
    async with work.database.read() as tx:
        return list((await tx.execute(query)).scalars())


async def _turned_subjects(work: Work) -> AsyncIterator[tuple[str, list[str]]]:
    """Subjects of which an older key is left, some of one tenant at a time."""
    last = ("", "")
    while True:
        turning = subject_keys.c.state != literal_column("'current'")  # as the index says it
        place = tuple_(subject_keys.c.tenant, subject_keys.c.subject)
        query = select(subject_keys.c.tenant, subject_keys.c.subject).where(turning, subject_keys.c.state == OLD)
        query = query.where(place > last).distinct().order_by(subject_keys.c.tenant, subject_keys.c.subject)
        async with work.database.read() as tx:
            rows = (await tx.execute(query.limit(BATCH))).all()
        if not rows:
            return
        tenant = rows[0].tenant
        owners = [row.subject for row in rows if row.tenant == tenant]
        last = (tenant, owners[-1])
        yield tenant, owners
