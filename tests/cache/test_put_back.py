"""A copy of the whole data folder, put back after something temporary has ended: no key that is left opens it."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import product
from pathlib import Path

import pytest

from cache.blobs.local import LocalBlobs
from cache.catalog import metadata
from cache.errors import Corrupt, Expired
from cache.expiry import ExpiryKeys, open_expiry
from cache.keyring import Keyring
from cache.keys import BUCKET_MS, Key, Wrap, bucket_of, unwrap_key
from cache.loading import subject_wrap, tenant_wrap
from cache.redis_address import Address
from cache.redis_client import RedisClient
from cache.redis_expiry import RedisExpiry
from cache.roots import Root, Roots
from cache.vault import Life, Scope, Sealed, Vault
from gateway.db.engine import Database
from tests.cache.conftest import MINUTE, Clocked, House
from tests.databases import STILL
from tests.redis_server import redis_server

ROOT = Root(1, secrets.token_bytes(32))
LEO = Scope("school", "leo")


@pytest.fixture(params=["folder", "redis"])
async def expiry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ExpiryKeys]:
    """Where expiry keys live: what no copy of the data folder holds."""
    if request.param == "folder":
        yield open_expiry(tmp_path / "shm", tmp_path / "data")
        return
    async with redis_server(tmp_path / "redis") as server:
        client = RedisClient(Address.parse(server.url))
        await client.start()
        yield RedisExpiry(client, Roots.of(ROOT))
        await client.close()


@asynccontextmanager
async def running(folder: Path, expiry: ExpiryKeys) -> AsyncIterator[House]:
    """A gateway's stores on the data folder, as long as it runs."""
    folder.mkdir(exist_ok=True)
    async with Database(f"sqlite:///{folder}/gateway.db") as database:
        await database.create_all([metadata])
        clocked, store = Clocked(database), LocalBlobs(folder / "blobs")
        keyring = Keyring(ROOT, clocked, expiry, limit=STILL)
        vault = Vault(keyring, store, clocked, folder / "staging")
        await vault.start()
        try:
            yield House(vault, keyring, clocked, expiry, store, folder, ROOT, LEO)
        finally:
            await vault.close()


async def left(expiry: ExpiryKeys, *items: Sealed) -> list[bytes]:
    """The expiry keys that there still are of all the buckets there ever were."""
    found = [await expiry.find(bucket_of(item.ends)) for item in items if item.ends is not None]
    return [key for key in found if key is not None]


def opened_by_hand(folder: Path, clocks: list[bytes]) -> set[str]:
    """Every object whose key somebody gets who has the folder, the root and these expiry keys, whatever a row says."""
    look = sqlite3.connect(folder / "gateway.db")
    look.row_factory = sqlite3.Row
    keys = list[Key]()
    for row in look.execute("SELECT * FROM vault_tenant_keys"):
        secret = unwrap_key(row["box"], ROOT.key, tenant_wrap(row["tenant"]))
        keys.append(Key(row["tenant"], row["version"], secret))
    for tenant, row in product(list(keys), look.execute("SELECT * FROM vault_subject_keys").fetchall()):
        secret = unwrap_key(row["box"], tenant, subject_wrap(row["tenant"], row["subject"]))
        keys.append(Key(row["subject"], row["version"], secret))
    found = set[str]()
    rows = look.execute("SELECT * FROM vault_objects").fetchall()
    look.close()
    for row, key, clock in product(rows, [ROOT.key, *keys], [None, *clocks]):
        wrap = Wrap(row["life"], row["tenant"], row["subject"], row["id"], row["bucket"])
        with suppress(Corrupt):
            unwrap_key(row["box"], key, wrap, expiry=clock)
            found.add(row["id"])
    return found


@pytest.mark.parametrize("life", [Life.CACHE, Life.SPOOL])
async def test_a_copy_of_the_data_folder_that_is_put_back_opens_nothing_that_has_ended(
    tmp_path: Path, expiry: ExpiryKeys, life: Life
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    async with running(data, expiry) as house:
        await house.enrol(LEO)
        gone = await house.keep(b"ends", life, await house.end(10))
        stays, kept = await house.keep(b"stays", life, await house.end(50)), await house.keep(b"kept")
        assert await house.get(gone) == b"ends"
    shutil.copytree(data, copy)
    everything = {gone.id, stays.id, kept.id}
    assert opened_by_hand(copy, await left(expiry, gone, stays)) == everything, "as long as its key lives"
    async with running(data, expiry) as house:
        house.database.ahead = 10 * MINUTE + BUCKET_MS
        await house.vault.sweep(100)
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    assert (data / "blobs" / gone.id[:2] / gone.id).exists(), "its bytes and its row are back"
    assert opened_by_hand(data, await left(expiry, gone, stays)) == {stays.id, kept.id}
    async with running(data, expiry) as house:  # by a clock that says that its time has not come
        for ahead in (0, 11 * MINUTE):
            house.database.ahead = ahead
            with pytest.raises(Expired):
                await house.get(gone)
        assert (await house.get(stays), await house.get(kept)) == (b"stays", b"kept")
        house.database.ahead = 0
        assert gone.ends is not None
        await expiry.make(bucket_of(gone.ends))  # another key of the same five minutes is another key
        with pytest.raises(Expired):
            await house.get(gone)
    assert opened_by_hand(data, await left(expiry, gone, stays)) == {stays.id, kept.id}
