"""What has an end, ends: on reading, by the sweep, by the death of its expiry key."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from cache.errors import Expired, Missing
from cache.expiry import ExpiryRefused, FolderExpiry, MemoryExpiry, default_folder, open_expiry
from cache.keys import BUCKET_MS, bucket_of
from cache.vault import Life
from tests.cache.conftest import HOUR, MINUTE, House


@pytest.mark.parametrize("life", [Life.CACHE, Life.SPOOL, Life.PART])
async def test_reading_stops_at_the_end(house: House, life: Life) -> None:
    item = await house.keep(b"x", life, await house.end(10))
    house.database.ahead = 10 * MINUTE - 2000
    assert await house.get(item) == b"x"
    house.database.ahead = 10 * MINUTE + 1
    with pytest.raises(Expired):
        await house.get(item)
    with pytest.raises(Expired):
        await house.vault.size(house.scope, item.id)


async def test_a_running_read_is_cut_at_its_end(house: House) -> None:
    item = await house.keep(secrets.token_bytes(8 << 20), Life.CACHE, await house.database.now() + 3000)

    async def read() -> None:
        async with house.vault.open(house.scope, item.id) as pieces:
            await anext(pieces)
            await asyncio.sleep(3.05)
            async for _ in pieces:
                pass

    with pytest.raises(Expired):
        await read()


async def test_a_fill_is_cut_at_its_end(house: House) -> None:
    async with house.vault.put(house.scope, Life.CACHE, await house.database.now() + 50) as writer:
        await writer.write(b"x")
        await asyncio.sleep(0.06)
        with pytest.raises(Expired):
            await writer.finish()
    assert house.blobs() == []


@pytest.mark.both
async def test_the_sweep_removes_what_ended_and_only_that(house: House) -> None:
    gone = [await house.cached(b"x", minutes=1) for _ in range(3)]
    stays, kept = await house.cached(b"stays", minutes=30), await house.keep(b"kept")
    house.database.ahead = 2 * MINUTE
    assert await house.vault.sweep(2) > 0
    assert len(house.blobs()) == 3
    await house.vault.sweep(100)
    assert house.blobs() == sorted([stays.id, kept.id])
    assert await house.get(stays) == b"stays"
    async with house.database.read() as tx:
        held = {item.id for item in await house.vault.held(tx, house.scope)}
    assert held.isdisjoint(item.id for item in gone)


async def test_the_sweep_destroys_keys_of_passed_buckets(house: House) -> None:
    item = await house.cached(b"x", minutes=1)
    assert item.ends is not None
    bucket = bucket_of(item.ends)
    await house.vault.sweep(10)
    assert await house.expiry.find(bucket) is not None
    house.database.ahead = (bucket + 1) * BUCKET_MS - await house.database.now()
    await house.vault.sweep_own()
    assert await house.expiry.find(bucket) is None, "whoever deletes the rows"
    async with house.database.read() as tx:
        assert len(await house.vault.held(tx, house.scope)) == 1


@pytest.mark.both
async def test_several_sweepers_share_what_ended(house: House) -> None:
    """Each object is destroyed once, a step ends no more than it may, and all of them end everything."""
    for _ in range(12):
        await house.cached(b"x", minutes=1)
    house.database.ahead = 2 * MINUTE
    done = await asyncio.gather(*(house.vault.sweeps["objects"](4) for _ in range(4)))
    assert max(done) <= 4
    while count := await house.vault.sweeps["objects"](4):
        done.append(count)
    assert sum(done) == 12
    assert len(house.blobs()) == 12
    assert await house.vault.sweeps["blobs"](100) == 12
    assert house.blobs() == []


@pytest.mark.parametrize("life", [Life.CACHE, Life.SPOOL])
async def test_the_death_of_an_expiry_key_ends_the_object_everywhere(house: House, life: Life) -> None:
    item = await house.keep(b"x", life, await house.end(10))
    assert item.ends is not None
    await house.expiry.expire(item.ends + HOUR)
    with pytest.raises(Expired):
        await house.get(item)
    await house.expiry.make(bucket_of(item.ends))  # a new key of the same bucket is another key
    with pytest.raises(Expired):
        await house.get(item)


async def test_a_part_needs_no_expiry_key(house: House) -> None:
    item = await house.keep(b"only copy", Life.PART, await house.end(60))
    assert item.ends is not None
    await house.expiry.expire(item.ends + HOUR)
    assert await house.get(item) == b"only copy"


async def test_expiry_keys_never_reach_the_database_or_the_data_folder(house: House) -> None:
    item = await house.cached(b"x")
    assert item.ends is not None
    key = await house.expiry.find(bucket_of(item.ends))
    assert key is not None
    for path in house.folder.rglob("*"):
        assert not path.is_file() or key not in path.read_bytes(), path.name


async def test_a_memory_store_forgets_with_its_process() -> None:
    store = MemoryExpiry()
    key = await store.make(7)
    assert await store.make(7) == key == await store.find(7)
    assert await MemoryExpiry().find(7) is None
    assert await store.expire(8 * BUCKET_MS - 1) == 0
    assert await store.expire(8 * BUCKET_MS) == 1
    assert await store.find(7) is None


async def test_a_folder_is_shared_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "shm" / "keys"
    one, other = open_expiry(folder, tmp_path / "data"), open_expiry(folder, tmp_path / "data")
    made = await asyncio.gather(*(store.make(5) for store in (one, other) * 8))
    assert len(set(made)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [("5.key", 0o600)]
    assert await other.expire(6 * BUCKET_MS) == 1
    assert await one.find(5) is None
    assert list(folder.iterdir()) == []


async def test_a_damaged_key_is_a_lost_one(tmp_path: Path) -> None:
    store = FolderExpiry(tmp_path)
    (tmp_path / "5.key").write_bytes(b"short")
    assert await store.find(5) is None


async def test_an_unsafe_folder_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    link = tmp_path / "link"
    (tmp_path / "real").mkdir(mode=0o700)
    link.symlink_to(tmp_path / "real")
    for folder in (data / "keys", loose, link):
        with pytest.raises(ExpiryRefused):
            open_expiry(folder, data)
    assert isinstance(open_expiry(None, data), MemoryExpiry)


def test_the_default_folder_is_one_of_the_installation(tmp_path: Path) -> None:
    one, other = default_folder(tmp_path / "a"), default_folder(tmp_path / "b")
    assert one != other or one is None
    assert one is None or one.parent == Path("/dev/shm")


async def test_after_the_end_the_row_goes_even_when_the_blob_is_gone(house: House) -> None:
    item = await house.cached(b"x", minutes=1)
    house.blob(item).unlink()
    house.database.ahead = 2 * MINUTE
    await house.vault.sweep(10)
    with pytest.raises(Missing):
        await house.get(item)
