"""The steps of a cycle that make new keys: of the root, of tenants, of subjects who deleted something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.announcing import ROOT, Work, announce, follow
from cache.catalog import record_keys, renewals, roots, subject_keys, tenant_keys
from cache.errors import Missing
from cache.keyrows import add_record_key
from cache.keys import Wrapper, new_key
from cache.loading import subject_wrap, tenant_wrap
from cache.ring import KeySet
from cache.roots import CURRENT, NEXT, RootKey
from cache.sealed import scope_of

BATCH = 200
"""Tenants, or subjects of a tenant, that are replaced in one transaction."""
AT_ONCE = 1000
"""Subjects that are announced together."""
CALLS = 16
"""Requests to a root in KMS at the same time."""
LACKING_MS = 30_000
"""How long the word of a process counts that it lacks a root."""
REPLACED = 0
"""In the place of the time since when a new key is due: it is there, the sealed objects are still to be rewritten."""


class Waits(Exception):
    """The cycle cannot go on now; the message says why, and holds no secret."""


async def root(work: Work) -> None:
    """A new version of the root, current. RootRefused, Unavailable, Waits where a process lacks it."""
    if work.cycle.kind != "cycle":
        return
    version = work.cycle.counts.get("root") or await _make_root(work)
    async with work.database.read() as tx:
        state = (await tx.execute(select(roots.c.state).where(roots.c.version == version))).scalar_one()
    if state == NEXT:
        await _root_follows(work, version)


async def _make_root(work: Work) -> int:
    place = work.keyring.roots.place
    assert place is not None
    async with work.database.read() as tx:
        version = int((await tx.execute(select(func.max(roots.c.version)))).scalar_one()) + 1
    made, columns = await place.make(version, first=False)
    async with work.write() as tx:
        row = {"version": version, "check": made.key.subkey("check"), "made": await work.database.now(tx)}
        await tx.execute(insert(roots).values(**row, state=NEXT, **columns))
        before = await announce(tx, [ROOT])
        counts = await work.lease.counts(tx, work.cycle)
        await work.lease.note(tx, work.cycle, {**counts, "root": version, "epoch": before})
    work.keyring.roots.hold(made)
    return version


async def _root_follows(work: Work, version: int) -> None:
    await work.keyring.roots.refresh(work.database)
    await work.settled()
    await asyncio.sleep(work.settle)  # a root in KMS is not there at once
    if version in work.keyring.roots.lacking:
        raise Waits(f"version {version} of the root key is missing in this process")
    async with work.write() as tx:
        now = await work.database.now(tx)
        missing = (await tx.execute(select(roots.c.missing).where(roots.c.version == version))).scalar()
        if missing is not None and missing > now - LACKING_MS:
            raise Waits(
                f"version {version} of the root key is missing in a process: the root key's file, or the environment, "
                "must be the same on every machine"
            )
        await follow(tx, roots, roots.c.version.is_not(None))
        await announce(tx, [ROOT])
    await work.settled()


async def tenants(work: Work) -> None:
    """Every tenant that this cycle is about has a new key under the current root. Unavailable."""
    while await _announced_tenants(work):
        await work.settled()
        await _tenants_follow(work)
        await work.settled()


async def _announced_tenants(work: Work) -> bool:
    """Make the next keys of some tenants; False where there are no next ones left."""
    key, found = work.keyring.roots.current, await _tenants_to_replace(work)
    for at in range(0, len(found), CALLS):
        some = found[at : at + CALLS]
        boxes = await asyncio.gather(*(key.wrap(new_key(), tenant_wrap(tenant)) for tenant in some))
        async with work.write() as tx:
            await _add_tenant_keys(tx, key, dict(zip(some, boxes, strict=True)), await work.database.now(tx))
    async with work.database.read() as tx:
        turning = select(tenant_keys.c.tenant).where(tenant_keys.c.state == NEXT).limit(1)
        return (await tx.execute(turning)).first() is not None


async def _tenants_to_replace(work: Work) -> list[str]:
    other = tenant_keys.alias()
    turning = exists().where(other.c.tenant == tenant_keys.c.tenant, other.c.state == NEXT)
    query = select(tenant_keys.c.tenant).where(tenant_keys.c.state == CURRENT, ~turning)
    if work.cycle.kind == "cycle":
        query = query.where(tenant_keys.c.root_version != work.keyring.roots.current.version)
    else:
        asked = select(renewals.c.tenant).where(renewals.c.subject == "")
        query = query.where(tenant_keys.c.tenant.in_(asked))
    async with work.database.read() as tx:
        return list((await tx.execute(query.order_by(tenant_keys.c.tenant).limit(BATCH * 5))).scalars())


async def _add_tenant_keys(tx: AsyncConnection, root: RootKey, boxes: Mapping[str, bytes], now: int) -> None:
    """For those that are still there: who left meanwhile gets no key."""
    query = select(tenant_keys.c.tenant, tenant_keys.c.version).where(tenant_keys.c.tenant.in_(boxes))
    versions: dict[str, int] = {}
    for row in await tx.execute(query.with_for_update()):
        versions[row.tenant] = max(row.version, versions.get(row.tenant, 0))
    rows = [
        {"tenant": tenant, "version": version + 1, "root_version": root.version, "box": boxes[tenant], "made": now}
        for tenant, version in versions.items()
    ]
    if rows:
        await tx.execute(insert(tenant_keys).values(state=NEXT), rows)
    await tx.execute(delete(renewals).where(renewals.c.subject == "", renewals.c.tenant.in_(boxes)))
    await announce(tx, [(tenant, "") for tenant in versions])


async def _tenants_follow(work: Work) -> None:
    while True:
        async with work.write() as tx:
            turning = select(tenant_keys.c.tenant).where(tenant_keys.c.state == NEXT)
            found = list((await tx.execute(turning.limit(BATCH))).scalars())
            if not found:
                return
            await follow(tx, tenant_keys, tenant_keys.c.tenant.in_(found))
            await announce(tx, [(tenant, "") for tenant in found])


async def subjects(work: Work) -> None:
    """Every subject for whom a new key is due has one. What is under the old one is moved afterwards. Unavailable."""
    while due := await _due(work):
        for tenant, marks in _by_tenant(due):
            await _announce_subjects(work, tenant, [mark.subject for mark in marks])
        await work.settled()
        for tenant, marks in _by_tenant(due):
            await _subjects_follow(work, tenant, marks)
        await work.settled()


async def _due(work: Work) -> Sequence[Row[Any]]:
    """Marks from before this step; later ones are the next cycle's."""
    mine = and_(renewals.c.subject != "", renewals.c.since > REPLACED, renewals.c.since <= work.cycle.stepped)
    query = select(renewals).where(mine).order_by(renewals.c.tenant, renewals.c.subject).limit(AT_ONCE)
    async with work.database.read() as tx:
        return (await tx.execute(query)).all()


