"""One deployment, one region: what AWS says is believed and compared, the rest is the operator's word in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import MetaData

from cache.blobs.s3 import S3Blobs
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import schools as schools_table
from gateway.identity.schools import Elsewhere, Schools
from gateway.ledger import Event, Ledger, verify
from gateway.policy import POLICY_VERSION
from gateway.residency import ACTION, Attesting, Misplaced, located, missing, places, statement
from gateway.settings import IdentityProvider, Settings
from gateway.stores import StartRefused, opened
from tests.cache.servers import ACCESS, CREDENTIALS, SECRET, s3_server
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.inventory.conftest import deployment
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]

ALL = ("machines", "database", "expiry", "journal", "backups", "logs")
"""What `deployment` vouches for: its bucket is AWS's."""


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        for school in ("s1", "s2"):
            await enrol(database, started, school, None)
        yield started


def without(settings: Settings, **gone: Any) -> Settings:
    """The same with other words about places."""
    told = {**settings.residency.model_dump(), **gone}
    return settings.model_copy(update={"residency": type(settings.residency)(**told)})


def test_a_place_is_checked_or_vouched_for(tmp_path: Path) -> None:
    found = {spot.key: spot.how for spot in places(deployment(tmp_path))}
    assert (found.pop("blobs"), found.pop("root_key")) == ("aws", "machines")
    assert found == dict.fromkeys(ALL, "attested")
    own = deployment(tmp_path, blobs_url="s3://b?endpoint=https://store.example")
    assert {spot.key: spot.how for spot in places(own)}["blobs"] == "attested"
    small = Settings(data_dir=tmp_path / "data")
    here = {spot.key for spot in places(small) if spot.how == "machines"}
    assert here == {"database", "blobs", "root_key", "expiry"}, "on one machine they lie where it stands"


def test_a_public_deployment_says_where_everything_lies(tmp_path: Path) -> None:
    assert missing(deployment(tmp_path)) == []
    for key in ALL:
        for words in ("", "  "):
            (told,) = missing(without(deployment(tmp_path), **{key: words}))
            assert told.startswith(f"FILE_ACCESS_RESIDENCY__{key.upper()}: say where")
            assert "eu-central" in told
    (told,) = missing(without(deployment(tmp_path), aws_regions=()))
    assert told.startswith("FILE_ACCESS_RESIDENCY__AWS_REGIONS")
    nobody = deployment(tmp_path, operator={}, region="local")
    assert [line.partition(":")[0] for line in missing(nobody)] == [
        "FILE_ACCESS_REGION", "FILE_ACCESS_OPERATOR__NAME", "FILE_ACCESS_OPERATOR__CONTACT",
    ]  # fmt: skip


def test_a_deployment_on_this_machine_needs_to_say_nothing(tmp_path: Path) -> None:
    assert missing(Settings(data_dir=tmp_path / "data")) == []
    aws = Settings(data_dir=tmp_path / "data", blobs_url="s3://bucket")
    assert len(missing(aws)) == 1, "a bucket at AWS lies somewhere, public or not"


@pytest.mark.parametrize(
    ("kms", "how", "refused"),
    [
        ("kms://eu-central-1", "aws", ""),
        ("kms://us-east-1", "aws", "FILE_ACCESS_ROOT_KMS: it lies in the AWS region us-east-1"),
        ("kms://here?endpoint=https://keys.example", "attested", "FILE_ACCESS_RESIDENCY__ROOT_KEY: say where"),
        ("kms://here?endpoint=http://127.0.0.1:9", "machines", ""),
        ("", "machines", ""),
    ],
)
def test_the_root_key_has_a_place_too(tmp_path: Path, kms: str, how: str, refused: str) -> None:
    """Told before it is opened, so that no key is ever made elsewhere."""
    settings = deployment(tmp_path, root_kms=kms)
    assert {spot.key: spot.how for spot in places(settings)}["root_key"] == how
    told = missing(settings)
    assert [line[: len(refused)] for line in told] == ([refused] if refused else [])


async def attest(*given: Any) -> int:
    """What a start does."""
    return await Attesting(*given).sweep()


