"""The way to a Redis that many machines share, and the proof that what is put there dies with it.

A key that a disk remembers does not die. So no connection is used before its server has said that it writes nothing
to disk and drops nothing by itself; after every reconnect it is asked again. A server that does not answer costs each
caller at most `PATIENCE`, and for a while afterwards nobody asks it: Unavailable, at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TooSlow

from cache.errors import StorageError, Unavailable
from cache.redis_address import Address

PATIENCE = 1.0
"""Seconds that one call may take, connecting included."""
PAUSE = 1.0
"""Seconds without a further try after one that failed."""
CONNECTIONS = 32

_SAFE = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
_CHANGE = {
    "save": 'it writes its keys to disk: set save ""',
    "appendonly": "it writes its keys to disk: set appendonly no",
    "maxmemory-policy": "it may drop keys before their end: set maxmemory-policy noeviction",
}
_HIDDEN = (
    "this Redis does not show whether it writes to disk or drops keys: allow its user CONFIG GET (ACL +config|get), or "
    'vouch for save "", appendonly no and maxmemory-policy noeviction with the setting expiry_attested'
)


class RedisRefused(StorageError):
    """This Redis is no safe place for expiry keys; the message says what to change, and never holds the address."""


class _Unsafe(RedisError):
    """The same inside the client, which cleans up after its own kind of error only."""


class RedisClient:
    """One process's way to Redis."""

    def __init__(
        self,
        address: Address,
        *,
        cafile: str | None = None,
        attested: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``cafile``: roots for TLS, default the machine's.

        ``attested``: the operator vouches for the configuration where the server does not show it.
        """
        self._attested = attested
        self._clock = clock
        self._down_until: float | None = None
        self._trying = False
        tls: dict[str, Any] = {"ssl_ca_certs": cafile, "ssl_check_hostname": True} if address.encrypted else {}
        self._pool = BlockingConnectionPool(
            CONNECTIONS, PATIENCE, SSLConnection if address.encrypted else Connection,
            host=address.host, port=address.port, db=address.database,
            username=address.user, password=address.password,
            socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0), protocol=2,
            redis_connect_func=self._prove, **tls,
        )  # fmt: skip
        self.redis: Redis = Redis(connection_pool=self._pool)

    async def start(self) -> None:
        """Reach the server and look at its configuration. RedisRefused, Unavailable."""
        await self.ask("PING", starting=True)

    async def close(self) -> None:
        """Let go of all connections."""
        await self.redis.aclose()
        await self._pool.disconnect()

    async def ask(self, *words: str | bytes | int, starting: bool = False) -> Any:
        """One command's answer. Unavailable; with ``starting`` RedisRefused, with what to change."""
        self._enter()
        try:
            answer = await self._once_more(words)
        except _Unsafe as error:
            self._failed()
            refused = RedisRefused(str(error))
            raise refused if starting else Unavailable(str(error)) from None
        except AuthenticationError:
            self._failed()
            told = "the Redis of the expiry keys refuses this user or password"
            raise RedisRefused(told) if starting else Unavailable(told) from None
        except (Disconnected, TooSlow, OSError) as error:  # the last also when our own patience ends
            self._failed()
            raise Unavailable(f"the Redis of the expiry keys does not answer ({type(error).__name__})") from None
        except RedisError as error:
            self._worked()
            told = f"the Redis of the expiry keys refuses {words[0]!s} ({type(error).__name__})"
            raise RedisRefused(told) if starting else Unavailable(told) from None
        except BaseException:  # cancelled: it is not known whether it answers
            self._trying = False
            raise
        self._worked()
        return answer

    async def _once_more(self, words: tuple[str | bytes | int, ...]) -> Any:
        """A connection from before the server's restart fails once; the next one is new."""
        command: Callable[..., Any] = self.redis.execute_command
        async with asyncio.timeout(PATIENCE):
            try:
                return await command(*words)
            except Disconnected:
                return await command(*words)

    def _enter(self) -> None:
        if self._down_until is None:
            return
        if self._trying or self._clock() < self._down_until:
            raise Unavailable("the Redis of the expiry keys did not answer a moment ago")
        self._trying = True  # one caller finds out for all

    def _failed(self) -> None:
        self._down_until, self._trying = self._clock() + PAUSE, False

    def _worked(self) -> None:
        self._down_until, self._trying = None, False

    async def _prove(self, connection: AbstractConnection) -> None:
        """What a new connection does first: sign in, then see that the server forgets."""
        try:
            await connection.on_connect()
            for name in _SAFE:
                await self._check(connection, name)
        except BaseException:
            await connection.disconnect(nowait=True)  # else its unread answers would be taken for others
            raise

    async def _check(self, connection: AbstractConnection, name: str) -> None:
        """One setting of the server. Where it keeps it to itself, the operator must vouch for it."""
        await connection.send_command("CONFIG", "GET", name)
        try:
            found = await connection.read_response()
        except ResponseError:  # forbidden by an ACL, or taken away, as many hosted ones do
            found = []
        if len(found) == 2 and bytes(found[1]).decode() != _SAFE[name]:
            raise _Unsafe(f"this Redis is no place for expiry keys, {_CHANGE[name]}")
        if len(found) != 2 and not self._attested:
            raise _Unsafe(_HIDDEN)
