"""Telling the other processes at once that keys were destroyed, so that they need not wait for their next look.

Only haste: what counts is the epoch in the database, which every process reads four times a second. A message that is
lost, late, repeated or forged makes a process look once more, or not sooner than it would have.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from cache.errors import Unavailable
from cache.redis_client import PAUSE, RedisClient
from cache.redis_expiry import place_of
from cache.roots import Roots

REST = 0.02
"""Seconds between two looks at most, however many messages come."""
QUIET = 10.0
"""Seconds without a message after which it listens on a new connection."""


class RedisHaste:
    """One process's ear and mouth. Satisfies `keyring.Haste`."""

    def __init__(self, client: RedisClient, roots: Roots) -> None:
        """``roots`` must be started; the client is started and closed by its owner."""
        self._client = client
        self._channel = f"{place_of(roots)}:destroyed"

    async def tell(self) -> None:
        """Say that something was destroyed; quietly nothing where Redis does not answer."""
        with contextlib.suppress(Unavailable):
            await self._client.ask("PUBLISH", self._channel, b"")

    @asynccontextmanager
    async def listening(self, hurry: Callable[[], None]) -> AsyncIterator[None]:
        """Call ``hurry`` for what others tell, until left."""
        task = asyncio.create_task(self._listen(hurry), name="redis-haste")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self, hurry: Callable[[], None]) -> None:
        while True:
            try:
                await self._hear(hurry)
            except (RedisError, OSError):
                await asyncio.sleep(PAUSE)

    async def _hear(self, hurry: Callable[[], None]) -> None:
        """Until it has been quiet for a while: a connection that was cut without a word is quiet for ever."""
        async with self._client.redis.pubsub() as ear:
            await ear.subscribe(self._channel)
            # The first message says that it listens now: something may have been told before.
            while await ear.get_message(timeout=QUIET) is not None:
                hurry()
                await asyncio.sleep(REST)
