"""What the operator does stands in the deployment's own chain: starts, stops, changed settings, replaced keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, delete, update

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_erasure import signing_keys
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ledger import Ends, Event, Ledger, verify
from gateway.ledger.ledger import Entry
from gateway.ledger.verify import Check
from gateway.operations import Operations, replace_keys, told
from gateway.settings import Settings
from gateway.signing import YEAR, SigningKeys
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
KEY = b"s" * 32


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        await enrol(database, started, "s1", "ann")
        yield started


@pytest.fixture
async def signing(vault: Vault, database: Database) -> SigningKeys:
    made = SigningKeys(vault, database)
    await made.start()
    return made


@pytest.fixture
def ends() -> Ends:
    return Ends(b"e" * 32)


@pytest.fixture
def ledger(signing: SigningKeys, vault: Vault, database: Database, ends: Ends) -> Ledger:
    assert signing.journal_key
    return Ledger(vault, database, ends)


@pytest.fixture
def operations(ledger: Ledger, database: Database, ends: Ends) -> Operations:
    return Operations(ledger, database, ends, KEY)


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(data_dir=tmp_path, **{"metrics_token": "canary-token", **more})


async def acts(ledger: Ledger) -> list[Entry]:
    return await ledger.read("deployment", limit=1000)


@pytest.mark.both
async def test_a_start_tells_what_changed_since_the_last_one(
    operations: Operations, ledger: Ledger, tmp_path: Path
) -> None:
    await operations.started(settings(tmp_path))
    await operations.stopped()
    await operations.started(settings(tmp_path, port=1, host="localhost", public_url="http://127.0.0.1:8420"))
    other = {"cache_seconds": 7200, "metrics_token": "canary-another", "google": {"client_id": "x"}}
    await operations.started(settings(tmp_path, **other))
    entries = await acts(ledger)
    assert [entry.action for entry in entries] == [
        "operator.settings", "operator.started", "operator.stopped", "operator.started",
        "operator.settings", "operator.started",
    ]  # fmt: skip
    changed = (entries[4].details or {})["changed"]
    assert changed == ["cache_seconds", "google", "metrics_token"]
    assert (entries[4].details or {})["settings"]["cache_seconds"] == "7200"
    assert {(entries[n].details or {})["process"] for n in (1, 2, 3)} == {(entries[1].details or {})["process"]}
    assert (entries[1].principal, entries[1].subject) == (None, None)
    assert entries[1].instruction


def test_secrets_are_digests_wherever_they_stand(tmp_path: Path) -> None:
    provider = {"issuer": "http://127.0.0.1:9", "client_id": "x", "client_secret": "canary-a", "sandbox": True,
                "schools": {"a": {"name": "A", "region": "local"}}}  # fmt: skip
    given = settings(
        tmp_path, identity_providers=[provider], google={"client_id": "x", "client_secret": "canary-b"},
        database_url="postgresql://gateway:canary-c@127.0.0.1/x?sslmode=disable", root_key="A" * 43 + "=",
    )  # fmt: skip
    said = told(given, KEY)
    assert set(said) == set(Settings.model_fields) - {"host", "port"}
    assert "canary" not in repr(said)
    assert "A" * 43 not in repr(said)
    assert said == told(given, KEY)
    assert said != told(given, b"t" * 32), "nobody without the key can try out what it was"


@pytest.mark.both
async def test_the_first_start_takes_over_chains_without_proofs_and_no_later_one(
    operations: Operations, vault: Vault, database: Database, ends: Ends, ledger: Ledger, tmp_path: Path
) -> None:
    before = Ledger(vault, database)
    await before.record("s1", Event("x", "ann", None, None, "p"))
    assert not (await verify(database, "s1", Check(ends))).whole
    await operations.started(settings(tmp_path))
    assert (await verify(database, "s1", Check(ends))).whole
    async with database.write() as tx:
        await tx.execute(update(ledger_heads).where(ledger_heads.c.school == "s1").values(proof=None))
    await operations.started(settings(tmp_path))
    assert not (await verify(database, "s1", Check(ends))).whole
    assert (await verify(database, "deployment", Check(ends))).whole


@pytest.mark.both
async def test_keys_that_are_a_year_old_are_replaced_and_that_is_told(
    signing: SigningKeys, ledger: Ledger, database: Database
) -> None:
    assert await replace_keys(signing, ledger, database) == 0
    async with database.write() as tx:
        await tx.execute(update(signing_keys).values(made=signing_keys.c.made - YEAR))
    assert await replace_keys(signing, ledger, database) == 2
    assert await replace_keys(signing, ledger, database) == 0
    entries = await acts(ledger)
    assert [entry.action for entry in entries] == ["operator.signing_key_replaced"] * 2
    for entry, purpose in zip(entries, ("receipts", "checkpoints"), strict=True):
        newest = (await signing.public(purpose))["keys"][-1]["kid"]
        assert entry.details == {"purpose": purpose, "key": newest}


async def test_no_key_is_replaced_where_that_cannot_be_told(
    signing: SigningKeys, ledger: Ledger, database: Database
) -> None:
    async with database.write() as tx:
        await tx.execute(update(signing_keys).values(made=signing_keys.c.made - YEAR))

    class Failing:
        async def append(self, *_: Any) -> int:
            raise OSError("the disk is full")

    with pytest.raises(OSError):
        await replace_keys(signing, Failing(), database)  # type: ignore[arg-type]  # what it calls
    assert len((await signing.public())["keys"]) == 1


async def test_a_stop_that_cannot_be_told_stops_all_the_same(
    operations: Operations, database: Database, tmp_path: Path
) -> None:
    await operations.started(settings(tmp_path))
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries))
    await database.close()
    await operations.stopped()