def make(endpoint: str, region: str) -> None:
    """A bucket in a region of AWS. Its oldest region has no name there."""
    there = boto3.client("s3", endpoint_url=endpoint, **{**CREDENTIALS, "region_name": region})
    named: dict[str, Any] = (
        {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    )
    there.create_bucket(Bucket="sealed", **named)
    there.close()


@pytest.mark.parametrize(
    ("asked", "told"), [("eu-central-1", "eu-central-1"), ("us-west-2", "us-west-2"), (None, "us-east-1")]
)
async def test_a_bucket_is_asked_where_it_lies(tmp_path: Path, asked: str | None, told: str) -> None:
    """Of a server that answers as AWS does; that the endpoint is AWS's own is what the settings say."""
    settings = without(deployment(tmp_path), aws_regions=("eu-central-1",))
    async with s3_server("moto", tmp_path / "server") as endpoint:
        region = asked or "us-east-1"
        await asyncio.to_thread(make, endpoint, region)
        blobs = S3Blobs("sealed", endpoint_url=endpoint, **{**CREDENTIALS, "region_name": region})
        await blobs.start()
        try:
            assert await blobs.location() == told
            if told == "eu-central-1":
                assert await located(settings, blobs) == {"blobs": "eu-central-1"}
            else:
                with pytest.raises(Misplaced, match=told):
                    await located(settings, blobs)
        finally:
            await blobs.close()


async def test_a_bucket_in_another_region_refuses_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything opened as `serve` does it. Then the operator counts that region in, and it starts."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    given: dict[str, Any] = {
        "data_dir": tmp_path / "data", "blobs_url": "s3://sealed?region=us-west-2", "expiry_dir": tmp_path / "expiry",
    }  # fmt: skip
    async with s3_server("moto", tmp_path / "server") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        await asyncio.to_thread(make, endpoint, "us-west-2")
        there = Settings(**given, residency={"aws_regions": ["eu-central-1"]})
        async with AsyncExitStack() as stack:
            with pytest.raises(StartRefused, match=r"us-west-2.*another deployment"):
                await opened(there, None, stack)
        counted = Settings(**given, residency={"aws_regions": ["us-west-2"]})
        async with AsyncExitStack() as stack:
            assert (await opened(counted, None, stack)).regions == {"blobs": "us-west-2"}


async def attested(ledger: Ledger, school: str) -> list[Any]:
    return [entry.details for entry in await ledger.read(school) if entry.action == ACTION]


@pytest.mark.both
async def test_the_operators_word_stands_in_each_schools_ledger_once_for_each_change(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    ledger, first = Ledger(vault, database), statement(deployment(tmp_path), {"blobs": "eu-central-1"})
    assert await attest(database, vault, ledger, ("s1", "s2"), first) == 2
    assert await attest(database, vault, ledger, ("s1", "s2"), first) == 0, "the next start says the same"
    await ledger.record("s1", Event("anything", None, None, None, POLICY_VERSION))
    moved = statement(without(deployment(tmp_path), backups="another safe, Cologne"), {"blobs": "eu-central-1"})
    assert await attest(database, vault, ledger, ("s1", "s2"), moved) == 2
    assert await attest(database, vault, ledger, ("s1",), first) == 1, "going back is a change as well"
    assert await attested(ledger, "s2") == [first, moved]
    assert await attested(ledger, "s1") == [first, moved, first]
    assert first["places"]["blobs"] == {"how": "aws", "told": "", "region": "eu-central-1"}
    assert first["places"]["backups"]["told"] == "the trust's own safe, Bonn, Germany"
    for school in ("s1", "s2"):
        assert (await verify(database, school)).whole


@pytest.mark.both
async def test_two_processes_that_start_at_once_say_it_once(vault: Vault, database: Database, tmp_path: Path) -> None:
    ledger, said = Ledger(vault, database), statement(deployment(tmp_path), {})
    written = await asyncio.gather(*(attest(database, vault, ledger, ("s1",), said) for _ in range(4)))
    assert sorted(written) == [0, 0, 0, 1]
    assert await attested(ledger, "s1") == [said]


async def test_where_nobody_said_anything_nothing_is_recorded(vault: Vault, database: Database, tmp_path: Path) -> None:
    said = statement(Settings(data_dir=tmp_path / "data"), {})
    assert said == {}
    assert await attest(database, vault, Ledger(vault, database), ("s1",), said) == 0


def provider(region: str) -> IdentityProvider:
    told = {"riverside": {"name": "Riverside", "region": region}}
    return IdentityProvider.model_validate({"issuer": "https://id.example", "client_id": "c", "schools": told})


@pytest.mark.both
async def test_a_schools_data_does_not_move_by_another_name(vault: Vault, database: Database) -> None:
    async def start(region: str) -> None:
        await Schools(vault, database).start([provider(region)])

    await start("local")
    await start("eu-central")  # the region gets its name
    await start("eu-central")
    with pytest.raises(Elsewhere, match=r"'eu-central'.*'us-east'"):
        await start("us-east")
    async with database.read() as tx:
        (row,) = (await tx.execute(schools_table.select())).all()
    assert row.region == "eu-central", "the refusal changed nothing"
