"""The statements about rows of keys. Each takes a transaction and never commits it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import record_keys, shredded, subject_keys, tenant_keys
from cache.database import insert_if_absent
from cache.errors import Shredded
from cache.keys import Key, Wrapper, new_key
from cache.loading import record_wrap
from cache.model import Scope
from cache.ring import KeySet, Ring

FIRST_RECORD = 1 << 16
"""Record keys count from here: a box tells whether it was sealed under one."""


def below(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    """Rows of this scope, and for a tenant those of all its subjects."""
    mine = [table.c.tenant == scope.tenant]
    return mine if scope.subject is None else [*mine, table.c.subject == scope.subject]


async def overwrite(tx: AsyncConnection, table: Table, scope: Scope) -> None:
    """Destroy the keys of this scope and below: their bytes first, then their rows."""
    await tx.execute(update(table).where(*below(table, scope)).values(box=b""))
    await tx.execute(delete(table).where(*below(table, scope)))


async def add_record_key(tx: AsyncConnection, scope: Scope, parents: KeySet, version: int, now: int) -> None:
    """A new record key of a scope, where it has none of this version."""
    box = Wrapper(parents.key).wrap(new_key(), record_wrap(scope))
    row = {"tenant": scope.tenant, "subject": scope.owner, "version": version, "key_version": parents.current}
    await insert_if_absent(tx, record_keys, {**row, "box": box, "made": now})


async def is_shredded(tx: AsyncConnection, scope: Scope) -> bool:
    """Whether the scope, or its whole tenant, was destroyed."""
    found = select(shredded.c.epoch).where(shredded.c.tenant == scope.tenant, shredded.c.subject.in_({"", scope.owner}))
    return (await tx.execute(found.limit(1))).first() is not None


async def hold_key(tx: AsyncConnection, scope: Scope, version: int) -> bool:
    """Whether that key still exists, held against destruction until the transaction ends. It may be wrapped anew."""
    if scope.subject is None:
        found = select(tenant_keys.c.made).where(tenant_keys.c.tenant == scope.tenant, tenant_keys.c.version == version)
    else:
        found = select(subject_keys.c.made).where(
            subject_keys.c.tenant == scope.tenant,
            subject_keys.c.subject == scope.subject,
            subject_keys.c.version == version,
        )
    return (await tx.execute(found.with_for_update(read=True, key_share=True))).first() is not None


async def hold_current(tx: AsyncConnection, ring: Ring) -> Key:
    """The key that seals now, held until the transaction ends. Shredded where it was destroyed."""
    key = ring.current()
    if not await hold_key(tx, ring.scope, key.version):
        raise Shredded("these keys were destroyed")
    return key
