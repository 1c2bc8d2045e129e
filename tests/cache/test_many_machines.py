"""Two processes on one PostgreSQL and one Redis: what is destroyed is destroyed in both, whatever else is broken."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cache.catalog import metadata
from cache.epoch import LIMIT
from cache.errors import Expired, Shredded
from cache.keyring import Keyring
from cache.redis_client import PAUSE
from cache.roots import Root
from cache.vault import Life, Scope, Sealed, Vault
from gateway.db.engine import Database
from tests.cache.other_process import open_vault
from tests.databases import Server
from tests.redis_server import RedisServer, redis_server

BIG = secrets.token_bytes(4 << 20)
PERSON = Scope("school", "person")


@dataclass
class Pair:
    """This process's vault and another process's."""

    vault: Vault
    root: Root
    keyring: Keyring
    database: Database
    redis: RedisServer
    process: asyncio.subprocess.Process

    async def keep(self, data: bytes, life: Life = Life.KEPT) -> Sealed:
        """Store ``data``; what is temporary ends in an hour."""
        ends = None if life is Life.KEPT else await self.database.now() + 3_600_000
        async with self.vault.put(PERSON, life, ends) as writer:
            await writer.write(data)
            await writer.finish()
            async with self.database.write() as tx:
                return await writer.commit(tx)

    async def get(self, item: str) -> bytes:
        """Read it here."""
        async with self.vault.open(PERSON, item) as pieces:
            return b"".join([piece async for piece in pieces])

    def tell(self, *words: Any) -> None:
        """A command to the other process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words).encode() + b"\n")

    async def hear(self) -> Any:
        """Its answer."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self.process.stdout.readline())

    async def other(self, *words: Any) -> Any:
        """Both."""
        self.tell(*words)
        return await self.hear()

    async def shred(self) -> None:
        """Destroy the person's keys, without telling anybody."""
        async with self.database.write() as tx:
            await self.vault.shred(tx, PERSON)


@pytest.fixture
async def pair(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    server, root = await Server.get(request.config), Root(1, secrets.token_bytes(32))
    url = server.url(await server.make((metadata,)))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(tmp_path / "redis"))
        database = await stack.enter_async_context(Database(url, pool=2))
        vault, keyring = await open_vault(stack, database, tmp_path, root, redis.url)
        async with database.write() as tx:
            await vault.enrol(tx, PERSON)
        where = {"database": url, "root": root.dump(), "folder": str(tmp_path), "redis": redis.url}
        yield Pair(vault, root, keyring, database, redis, await stack.enter_async_context(other_process(where)))


@asynccontextmanager
async def other_process(where: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cache.other_process",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(where).encode() + b"\n")
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        await process.wait()


async def until(pair: Pair, *words: Any, answer: Any) -> None:
    """The other process comes to give this answer."""
    async with asyncio.timeout(20):
        while await pair.other(*words) != answer:
            await asyncio.sleep(0.05)


async def test_what_one_stores_the_other_reads(pair: Pair) -> None:
    cached = await pair.keep(b"cached here", Life.CACHE)
    assert await pair.other("get", *_at(cached.id)) == hashlib.sha256(b"cached here").hexdigest()
    ends = await pair.database.now() + 3_600_000
    there = await pair.other("put", "school", "person", "cache", ends, "cached there")
    assert await pair.get(there) == b"cached there"


async def test_a_stopped_process_uses_no_destroyed_key_when_it_goes_on(pair: Pair) -> None:
    """It holds the keys, an open stream and a command that it has not seen yet; Redis cannot help it either."""
    kept, item = await pair.keep(BIG), await pair.keep(b"small")
    assert await pair.other("get", *_at(item.id)) == hashlib.sha256(b"small").hexdigest()
    assert await pair.other("open", *_at(kept.id)) > 0
    pair.process.send_signal(signal.SIGSTOP)
    await pair.redis.stop()
    await pair.shred()
    await asyncio.sleep(LIMIT + 0.1)
    pair.tell("next")
    pair.tell("get", *_at(item.id))
    pair.process.send_signal(signal.SIGCONT)
    assert await pair.hear() == "Shredded"
    assert await pair.hear() == "Shredded"


async def test_eviction_does_not_need_redis(pair: Pair) -> None:
    item = await pair.keep(BIG)
    assert await pair.other("open", *_at(item.id)) > 0
    pair.redis.pause()  # its connections stay open and silent
    await pair.shred()
    await pair.vault.hasten()
    await asyncio.sleep(LIMIT)
    assert await pair.other("next") == "Shredded", "the other process had the keys in memory"
    assert await pair.other("get", *_at(item.id)) == "Shredded"
    with pytest.raises(Shredded):
        await pair.get(item.id)


async def test_redis_hastens_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other vault looks by itself only once an hour, and asks for nothing: only the word can have told it."""
    monkeypatch.setattr("cache.redis_haste.QUIET", 3600.0)
    async with AsyncExitStack() as stack:
        _, keyring = await open_vault(stack, pair.database, pair.redis.folder, pair.root, pair.redis.url)
        ring = await keyring.ring(PERSON)
        keyring.watch._interval = 3600
        await asyncio.sleep(0.6)  # the look that had begun before is over
        async with asyncio.timeout(20):
            while await _listeners(pair.redis) < 3:
                await asyncio.sleep(0.02)
            await pair.shred()
            await pair.vault.hasten()
            while ring.alive:
                await asyncio.sleep(0.02)


async def _listeners(redis: RedisServer) -> int:
    async with redis.look() as look:
        channels = await look.pubsub_channels()
        return sum(count for _, count in await look.pubsub_numsub(*channels))


@pytest.mark.parametrize("life", [Life.CACHE, Life.SPOOL])
async def test_a_restart_of_redis_ends_everything_temporary(pair: Pair, life: Life) -> None:
    before, kept = await pair.keep(b"before", life), await pair.keep(b"kept")
    await pair.redis.stop()
    assert await pair.other("get", *_at(before.id)) == "Unavailable"
    assert await pair.get(kept.id) == b"kept"
    await pair.redis.start()
    await until(pair, "get", *_at(before.id), answer="Expired")
    await asyncio.sleep(PAUSE)
    with pytest.raises(Expired):
        await pair.get(before.id)
    after = await pair.keep(b"after", life)
    assert await pair.other("get", *_at(after.id)) == hashlib.sha256(b"after").hexdigest()
    assert await pair.other("get", *_at(before.id)) == "Expired", "the new key of the same five minutes is another one"
    assert await pair.other("get", *_at(kept.id)) == hashlib.sha256(b"kept").hexdigest()


def _at(item: str) -> tuple[str, str, str]:
    return PERSON.tenant, PERSON.owner, item
