"""Expiry keys that many machines share: in a Redis that keeps nothing, wrapped, each with its own end.

Redis sees random bytes: a key is wrapped under the root before it leaves the process, bound to its bucket, so that an
answer that belongs elsewhere is no key. Which version of the root, the first four bytes say. The server destroys each
at its end (EXAT); the sweep does it as well, by the database's clock. No process keeps one in memory beyond the call
that asked for it: when Redis loses them, everything temporary ends, everywhere.
"""

from __future__ import annotations

import hmac
import struct

from cache.encoding import enc
from cache.errors import Corrupt, Unavailable
from cache.keys import BUCKET_MS, Wrap, new_key, unwrap_key, wrap_key
from cache.redis_client import RedisClient, RedisRefused
from cache.roots import Roots

CLOCKS_MS = 60_000
"""How far Redis's clock may be from the database's at the start."""

_LONGEST = 4 * 24 * 60 * 60 * 1000 // BUCKET_MS
"""Buckets before now that a first sweep looks for: more than anything temporary lives."""

_VERSION = struct.Struct(">I")


def place_of(roots: Roots) -> str:
    """What the names of this installation's keys begin with, whichever root wraps them."""
    return f"file-access:{hmac.digest(roots.mark, enc('redis'), 'sha256')[:8].hex()}"


class RedisExpiry:
    """Expiry keys in Redis. Satisfies `expiry.ExpiryKeys`."""

    def __init__(self, client: RedisClient, roots: Roots) -> None:
        """``roots`` must be started; the client is started and closed by its owner."""
        self._client = client
        self._roots = roots
        self._place = place_of(roots)
        self._swept: int | None = None

    async def start(self, now: int) -> None:
        """Prove that keys can be kept here until their end. ``now``: the database's clock. RedisRefused, Unavailable.

        The server must know EXAT (Redis 6.2, any Valkey) and its user must be allowed what is needed.
        """
        seconds, micros = await self._client.ask("TIME", starting=True)
        if abs(int(seconds) * 1000 + int(micros) // 1000 - now) > CLOCKS_MS:
            raise RedisRefused("the clocks of Redis and of the database differ by more than a minute: set both right")
        probe = f"{self._place}:expiry:probe"
        await self._client.ask("SET", probe, b"", "NX", "EXAT", int(seconds) + 60, starting=True)
        await self._client.ask("GET", probe, starting=True)
        await self._client.ask("DEL", probe, starting=True)

    async def make(self, bucket: int) -> bytes:
        """See `expiry.ExpiryKeys`."""
        key = new_key()
        root = self._roots.current
        box = _VERSION.pack(root.version) + wrap_key(key, root.key, _wrap(bucket))
        ends = (bucket + 1) * BUCKET_MS // 1000
        if await self._client.ask("SET", self._name(bucket), box, "NX", "EXAT", ends):
            return key
        found = await self.find(bucket)
        if found is None:
            raise Unavailable("an expiry key was lost or damaged just now")
        return found

    async def find(self, bucket: int) -> bytes | None:
        """See `expiry.ExpiryKeys`."""
        box = await self._client.ask("GET", self._name(bucket))
        if not isinstance(box, bytes) or len(box) < _VERSION.size:
            return None
        version = _VERSION.unpack_from(box)[0]
        if not self._roots.knows(version):  # written by others: as good as lost
            return None
        try:
            return unwrap_key(box[_VERSION.size :], self._roots.find(version).key, _wrap(bucket))
        except Corrupt:
            return None

    async def expire(self, now: int) -> int:
        """See `expiry.ExpiryKeys`. Redis does it by itself unless its clock is behind: no sweep waits for it."""
        current = now // BUCKET_MS
        first = current - _LONGEST if self._swept is None else self._swept
        passed = [self._name(bucket) for bucket in range(first, current)]
        try:
            gone = int(await self._client.ask("DEL", *passed)) if passed else 0
        except Unavailable:
            return 0
        self._swept = current
        return gone

    def _name(self, bucket: int) -> str:
        return f"{self._place}:expiry:{bucket}"


def _wrap(bucket: int) -> Wrap:
    return Wrap("expiry", "", "", "", bucket)
