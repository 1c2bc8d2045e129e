"""What does not authenticate is counted once, by whose key it was under; what is gone or late is not."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from cache.catalog import objects, subject_keys
from cache.errors import Corrupt, Expired, StorageError
from cache.failures import MOST, SAMPLES, Failures
from cache.model import Scope
from tests.cache.conftest import House


def spoil(house: House, item_id: str, at: int) -> None:
    path = house.folder / "blobs" / item_id[:2] / item_id
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("size", [10, 3 << 20], ids=["whole", "streamed"])
async def test_a_stream(house: House, size: int) -> None:
    item = await house.keep(bytes(size))
    spoil(house, item.id, 45)
    with pytest.raises(Corrupt):
        await house.get(item)
    (failed,) = house.vault.failures()
    assert (failed.scope, failed.count, list(failed.things)) == (house.scope, 1, [item.id])
    assert house.vault.failures() == []


async def test_a_stream_of_the_wrong_length(house: House) -> None:
    item = await house.keep(b"0123456789")
    path = house.blob(item)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Corrupt):
        await house.get(item)
    assert [one.count for one in house.vault.failures()] == [1]


async def test_a_wrapped_key_and_a_column(house: House) -> None:
    item = await house.keep(b"x")
    fields = await house.vault.fields(house.scope)
    box = fields.seal("people", "name", "1", "Ada")
    with pytest.raises(Corrupt):
        fields.unseal("people", "name", "2", box)
    async with house.database.write() as tx:
        await tx.execute(update(objects).where(objects.c.id == item.id).values(box=bytes(60)))
    with pytest.raises(Corrupt):
        await house.get(item)
    (failed,) = house.vault.failures()
    assert (failed.count, set(failed.things)) == (2, {"people.name", item.id})


async def test_a_persons_own_key(house: House) -> None:
    async with house.database.write() as tx:
        await tx.execute(update(subject_keys).values(box=bytes(60)))
    house.keyring._rings.clear()
    house.keyring._fresh.clear()
    with pytest.raises(Corrupt):
        await house.vault.fields(house.scope)
    assert [(one.scope, list(one.things)) for one in house.vault.failures()] == [(house.scope, ["key"])]


async def test_what_is_over_is_no_failure(house: House) -> None:
    item = await house.cached(b"x", minutes=5)
    house.database.ahead = 6 * 60_000
    with pytest.raises(Expired):
        await house.get(item)
    with pytest.raises(StorageError):
        async with house.vault.open(house.scope, "0" * 32):
            pass
    assert house.vault.failures() == []


def test_counts_are_bounded() -> None:
    failures = Failures()
    for number in range(MOST + 5):
        failures.note(Scope("school", f"p{number}"), "thing")
    for number in range(SAMPLES + 5):
        failures.note(Scope("school", "p0"), f"thing-{number}")
    found = failures.take()
    assert len(found) == MOST
    assert (found[0].count, len(found[0].things)) == (SAMPLES + 6, SAMPLES)
