"""Keys of a purpose, replaced from year to year: who pinned one can follow to the others, and to no stranger's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import MetaData, select

from cache.errors import Suspended
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_erasure import signing_keys
from gateway.signing import CHECKPOINT, EXPORT, RECEIPT, YEAR, SigningKeys, trusted, verify
from gateway.signing.signed import jwk, sign, succession
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        yield started


@pytest.fixture
async def keys(vault: Vault, database: Database) -> SigningKeys:
    made = SigningKeys(vault, database)
    await made.start()
    return made


async def rotated(keys: SigningKeys, database: Database, purpose: str = "checkpoints") -> str:
    async with database.write() as tx:
        key = await keys.rotate(tx, purpose, older=0)
    assert key is not None
    return key


def stranger(purpose: str = "checkpoints") -> dict[str, Any]:
    private = Ed25519PrivateKey.generate()
    return jwk(purpose, private.public_key().public_bytes_raw(), private.private_bytes_raw())


@pytest.mark.both
async def test_a_start_makes_what_is_missing_and_another_finds_it(
    keys: SigningKeys, vault: Vault, database: Database
) -> None:
    again = SigningKeys(vault, database)
    await again.start()
    assert again.journal_key == keys.journal_key != b""
    for purpose in ("receipts", "checkpoints"):
        (key,) = (await keys.public(purpose))["keys"]
        assert (await again.public(purpose))["keys"] == [key]
        assert "d" not in key
    async with database.write() as tx:
        await tx.execute(signing_keys.delete().where(signing_keys.c.purpose == "checkpoints"))
    with pytest.raises(Suspended):
        await keys.sign({}, CHECKPOINT)
    await again.start()
    assert again.journal_key == keys.journal_key
    assert verify(await keys.sign({"x": 1}, CHECKPOINT), await again.public("checkpoints"), CHECKPOINT) == {"x": 1}


async def test_a_statement_holds_for_its_kind_and_purpose_only(keys: SigningKeys) -> None:
    everything = {"keys": [*(await keys.public())["keys"], *(await keys.public("checkpoints"))["keys"]]}
    for kind in (RECEIPT, CHECKPOINT, EXPORT):
        signed = await keys.sign({"of": kind.typ}, kind)
        for other in (RECEIPT, CHECKPOINT, EXPORT):
            if other == kind:
                assert verify(signed, everything, other) == {"of": kind.typ}
                continue
            with pytest.raises(ValueError, match="signed as something else"):
                verify(signed, everything, other)
    forged = sign({"of": "a checkpoint"}, {**stranger("receipts")}, CHECKPOINT.typ)
    with pytest.raises(ValueError, match="not signed by a pinned key"):
        verify(forged, everything, CHECKPOINT)


async def test_a_receipts_key_cannot_sign_as_a_checkpoint(keys: SigningKeys) -> None:
    receipts = (await keys._keys("receipts"))[-1]
    signed = sign({"x": 1}, receipts, CHECKPOINT.typ)
    with pytest.raises(ValueError, match="something else"):
        verify(signed, {"keys": (await keys.public())["keys"]}, CHECKPOINT)


@pytest.mark.both
async def test_who_pinned_the_first_key_follows_to_the_last_and_back(keys: SigningKeys, database: Database) -> None:
    first = await keys.public("checkpoints")
    early = await keys.sign({"n": 0}, CHECKPOINT)
    for _ in range(3):
        await rotated(keys, database)
    late, published = await keys.sign({"n": 3}, CHECKPOINT), await keys.public("checkpoints")
    assert len(published["keys"]) == 4
    with pytest.raises(ValueError, match="pinned"):
        verify(late, first, CHECKPOINT)
    assert verify(late, trusted(first, published), CHECKPOINT) == {"n": 3}
    last = {"keys": published["keys"][-1:]}
    assert verify(early, trusted(last, published), CHECKPOINT) == {"n": 0}
    broken = {**published, "succession": published["succession"][2:]}
    with pytest.raises(ValueError, match="pinned"):
        verify(late, trusted(first, broken), CHECKPOINT)
    assert (await keys.public())["succession"] == [], "receipts' keys are their own"


async def test_nobody_else_is_followed(keys: SigningKeys, database: Database) -> None:
    """A published set is no proof: a key counts where a trusted one of its purpose names it, exactly."""
    pinned = await keys.public("checkpoints")
    ours, theirs = (await keys._keys("checkpoints"))[-1], stranger()
    receipts = (await keys._keys("receipts"))[-1]
    both = succession("checkpoints", stranger(), theirs, "now")
    misnamed = {"type": "file-access-signing-key", "purpose": "checkpoints", "key": {**theirs, "kid": ours["kid"]}}
    shown = {name: value for name, value in theirs.items() if name != "d"}
    told = {"type": "file-access-signing-key", "purpose": "checkpoints", "key": shown}
    for forged in (
        both,
        [sign(told, theirs, "file-access-signing-key")],
        [sign(misnamed, ours, "file-access-signing-key")],
        [sign(told, ours, CHECKPOINT.typ)],
        [sign(told, receipts, "file-access-signing-key")],
        [{**sign(told, ours, "file-access-signing-key"), "payload": "e30"}],
        [{}, None, "x", {"payload": 1, "protected": 2, "signature": 3}],
    ):
        everybody = {"keys": [*pinned["keys"], theirs], "succession": forged}
        assert trusted(pinned, everybody)["keys"] == pinned["keys"], forged


@pytest.mark.both
async def test_a_key_is_replaced_when_it_is_a_year_old(keys: SigningKeys, database: Database) -> None:
    assert await keys.due() == []
    async with database.write() as tx:
        assert await keys.rotate(tx, "checkpoints") is None
        aged = signing_keys.update().where(signing_keys.c.purpose == "checkpoints")
        await tx.execute(aged.values(made=signing_keys.c.made - YEAR))
    assert await keys.due() == ["checkpoints"]
    async with database.write() as tx:
        made = await keys.rotate(tx, "checkpoints")
        assert await keys.rotate(tx, "checkpoints") is None, "once"
    assert made is not None
    assert await keys.due() == []
    assert [key["kid"] for key in (await keys.public("checkpoints"))["keys"]][-1] == made


@pytest.mark.both
async def test_secrets_are_sealed_and_rows_cannot_be_exchanged(keys: SigningKeys, database: Database) -> None:
    await rotated(keys, database)
    async with database.read() as tx:
        rows = [dict(row) for row in (await tx.execute(select(signing_keys))).mappings()]
    secret = (await keys._keys("checkpoints"))[-1]["d"]
    for row in rows:
        assert len(row["secret"]) > 32
        assert secret not in json.dumps([str(value) for value in row.values()])
    first, second = [row for row in rows if row["purpose"] == "checkpoints"]
    async with database.write() as tx:
        await tx.execute(signing_keys.update().where(signing_keys.c.id == first["id"]).values(secret=second["secret"]))
    with pytest.raises(Exception, match="authenticate"):
        await keys.public("checkpoints")
    async with database.write() as tx:
        await tx.execute(signing_keys.update().where(signing_keys.c.id == first["id"]).values(secret=first["secret"]))
        await tx.execute(
            signing_keys.update().where(signing_keys.c.purpose == "receipts").values(purpose="checkpoints")
        )
    with pytest.raises(ValueError, match="does not fit its id"):
        await keys.public("checkpoints")
