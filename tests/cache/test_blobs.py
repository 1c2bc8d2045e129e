"""One suite for every place where blobs may lie: a folder, and a bucket of two different S3 servers."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from cache.blobs import open_blobs
from cache.blobs.base import BlobInfo, BlobStore, fetch, verified_put
from cache.blobs.local import LocalBlobs
from cache.blobs.s3 import S3Blobs
from cache.errors import Corrupt, Missing, Unavailable
from cache.keyring import Keyring
from cache.vault import Vault
from tests.cache.conftest import House
from tests.cache.servers import CREDENTIALS, client, make_bucket, s3_server

MIB = 1024 * 1024
PART = 5 * MIB


@pytest.fixture(params=["local", "rclone", "moto"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    """A started, empty store."""
    if request.param == "local":
        local = LocalBlobs(tmp_path / "blobs")
        await local.start()
        yield local
        return
    async with s3_server(request.param, tmp_path / "server") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        bucket = S3Blobs("blobs", "sealed", part=PART, endpoint_url=endpoint, **CREDENTIALS)
        await bucket.start()
        yield bucket
        await bucket.close()


async def put(store: BlobStore, folder: Path, data: bytes, name: str | None = None) -> str:
    name = name or secrets.token_hex(16)
    staged = folder / f"staged-{name}"
    staged.write_bytes(data)
    await verified_put(store, name, staged, len(data))
    return name


async def names(store: BlobStore, after: str = "") -> list[str]:
    return [info.name async for info in store.list(after)]


@pytest.mark.parametrize("size", [0, 1, MIB + 1, PART, PART + 1, 2 * PART + 777])
async def test_blobs_come_back(store: BlobStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    name = await put(store, tmp_path, data)
    assert await store.size(name) == size
    for start, stop in ((0, size), (0, 1), (size // 2, size), (max(0, size - 3), size), (7, 7 + MIB)):
        if start < min(stop, size):
            assert await fetch(store, name, start, min(stop, size), size) == data[start:stop]


async def test_nothing_to_tidy_is_no_trouble(store: BlobStore, tmp_path: Path) -> None:
    assert await store.tidy(0) == 0
    await put(store, tmp_path, b"whole, in one request")
    assert await store.tidy(0) == 0


async def test_a_wrong_length_is_seen(store: BlobStore, tmp_path: Path) -> None:
    name = await put(store, tmp_path, b"12345")
    with pytest.raises(Corrupt):
        await fetch(store, name, 0, 4, 4)


async def test_what_is_not_there(store: BlobStore) -> None:
    name = "0" * 32
    with pytest.raises(Missing):
        await store.size(name)
    with pytest.raises(Missing):
        async with store.read(name, 0, 10):
            pass
    await store.delete(name)


async def test_delete_and_list(store: BlobStore, tmp_path: Path) -> None:
    made = sorted([await put(store, tmp_path, b"x" * n) for n in range(1, 6)])
    found = [info async for info in store.list()]
    assert [info.name for info in found] == made
    assert {info.size for info in found} == {1, 2, 3, 4, 5}
    assert all(abs(info.written / 1000 - time.time()) < 60 for info in found)
    assert await names(store, made[2]) == made[3:]
    await store.delete(made[0])
    assert await names(store) == made[1:]


async def test_many_are_removed_at_once(store: BlobStore, tmp_path: Path) -> None:
    """Those that are gone already are no trouble, nor is nothing at all, and others stay."""
    made = [await put(store, tmp_path, b"some bytes") for _ in range(5)]
    await store.remove([*made[:4], "0" * 32])
    await store.remove(made[:1])
    await store.remove([])
    assert await names(store) == made[4:]


async def test_only_blobs_have_names_here(store: BlobStore, tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(b"x")
    for name in ("../escape", "a/b", "A" * 32, "0" * 31, ""):
        with pytest.raises(ValueError):
            await verified_put(store, name, staged, 1)
    assert await names(store) == []


async def test_a_whole_vault_stands_on_it(store: BlobStore, house: House) -> None:
    vault = Vault(Keyring(house.root, house.database, house.expiry), store, house.database, house.folder / "staging")
    await vault.start()
    house.vault = vault
    data = os.urandom(PART + MIB + 5)
    item, cached = await house.keep(data), await house.cached(b"cached")
    assert await house.get(item) == data
    assert await house.get(item, MIB, MIB + 100_000) == data[MIB : MIB + 100_000]
    async with house.database.write() as tx:
        await vault.destroy(tx, house.scope, [item.id])
    await vault.sweep(100)
    assert await names(store) == [cached.id]


class Short(LocalBlobs):
    """A store that loses a byte."""

    async def size(self, name: str) -> int:
        return await super().size(name) - 1


async def test_a_put_that_lost_a_byte_is_refused(tmp_path: Path) -> None:
    store = Short(tmp_path / "blobs")
    await store.start()
    with pytest.raises(Unavailable):
        await put(store, tmp_path, b"12345")
    assert await names(store) == []


async def test_a_wrong_secret_is_refused(tmp_path: Path) -> None:
    async with s3_server("rclone", tmp_path / "server") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        wrong = {**CREDENTIALS, "aws_secret_access_key": "wrong"}
        bucket = S3Blobs("blobs", endpoint_url=endpoint, **wrong)
        with pytest.raises(Unavailable):
            await bucket.start()
        with pytest.raises(Unavailable):
            await put(bucket, tmp_path, b"x")
        await bucket.close()


async def test_tls_is_checked_against_the_given_authority(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    tls, trusted, foreign = (tmp_path / "cert", tmp_path / "key"), tmp_path / "ca", tmp_path / "stranger"
    certificate.cert_chain_pems[0].write_to_path(tls[0])
    certificate.private_key_pem.write_to_path(tls[1])
    authority.cert_pem.write_to_path(trusted)
    stranger.cert_pem.write_to_path(foreign)
    async with s3_server("rclone", tmp_path / "server", tls) as endpoint:
        (tmp_path / "server" / "files" / "blobs").mkdir()
        good = S3Blobs("blobs", endpoint_url=endpoint, cafile=str(trusted), **CREDENTIALS)
        await good.start()
        name = await put(good, tmp_path, b"over TLS")
        assert await fetch(good, name, 0, 8, 8) == b"over TLS"
        await good.close()
        bad = S3Blobs("blobs", endpoint_url=endpoint, cafile=str(foreign), **CREDENTIALS)
        with pytest.raises(Unavailable):
            await bad.start()
        with pytest.raises(Unavailable):
            await fetch(bad, name, 0, 8, 8)
        await bad.close()


async def test_a_bucket_that_vanishes_is_unavailable(tmp_path: Path) -> None:
    async with s3_server("moto", tmp_path / "server") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        bucket = S3Blobs("blobs", endpoint_url=endpoint, **CREDENTIALS)
        await bucket.start()
        name = await put(bucket, tmp_path, b"x")
    with pytest.raises(Unavailable):
        await fetch(bucket, name, 0, 1, 1)
    with pytest.raises(Unavailable):
        await bucket.size(name)
    await bucket.close()


async def test_unfinished_multiparts_are_given_up(tmp_path: Path) -> None:
    async with s3_server("moto", tmp_path / "server") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        bucket = S3Blobs("blobs", "sealed", endpoint_url=endpoint, **CREDENTIALS)
        await bucket.start()
        raw = client(endpoint)
        await asyncio.to_thread(raw.create_multipart_upload, Bucket="blobs", Key="sealed/" + "0" * 32)
        now = int(time.time() * 1000)
        assert await bucket.tidy(0) == 0  # moto says that every upload began in 2010
        assert await bucket.tidy(now + 3_600_000) == 1
        assert not (await asyncio.to_thread(raw.list_multipart_uploads, Bucket="blobs")).get("Uploads")
        await bucket.close()
        raw.close()


def test_addresses(tmp_path: Path) -> None:
    assert isinstance(open_blobs(f"file://{tmp_path}"), LocalBlobs)
    for good in (
        "s3://bucket/a/b?endpoint=https://s3.example&region=eu-1",
        "s3://bucket?endpoint=http://127.0.0.1:9",
        "s3://b",
    ):
        assert isinstance(open_blobs(good), S3Blobs)
    for bad in (
        "s3://bucket?endpoint=http://s3.example",
        "s3://user@bucket",
        "s3://b?secret=1",
        "ftp://x",
        "file://host/x",
        "",
    ):
        with pytest.raises(ValueError):
            open_blobs(bad)


async def test_a_local_blob_is_private(tmp_path: Path) -> None:
    store = LocalBlobs(tmp_path / "blobs")
    await store.start()
    await put(store, tmp_path, b"x", "ab" * 16)
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0
    assert [info async for info in store.list()] == [BlobInfo("ab" * 16, 1, (await anext(store.list())).written)]
