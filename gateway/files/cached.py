"""Rows of what is cached for a person: found by a keyed hash, shown to that person, gone at their end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.errors import Missing, Shredded, Suspended, Unavailable
from cache.vault import Fields, Life, Scope, Vault, Writer
from gateway.db.some import delete_some
from gateway.db.tables_files import cached_files
from gateway.ids import new_id
from gateway.suspended import locked
from providers.drive import Ref

TABLE = "cached_files"


@dataclass(frozen=True, slots=True)
class Cached:
    """One cached copy: the vault's ``object``, ``size`` in bytes, ``stored`` and ``ends`` in epoch ms."""

    id: str
    drive: str
    item: str
    name: str
    media_type: str
    object: str
    size: int
    stored: int
    ends: int


class CachedFiles:
    """The index of one deployment's cached copies, always asked for one person."""

    def __init__(self, vault: Vault, database: Transactions) -> None:
        self._vault = vault
        self._database = database

    async def lookup(self, scope: Scope, *parts: str | None) -> bytes:
        """The keyed hash under which a copy of drive, item, version and format is found: 32 bytes."""
        fields = await self._vault.fields(scope)
        return fields.index("cached", "\0".join(part or "" for part in parts))

    async def find(self, scope: Scope, lookup: bytes) -> Cached | None:
        """The copy of this hash that can still be read, or None.

        One whose expiry key was lost with the memory it lay in is as good as none, and its row goes.
        """
        rows = await self._living(scope, cached_files.c.lookup == lookup)
        if not rows or await self._readable(scope, rows[0].object):
            return rows[0] if rows else None
        async with self._database.write() as tx:
            await self.destroy(tx, scope, [rows[0].id])
        return None

    async def _readable(self, scope: Scope, copy: str) -> bool:
        try:
            return await self._vault.readable(scope, copy)
        except Unavailable:  # nobody knows now: it stays, and its reader turns to the drive
            return True

    async def list(self, scope: Scope) -> Sequence[Cached]:
        """All living copies of the person, the latest first."""
        return await self._living(scope)

    async def of_items(self, scope: Scope, drive: str, names: Set[tuple[str, str]]) -> Sequence[str]:
        """Ids of the copies of these items, whatever version and format; ``names``: space and id of each."""
        found = await self._living(scope, cached_files.c.drive == drive)
        refs = [(one.id, Ref.parse(one.item)) for one in found]
        return [copy for copy, ref in refs if (ref.space, ref.id) in names]

    async def of_drive(self, scope: Scope, drive: str) -> Sequence[str]:
        """Ids of all copies of one drive."""
        return [one.id for one in await self._living(scope, cached_files.c.drive == drive)]

    async def _living(self, scope: Scope, *where: Any) -> Sequence[Cached]:
        now = await self._database.now()
        query = (
            select(cached_files)
            .where(cached_files.c.person == scope.subject, cached_files.c.ends > now, *where)
            .order_by(cached_files.c.stored.desc())
        )
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).mappings().all()
        if not rows:
            return []
        fields = await self._vault.fields(scope)
        return [_cached(row, fields) for row in rows]

    async def store(
        self, tx: AsyncConnection, scope: Scope, drive: str, lookup: bytes, facts: Mapping[str, str], writer: Writer,
        stored: int, ends: int,
    ) -> None:  # fmt: skip
        """Commit a finished fill and its row; an older copy of the same hash is destroyed."""
        sealed = await writer.commit(tx)
        mine = (cached_files.c.person == scope.subject) & (cached_files.c.lookup == lookup)
        old = (await tx.execute(select(cached_files.c.object).where(mine))).scalars().all()
        if old:
            await tx.execute(delete(cached_files).where(mine))
            await self._vault.destroy(tx, scope, old)
        row = new_id()
        fields = await self._vault.fields(scope)
        box = fields.seal(TABLE, "facts", row, json.dumps(dict(facts)))
        await tx.execute(
            insert(cached_files).values(
                id=row,
                school=scope.tenant,
                person=scope.subject,
                drive=drive,
                lookup=lookup,
                object=sealed.id,
                facts=box,
                size=sealed.size,
                stored=stored,
                ends=ends,
            )
        )

    async def destroy(self, tx: AsyncConnection, scope: Scope, ids: Sequence[str] | None = None) -> int:
        """Destroy the person's copies of these ids, or all of them. How many."""
        where = cached_files.c.person == scope.subject
        if ids is not None:
            where &= cached_files.c.id.in_(ids)
        objects = (await tx.execute(select(cached_files.c.object).where(where))).scalars().all()
        await tx.execute(delete(cached_files).where(where))
        if objects:
            await self._vault.destroy(tx, scope, objects)
        return len(objects)

    async def shorten(self, lives: Mapping[str, int], limit: int) -> int:
        """Bring the ends of copies forward that are later than their school allows now. How many.

        ``lives``: by school, ms from storing. An end is never put off. At most ``limit`` copies. One under a key that
        is suspended holds up no other: nobody reads it, and it is wrapped anew once that is over, or goes at its end.
        """
        if not lives:
            return 0
        late = _late(lives, await self._database.now())
        async with self._database.read() as tx:
            rows = (await tx.execute(select(cached_files).where(late).limit(limit))).all()
        done = 0
        for row in rows:
            try:
                await self._shorten(Scope(row.school, row.person), row, row.stored + lives[row.school])
                done += 1
            except Suspended:  # a moment ago
                continue
        return done

    async def _shorten(self, scope: Scope, row: Any, ends: int) -> None:
        """The copy's key is wrapped anew, so that the death of the earlier expiry key ends it, too. Suspended."""
        async with self._database.write() as tx:
            if ends <= await self._database.now(tx):
                await self.destroy(tx, scope, [row.id])
                return
            try:
                await self._vault.rewrap(tx, scope, row.object, Life.CACHE, ends)
            except (Missing, Shredded):  # it was destroyed meanwhile, or can no longer be read
                await self.destroy(tx, scope, [row.id])
                return
            await tx.execute(update(cached_files).where(cached_files.c.id == row.id).values(ends=ends))

    async def sweep(self, limit: int) -> int:
        """Delete rows whose end has passed; the vault's own sweep ends the bytes.

        The bytes are dead in backups too; the name, with the person's next new key (see `Idempotency.sweep`).
        """
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            return await delete_some(tx, cached_files, cached_files.c.ends <= now, limit)


def _late(lives: Mapping[str, int], now: int) -> ColumnElement[bool]:
    """Copies that end too late, and can be told so now: what is over by now goes without a key."""
    copy, kinds = cached_files.c, []
    usable = ~locked(copy.school, copy.person)
    for life in set(lives.values()):
        schools = [school for school in lives if lives[school] == life]
        over = copy.stored <= now - life
        kinds.append(and_(copy.school.in_(schools), copy.ends > copy.stored + life, or_(over, usable)))
    return or_(*kinds)


def _cached(row: Mapping[Any, Any], fields: Fields) -> Cached:
    facts = json.loads(fields.text(TABLE, "facts", row["id"], row["facts"]))
    return Cached(
        id=row["id"],
        drive=row["drive"],
        item=facts["item"],
        name=facts["name"],
        media_type=facts["media_type"],
        object=row["object"],
        size=row["size"],
        stored=row["stored"],
        ends=row["ends"],
    )
