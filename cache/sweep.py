"""What ends by itself, bounded: ended objects, blobs of destroyed ones, orphans, dead expiry keys, dead staging.

Safe to run in many processes at once and to be killed anywhere: each step may be repeated.
"""

from __future__ import annotations

from cache import shelf
from cache.blobs.base import BlobInfo, BlobStore
from cache.database import Transactions
from cache.expiry import ExpiryKeys
from cache.model import Caps
from cache.staging import Staging

ORPHAN_MS = 60 * 60 * 1000
"""A blob without a row is one whose writer was killed, once it is older than this."""


class Sweep:
    """One process's sweep; it remembers how far it has looked for orphans."""

    def __init__(
        self, database: Transactions, blobs: BlobStore, expiry: ExpiryKeys, staging: Staging, caps: Caps
    ) -> None:
        """All times are the database's."""
        self._caps = caps
        self._database = database
        self._blobs = blobs
        self._expiry = expiry
        self._staging = staging
        self._seen = ""

    async def run(self, limit: int) -> int:
        """At most ``limit`` of each kind; how many objects, blobs and leftovers went: 0 when there is no more to do.

        Unavailable.
        """
        now = await self._database.now()
        await self._expiry.expire(now)
        async with self._database.write() as tx:
            done = await shelf.bury_ended(tx, now, limit)
        done += await self._cut(now, limit)
        done += await self.empty_graves(limit)
        done += await self._orphans(now - ORPHAN_MS, limit)
        done += await self._blobs.tidy(now - ORPHAN_MS)
        return done + await self._staging.clean()

    async def _cut(self, now: int, limit: int) -> int:
        """Cached copies beyond the caps go."""
        if not (self._caps.total or self._caps.tenant):
            return 0
        async with self._database.write() as tx:
            return await shelf.bury_least_used(tx, self._caps, now, limit)

    async def empty_graves(self, limit: int) -> int:
        """Remove blobs of destroyed objects, the oldest first; how many. Unavailable."""
        async with self._database.read() as tx:
            ids = await shelf.open_graves(tx, limit)
        await self._blobs.remove(ids)
        if ids:
            async with self._database.write() as tx:
                await shelf.close_graves(tx, ids)
        return len(ids)

    async def _orphans(self, before: int, limit: int) -> int:
        """Look at up to ``limit`` blobs, from where the last sweep stopped."""
        looked: list[BlobInfo] = []
        async for info in self._blobs.list(self._seen):
            looked.append(info)
            if len(looked) >= limit:
                break
        self._seen = looked[-1].name if len(looked) >= limit else ""
        old = [info.name for info in looked if info.written < before]
        orphans = await self._unknown(old)
        await self._blobs.remove(orphans)
        return len(orphans)

    async def _unknown(self, names: list[str]) -> list[str]:
        orphans = []
        for at in range(0, len(names), shelf.IDS_AT_ONCE):
            chunk = names[at : at + shelf.IDS_AT_ONCE]
            async with self._database.read() as tx:
                known = await shelf.known(tx, chunk)
            orphans += [name for name in chunk if name not in known]
        return orphans
