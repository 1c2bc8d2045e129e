"""The root in AWS KMS: against moto's server, over its real wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import MetaData, select, update

from cache.catalog import roots, tenant_keys
from cache.errors import Corrupt, StorageError, Unavailable
from cache.kms_address import KmsAddress
from cache.loading import tenant_wrap
from cache.root_kms import Kms, region_of
from cache.root_places import RootFile, RootPlaces
from cache.roots import RootRefused, Roots
from cache.vault import Scope
from gateway.db.engine import Database
from tests.cache.rotating import DAY, SCHEMA, Turning, turning
from tests.cache.servers import CREDENTIALS, free_port, s3_server

KEYS = {name: value for name, value in CREDENTIALS.items() if name != "region_name"}
SCHOOL = Scope("school", None)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[str]:
    async with s3_server("moto", tmp_path / "server") as address:
        yield address


def kms(endpoint: str, **how: Any) -> Kms:
    return Kms(KmsAddress("eu-central-1", endpoint), **KEYS, **how)


def client(endpoint: str) -> Any:
    """A client of boto3, to look behind our own."""
    return boto3.client("kms", endpoint_url=endpoint, **CREDENTIALS)


@pytest.fixture
async def house(database: Database, tmp_path: Path, endpoint: str) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path, kms(endpoint)) as made:
        yield made


async def arns(house: Turning) -> dict[int, str]:
    async with house.database.read() as tx:
        return {row.version: row.kms for row in await tx.execute(select(roots).order_by(roots.c.version))}


@pytest.mark.both
async def test_a_whole_life_with_a_root_that_nobody_sees(house: Turning, endpoint: str) -> None:
    file, cached = await house.keep(b"file"), await house.cached(b"cached")
    await house.write("one", "Hello")
    await house.write("two", "Notice", SCHOOL)
    async with house.started(kms(endpoint)) as (vault, _):
        assert (await vault.fields(house.scope)).version == 1, "another process opens the tenant's key with KMS"
    await house.turn()
    assert await house.get(file) == b"file"
    assert await house.get(cached) == b"cached"
    assert await house.read("one") == ("Hello", "text of Hello")
    assert await house.read("two", SCHOOL) == ("Notice", "text of Notice")
    found = await arns(house)
    assert len(set(found.values())) == 2
    assert {region_of(arn) for arn in found.values()} == {"eu-central-1"}
    house.database.ahead += 36 * DAY
    assert await house.cycles.let_go() == 1
    state = client(endpoint).describe_key(KeyId=found[1])["KeyMetadata"]
    assert state["KeyState"] == "PendingDeletion"
    async with house.database.read() as tx:
        row = (await tx.execute(select(roots).where(roots.c.version == 1))).one()
    assert row.state == "gone"
    assert row.gone == int(state["DeletionDate"].timestamp() * 1000)
    async with house.started(kms(endpoint)) as (vault, _), vault.open(house.scope, file.id) as pieces:
        assert b"".join([piece async for piece in pieces]) == b"file"


async def test_a_tenants_key_is_bound_to_its_tenant(house: Turning, endpoint: str) -> None:
    async with house.database.read() as tx:
        row = (await tx.execute(select(tenant_keys))).one()
    look = client(endpoint)
    context = {"purpose": "tenant", "tenant": "school", "root": "1"}
    opened = look.decrypt(CiphertextBlob=row.box, EncryptionContext=context)
    assert len(opened["Plaintext"]) == 32
    root = house.keyring.roots.current
    assert await root.unwrap(row.box, tenant_wrap("school")) == opened["Plaintext"]
    with pytest.raises(Corrupt):
        await root.unwrap(row.box, tenant_wrap("abroad"))


async def test_a_key_that_is_not_there_refuses_the_start(house: Turning, tmp_path: Path) -> None:
    async with s3_server("moto", tmp_path / "other") as other:
        with pytest.raises(Unavailable, match="AWS KMS refuses the root key"):
            async with house.started(kms(other)):
                pass


async def test_a_wrong_data_key_refuses_the_start(house: Turning, endpoint: str) -> None:
    arn = (await arns(house))[1]
    made = client(endpoint).generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext={"purpose": "other"})
    for box, told in ((made["CiphertextBlob"], "wrapped by another"), (b"x" * 100, "KMS")):
        async with house.database.write() as tx:
            await tx.execute(update(roots).values(box=box))
        with pytest.raises(StorageError, match=told):
            async with house.started(kms(endpoint)):
                pass


async def test_without_kms_nothing_starts_and_nothing_is_lost(house: Turning, endpoint: str) -> None:
    item = await house.keep(b"file")
    nowhere = kms(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="does not answer"):
        async with house.started(nowhere):
            pass
    assert await house.get(item) == b"file", "who runs already has the keys"
    house.keyring.roots.place = nowhere
    assert await house.cycles.begin()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await house.cycles.run()
    assert (await house.versions())["roots"] == [(1, "current")]
    house.keyring.roots.place = kms(endpoint)
    assert await house.cycles.run()
    assert await house.get(item) == b"file"
    assert (await house.versions())["roots"] == [(1, "retired"), (2, "current")]


async def test_from_a_file_to_kms(database: Database, tmp_path: Path, endpoint: str) -> None:
    async with turning(database, tmp_path) as house:
        item = await house.keep(b"file")
        both = RootPlaces(house.place(), kms(endpoint))
        async with house.started(both) as (vault, cycles):
            await house.turn(cycles)
            async with vault.open(house.scope, item.id) as pieces:
                assert b"".join([piece async for piece in pieces]) == b"file"
        found = await arns(house)
        assert found[1] is None
        assert found[2].startswith("arn:aws:kms:eu-central-1:")
        assert list(house.place().read()) == [1]
        with pytest.raises(RootRefused, match="FILE_ACCESS_ROOT_KMS"):
            async with house.started(RootPlaces(house.place(), None)):
                pass


async def test_a_key_of_another_region_is_refused(house: Turning, endpoint: str) -> None:
    elsewhere = Kms(KmsAddress("us-east-1", endpoint), **KEYS)
    with pytest.raises(RootRefused, match="eu-central-1"):
        await Roots(elsewhere).start(house.database)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("kms://eu-central-1", KmsAddress("eu-central-1")),
        ("kms://eu-central-1?endpoint=https://kms.example", KmsAddress("eu-central-1", "https://kms.example")),
        ("kms://eu-central-1?endpoint=http://127.0.0.1:5", KmsAddress("eu-central-1", "http://127.0.0.1:5")),
        ("kms://eu-central-1?endpoint=http://kms.example", None),
        ("kms://eu-central-1/key", None),
        ("kms://user@eu-central-1", None),
        ("kms://", None),
        ("https://eu-central-1", None),
        ("kms://eu-central-1?region=x", None),
    ],
)
def test_addresses(url: str, told: KmsAddress | None) -> None:
    if told is None:
        with pytest.raises(ValueError):
            KmsAddress.parse(url)
    else:
        assert KmsAddress.parse(url) == told


async def test_no_secret_is_written_down(house: Turning, tmp_path: Path) -> None:
    await house.write("one", "Hello")
    held = house.keyring.roots.current
    assert held.key.secret.hex() not in repr(held)
    needles = [held.key.secret, (await house.keyring.ring(SCHOOL)).current().secret]
    for path in (tmp_path / "gateway.db", tmp_path / "gateway.db-wal", tmp_path / "server" / "log"):
        raw = path.read_bytes() if path.exists() else b""
        for needle in needles:
            assert needle not in raw
            assert json.dumps(needle.hex()).encode() not in raw


def test_a_root_file_is_not_needed_with_kms(tmp_path: Path) -> None:
    assert RootFile(tmp_path / "root", tmp_path / "data").read() == {}
