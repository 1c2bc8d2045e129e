"""Expiry keys in a real Redis: shared, wrapped, gone at their end; a Redis that is away or unsafe is never trusted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from cache.errors import Unavailable
from cache.keys import BUCKET_MS, Wrap, wrap_key
from cache.redis_address import Address
from cache.redis_client import PAUSE, RedisClient, RedisRefused
from cache.redis_expiry import RedisExpiry, place_of
from cache.roots import Root, Roots
from tests.redis_server import RedisServer, commands, redis_server

ROOT = Root(1, secrets.token_bytes(32))
LEAST = "~file-access:* &file-access:* -@all +ping +time +set +get +del +publish +subscribe +unsubscribe +config|get"
"""The rights that the README asks an operator to give, and no more."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path / "redis") as made:
        yield made


@asynccontextmanager
async def reached(server: RedisServer, root: Root = ROOT, **how: Any) -> AsyncIterator[RedisExpiry]:
    """One process's expiry keys, started."""
    client = RedisClient(Address.parse(server.url), **how)
    try:
        await client.start()
        expiry = RedisExpiry(client, Roots.of(root))
        await expiry.start(await now(server))
        yield expiry
    finally:
        await client.close()


async def now(server: RedisServer) -> int:
    """Redis's clock, epoch ms; over TLS the machine's, which is the same."""
    async with server.look() as look:
        seconds, micros = await look.time()
        return int(seconds) * 1000 + int(micros) // 1000


async def bucket_ahead(server: RedisServer) -> int:
    """One that ends in five to ten minutes."""
    return await now(server) // BUCKET_MS + 1


