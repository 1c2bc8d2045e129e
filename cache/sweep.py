"""What ends by itself, bounded: ended objects, blobs of destroyed ones, orphans, dead expiry keys, dead staging.

Safe to run in many processes at once and to be killed anywhere: each step may be repeated. What lies in the database
and in the blob store is shared, so one process is enough for it; dead staging and expiry keys are each process's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

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

    @property
    def shared(self) -> Mapping[str, Callable[[int], Awaitable[int]]]:
        """What all processes share, by kind: each ends at most so many and says how many there were. Unavailable."""
        return {
            "objects": self.ended,
            "caps": self.cut,
            "blobs": self.empty_graves,
            "orphans": self.orphans,
        }

    async def own(self) -> int:
        """Dead expiry keys go, and the staging of dead processes on this machine: how many of these. Unavailable."""
        await self._expiry.expire(await self._database.now())
        return await self._staging.clean()

    async def ended(self, limit: int) -> int:
        """Objects whose end has passed go."""
        async with self._database.write() as tx:
            return await shelf.bury_ended(tx, await self._database.now(tx), limit)

    async def cut(self, limit: int) -> int:
        """Cached copies beyond the caps go."""
        if not (self._caps.total or self._caps.tenant):
            return 0
        now = await self._database.now()
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

    async def orphans(self, limit: int) -> int:
        """Look at up to ``limit`` blobs, from where the last sweep stopped; how many nobody knows."""
        before = await self._database.now() - ORPHAN_MS
        looked: list[BlobInfo] = []
        async for info in self._blobs.list(self._seen):
            looked.append(info)
            if len(looked) >= limit:
                break
        self._seen = looked[-1].name if len(looked) >= limit else ""
        old = [info.name for info in looked if info.written < before]
        orphans = await self._unknown(old)
        await self._blobs.remove(orphans)
        return len(orphans) + await self._blobs.tidy(before)

    async def _unknown(self, names: list[str]) -> list[str]:
        orphans = []
        for at in range(0, len(names), shelf.IDS_AT_ONCE):
            chunk = names[at : at + shelf.IDS_AT_ONCE]
            async with self._database.read() as tx:
                known = await shelf.known(tx, chunk)
            orphans += [name for name in chunk if name not in known]
        return orphans