def _by_tenant(rows: Iterable[Row[Any]]) -> Iterable[tuple[str, list[Row[Any]]]]:
    """Some of one tenant at a time."""
    for tenant, of in groupby(rows, key=lambda row: str(row.tenant)):
        found = list(of)
        for at in range(0, len(found), BATCH):
            yield tenant, found[at : at + BATCH]


async def _announce_subjects(work: Work, tenant: str, owners: Sequence[str]) -> None:
    held = await tenant_set(work, tenant)
    wrapper = Wrapper(held.key) if held else None
    async with work.write() as tx:
        mine = and_(subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(owners))
        found = (await tx.execute(select(subject_keys).where(mine).with_for_update())).all()
        turning = {row.subject for row in found if row.state == NEXT}
        versions: dict[str, int] = {}
        for row in found:
            versions[row.subject] = max(row.version, versions.get(row.subject, 0))
        new = [(owner, version + 1) for owner, version in versions.items() if owner not in turning]
        if new and wrapper is not None:
            now = await work.database.now(tx)
            await tx.execute(insert(subject_keys), [_next_row(tenant, one, wrapper, now) for one in new])
        gone = set(owners) - set(versions)  # forgotten meanwhile
        await tx.execute(delete(renewals).where(renewals.c.tenant == tenant, renewals.c.subject.in_(gone)))
        await announce(tx, [(tenant, owner) for owner in versions])


def _next_row(tenant: str, new: tuple[str, int], wrapper: Wrapper, now: int) -> dict[str, Any]:
    owner, version = new
    box = wrapper.wrap(new_key(), subject_wrap(tenant, owner))
    named = {"tenant": tenant, "subject": owner, "version": version, "tenant_version": wrapper.parent.version}
    return {**named, "box": box, "made": now, "state": NEXT}


async def _subjects_follow(work: Work, tenant: str, marks: Sequence[Row[Any]]) -> None:
    owners = [mark.subject for mark in marks]
    mine = and_(subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(owners))
    async with work.write() as tx:
        turning = select(subject_keys.c.subject).where(mine, subject_keys.c.state == NEXT)
        found = list((await tx.execute(turning)).scalars())
        await follow(tx, subject_keys, and_(subject_keys.c.tenant == tenant, subject_keys.c.subject.in_(found)))
        bulk = [mark.subject for mark in marks if mark.bulk]
        await _renew_records(work, tx, tenant, bulk)
        marked = and_(renewals.c.tenant == tenant, renewals.c.since <= work.cycle.stepped)
        await tx.execute(update(renewals).where(marked, renewals.c.subject.in_(bulk)).values(since=REPLACED))
        done = [owner for owner in owners if owner not in bulk]
        await tx.execute(delete(renewals).where(marked, renewals.c.subject.in_(done)))
        await announce(tx, [(tenant, owner) for owner in found])


async def _renew_records(work: Work, tx: AsyncConnection, tenant: str, owners: Sequence[str]) -> None:
    """After a compromise new records are sealed under a new key; older ones stay under theirs."""
    if not owners:
        return
    found = await work.keyring.loader.subjects(tx, tenant, owners, await work.keyring.loader.tenant(tx, tenant))
    mine = and_(record_keys.c.tenant == tenant, record_keys.c.subject.in_(found))
    query = select(record_keys.c.subject, func.max(record_keys.c.version)).where(mine).group_by(record_keys.c.subject)
    for owner, version in (await tx.execute(query)).all():
        await add_record_key(tx, scope_of(tenant, owner), found[owner], version + 1, await work.database.now(tx))


async def tenant_set(work: Work, tenant: str) -> KeySet:
    """A tenant's keys; empty where it left."""
    async with work.database.read() as tx:
        try:
            return await work.keyring.loader.tenant(tx, tenant)
        except Missing:
            return KeySet()
