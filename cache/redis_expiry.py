"""Expiry keys that many machines share: in a Redis that keeps nothing, wrapped, each with its own end.

Redis sees random bytes: a key is wrapped under the root before it leaves the process, bound to its bucket, so that an
answer that belongs elsewhere is no key. The server destroys each at its end (EXAT); the sweep does it as well, by the
database's clock. No process keeps one in memory beyond the call that asked for it: when Redis loses them, everything
temporary ends, everywhere.
"""

from __future__ import annotations

import hmac

from cache.encoding import enc
from cache.errors import Corrupt, Unavailable
from cache.inventory import Held
from cache.keys import BUCKET_MS, Wrap, new_key, unwrap_key, wrap_key
from cache.redis_client import RedisClient, RedisRefused
from cache.roots import Root

CLOCKS_MS = 60_000
"""How far Redis's clock may be from the database's at the start."""

_LONGEST = 4 * 24 * 60 * 60 * 1000 // BUCKET_MS
"""Buckets before now that a first sweep looks for: more than anything temporary lives."""

REDIS_KEYS = {
    "file-access:ID:expiry:BUCKET": Held(
        "the key of all temporary objects that end within the same five minutes", "gateway", "wrapped", "at that time"
    ),
    "file-access:ID:destroyed": Held(
        "a message: that something was destroyed, not what", "gateway", "clear", "at once"
    ),
}
"""Every name that the gateway uses in Redis. ID is a hash of the root key, so that installations stay apart."""


def place_of(root: Root) -> str:
    """What the names of this installation's keys begin with."""
    return f"file-access:{hmac.digest(root.key.subkey('index'), enc('redis'), 'sha256')[:8].hex()}"


class RedisExpiry:
    """Expiry keys in Redis. Satisfies `expiry.ExpiryKeys`."""

    def __init__(self, client: RedisClient, root: Root) -> None:
        """The client is started and closed by its owner."""
        self._client = client
        self._root = root
        self._place = place_of(root)
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
        box = wrap_key(key, self._root.key, _wrap(bucket))
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
        if not isinstance(box, bytes):
            return None
        try:
            return unwrap_key(box, self._root.key, _wrap(bucket))
        except Corrupt:  # written by others: as good as lost
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