async def test_keys_are_shared_and_redis_sees_none(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    async with reached(server) as one, reached(server) as other:
        made = await asyncio.gather(*(store.make(bucket) for store in (one, other) * 20))
        assert len(set(made)) == 1
        assert await one.find(bucket) == await other.find(bucket) == made[0]
        assert await one.find(bucket + 1) is None
    async with server.look() as look:
        (name,) = await look.keys("*")
        assert name == f"{place_of(Roots.of(ROOT))}:expiry:{bucket}".encode()
        value = await look.get(name)
        assert isinstance(value, bytes)
        assert made[0] not in value
        assert await commands(server, "EXPIRETIME", name) == (bucket + 1) * BUCKET_MS // 1000


async def test_installations_in_one_redis_stay_apart(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    async with reached(server) as ours, reached(server, Root(1, secrets.token_bytes(32))) as theirs:
        key = await ours.make(bucket)
        assert await theirs.find(bucket) is None
        assert await theirs.make(bucket) != key


async def test_a_key_dies_at_its_end_without_anybody_doing_anything(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache.redis_expiry.BUCKET_MS", 1000)
    async with reached(server) as store:
        bucket = await now(server) // 1000 + 1
        key = await store.make(bucket)
        async with asyncio.timeout(20):
            while (found := await store.find(bucket)) is not None:
                assert found == key
                await asyncio.sleep(0.05)
        assert await now(server) >= (bucket + 1) * 1000
        assert await commands(server, "DBSIZE") == 0


async def test_the_sweep_destroys_what_a_slow_clock_keeps(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    async with reached(server) as store:
        await store.make(bucket)
        await store.make(bucket + 1)
        assert await store.expire((bucket + 1) * BUCKET_MS - 1) == 0
        assert await store.expire((bucket + 1) * BUCKET_MS) == 1
        assert await store.find(bucket) is None
        assert await store.find(bucket + 1) is not None
        assert await store.expire((bucket + 2) * BUCKET_MS) == 1


async def test_what_others_wrote_is_no_key(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    foreign = wrap_key(secrets.token_bytes(32), ROOT.key, Wrap("expiry", "", "", "", bucket + 1))
    async with reached(server) as store:
        for value in (b"", b"x" * 32, b"\0\0\0\1" + foreign, b"\0\0\0\2" + foreign):
            await commands(server, "SET", f"{place_of(Roots.of(ROOT))}:expiry:{bucket}", value)
            assert await store.find(bucket) is None
            with pytest.raises(Unavailable):
                await store.make(bucket)


UNSAFE = {
    "snapshots": (('save "60 1"', "appendonly no", "maxmemory-policy noeviction"), "to disk: set save"),
    "log on disk": (('save ""', "appendonly yes", "maxmemory-policy noeviction"), "to disk: set appendonly no"),
    "eviction": (
        ('save ""', "appendonly no", "maxmemory-policy allkeys-lru"),
        "set maxmemory-policy noeviction",
    ),
}


@pytest.mark.parametrize("case", UNSAFE)
async def test_a_redis_that_remembers_or_drops_keys_is_refused(case: str, tmp_path: Path) -> None:
    options, words = UNSAFE[case]
    async with redis_server(tmp_path, *options) as server:
        for attested in (False, True):  # nobody can vouch for what the server itself denies
            with pytest.raises(RedisRefused, match=words):
                async with reached(server, attested=attested):
                    pass
        assert await commands(server, "DBSIZE") == 0


async def test_a_redis_that_hides_its_configuration_is_attested_or_refused(tmp_path: Path) -> None:
    async with redis_server(tmp_path, rights="~* &* +@all -config") as server:
        with pytest.raises(RedisRefused, match=r"\+config\|get.* expiry_attested"):
            async with reached(server):
                pass
        async with reached(server, attested=True) as store:
            assert await store.make(await bucket_ahead(server))


async def test_the_documented_rights_are_enough_and_each_is_needed(tmp_path: Path) -> None:
    async with redis_server(tmp_path / "least", rights=LEAST) as server, reached(server) as store:
        assert await store.make(await bucket_ahead(server))
    for command in ("set", "get", "del", "time"):
        async with redis_server(tmp_path / command, rights=LEAST.replace(f" +{command}", "", 1)) as server:
            with pytest.raises(RedisRefused, match=f"refuses {command.upper()}"):
                async with reached(server):
                    pass


async def test_a_wrong_password_is_said_without_repeating_it(server: RedisServer) -> None:
    right, server.password = server.password, "not-the-password"
    client = RedisClient(Address.parse(server.url))
    with pytest.raises(RedisRefused, match="user or password") as caught:
        await client.start()
    assert "not-the-password" not in str(caught.value)
    assert "not-the-password" not in repr(Address.parse(server.url))
    await client.close()
    server.password = right


async def test_clocks_that_differ_are_refused(server: RedisServer) -> None:
    client = RedisClient(Address.parse(server.url))
    for ahead in (-61_000, 61_000):
        with pytest.raises(RedisRefused, match="clocks"):
            await RedisExpiry(client, Roots.of(ROOT)).start(await now(server) + ahead)
    await client.close()


async def test_over_tls_the_server_proves_its_name(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    tls, trusted, foreign = (tmp_path / "cert", tmp_path / "key"), tmp_path / "ca", tmp_path / "stranger"
    certificate.cert_chain_pems[0].write_to_path(tls[0])
    certificate.private_key_pem.write_to_path(tls[1])
    authority.cert_pem.write_to_path(trusted)
    stranger.cert_pem.write_to_path(foreign)
    async with redis_server(tmp_path / "redis", tls=tls) as server:
        good = RedisClient(Address.parse(server.url), cafile=str(trusted))
        await good.start()
        assert await RedisExpiry(good, Roots.of(ROOT)).make(7_000_000)
        await good.close()
        for cafile in (str(foreign), None):
            bad = RedisClient(Address.parse(server.url), cafile=cafile)
            with pytest.raises(Unavailable):
                await bad.start()
            await bad.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://h", "redis://", "rediss://h/x", "rediss://h:port", "rediss://u:pw@h/0?ssl_cert_reqs=none", "unix:///s",
        "rediss://h:70000", "rediss://h#x",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="must be redis") as caught:
        Address.parse(url)
    assert "pw" not in str(caught.value).replace("password", "")


def test_an_address_is_read() -> None:
    assert Address.parse("rediss://u:p%40ss@keys.example:6380/2") == Address(
        "keys.example", 6380, 2, "u", "p@ss", encrypted=True
    )
    assert Address.parse("redis://[::1]") == Address("::1", 6379, 0, None, None, encrypted=False)


class Hand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize("how", ["paused", "gone"])
async def test_a_redis_that_is_away_never_holds_anybody_up(server: RedisServer, how: str) -> None:
    hand, bucket = Hand(), await bucket_ahead(server)
    async with reached(server, clock=hand) as store:
        key = await store.make(bucket)
        if how == "paused":
            server.pause()
        else:
            await server.stop()
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable, match="does not answer"):
                await store.find(bucket)
            for ask in (store.find, store.make):
                with pytest.raises(Unavailable, match="a moment ago"):  # not even asked
                    await ask(bucket)
            assert await store.expire((bucket + 1) * BUCKET_MS) == 0
            hand.at += PAUSE
            tries = await asyncio.gather(*(store.find(bucket) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in tries)
        assert sum("does not answer" in str(one) for one in tries) == 1, "one finds out for all"
        if how == "paused":
            server.resume()
        else:
            await server.start()
        hand.at += PAUSE
        assert await store.find(bucket) == (key if how == "paused" else None)
        assert await store.make(bucket)


async def test_a_redis_that_comes_back_unsafe_is_not_used(server: RedisServer) -> None:
    hand, bucket = Hand(), await bucket_ahead(server)
    async with reached(server, clock=hand) as store:
        await store.make(bucket)
        await server.stop()
        safe, server.options = server.options, ('save ""', "appendonly yes", "maxmemory-policy noeviction")
        await server.start()
        for _ in range(2):
            with pytest.raises(Unavailable, match="appendonly no"):
                await store.make(bucket)
            hand.at += PAUSE
        assert await commands(server, "DBSIZE") == 0
        await server.stop()
        server.options = safe
        await server.start()
        assert await store.make(bucket)


async def test_a_full_redis_is_unavailable_and_recovers(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    async with reached(server) as store:
        await commands(server, "CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(Unavailable, match="refuses SET"):
            await store.make(bucket)
        assert await store.find(bucket) is None
        await commands(server, "CONFIG", "SET", "maxmemory", "0")
        assert await store.make(bucket)


async def test_a_cancelled_caller_leaves_no_answer_behind(server: RedisServer) -> None:
    bucket = await bucket_ahead(server)
    async with reached(server) as store:
        keys = [await store.make(bucket + number) for number in range(4)]
        for _ in range(20):
            lost = [asyncio.create_task(store.find(bucket)) for _ in range(8)]
            await asyncio.sleep(0)
            for task in lost:
                task.cancel()
            await asyncio.gather(*lost, return_exceptions=True)
            found = await asyncio.gather(*(store.find(bucket + number) for number in range(4)))
            assert found == keys
