"""The door: what goes in comes out, in any range, for its owner, until it ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets

import pytest

from cache.errors import Corrupt, Expired, Missing, Shredded, Unavailable
from cache.sealing import SEGMENT
from cache.vault import Life, Scope
from tests.cache.conftest import HOUR, MINUTE, House

FIRST, REST = SEGMENT - 56, SEGMENT - 16
BIG = secrets.token_bytes(FIRST + 5 * REST + 1000)


@pytest.mark.both
@pytest.mark.parametrize("size", [0, 1, FIRST, FIRST + 1, FIRST + REST, len(BIG)])
async def test_what_goes_in_comes_out(house: House, size: int) -> None:
    item = await house.keep(BIG[:size])
    assert item.size == size
    assert item.hashes["sha256"] == hashlib.sha256(BIG[:size]).digest()
    assert await house.vault.stat(house.scope, item.id) == item
    assert await house.vault.size(house.scope, item.id) == size
    assert await house.get(item) == BIG[:size]


async def test_any_range(house: House) -> None:
    item = await house.keep(BIG)
    edges = [
        0,
        1,
        FIRST - 1,
        FIRST,
        FIRST + 1,
        FIRST + REST - 1,
        FIRST + REST,
        FIRST + REST + 1,
        len(BIG) - 1,
        len(BIG),
    ]
    for start in edges:
        for stop in [*edges, len(BIG) + 5, None]:
            assert await house.get(item, start, stop) == BIG[start:stop], (start, stop)
    with pytest.raises(ValueError):
        await house.get(item, len(BIG) + 1)
    with pytest.raises(ValueError):
        await house.get(item, -1)


async def test_pieces_are_small_and_fresh(house: House) -> None:
    item = await house.keep(BIG)
    async with house.vault.open(house.scope, item.id) as pieces:
        kept = [piece async for piece in pieces]
    assert max(map(len, kept)) <= 256 * 1024
    assert all(type(piece) is bytes for piece in kept)
    assert b"".join(kept) == BIG


async def test_another_person_or_school_finds_nothing(house: House) -> None:
    item = await house.keep(b"mine")
    for other in (Scope("school", "other"), Scope("elsewhere", "person"), Scope("school", None)):
        await house.enrol(other)
        with pytest.raises(Missing):
            await house.get(item, scope=other)
        async with house.database.write() as tx:
            assert await house.vault.destroy(tx, other, [item.id]) == 0
    assert await house.get(item) == b"mine"


async def test_the_schools_own_objects(house: House) -> None:
    scope = Scope("school", None)
    item = await house.keep(b"timetable", scope=scope)
    assert await house.get(item, scope=scope) == b"timetable"
    with pytest.raises(Missing):
        await house.get(item)


async def test_who_was_never_enrolled_has_no_key(house: House) -> None:
    with pytest.raises(Missing):
        await house.keep(b"x", scope=Scope("school", "nobody"))
    with pytest.raises(Missing):
        await house.vault.fields(Scope("nowhere", None))


def corruptions(sealed: bytes) -> dict[str, bytes]:
    """What may happen to a blob of six segments."""
    s = SEGMENT
    return {
        "one byte less": sealed[:-1],
        "one byte more": sealed + b"\0",
        "cut at a boundary": sealed[: 2 * s],
        "empty": b"",
        "swapped": sealed[:s] + sealed[2 * s : 3 * s] + sealed[s : 2 * s] + sealed[3 * s :],
        "first byte": bytes([sealed[0] ^ 1]) + sealed[1:],
        "last bit": sealed[:-1] + bytes([sealed[-1] ^ 1]),
    }


@pytest.mark.parametrize("kind", corruptions(bytes(SEGMENT * 4)))
async def test_a_damaged_blob_gives_no_wrong_byte(house: House, kind: str) -> None:
    item = await house.keep(BIG)
    path = house.blob(item)
    path.write_bytes(corruptions(path.read_bytes())[kind])
    with pytest.raises(Corrupt):
        await house.get(item)


async def test_a_cut_blob_is_seen_even_by_a_reader_of_its_middle(house: House) -> None:
    item = await house.keep(BIG)
    path = house.blob(item)
    sealed = path.read_bytes()
    path.write_bytes(sealed[: 5 * SEGMENT])
    with pytest.raises(Corrupt):
        await house.get(item, FIRST, FIRST + 10)
    path.write_bytes(sealed[:-20] + bytes(20))
    with pytest.raises(Corrupt):
        await house.get(item, 0, 10)


async def test_one_bad_segment_leaves_what_came_before(house: House) -> None:
    item = await house.keep(BIG)
    path = house.blob(item)
    sealed = bytearray(path.read_bytes())
    sealed[2 * SEGMENT] ^= 1
    path.write_bytes(sealed)
    got: list[bytes] = []

    async def read() -> None:
        async with house.vault.open(house.scope, item.id) as pieces:
            async for piece in pieces:
                got.append(piece)

    with pytest.raises(Corrupt):
        await read()
    assert b"".join(got) == BIG[: FIRST + REST]
    assert await house.get(item, FIRST + 2 * REST) == BIG[FIRST + 2 * REST :]


async def test_a_blob_of_another_object_is_refused(house: House) -> None:
    one, other = await house.keep(b"one"), await house.keep(b"two")
    house.blob(one).write_bytes(house.blob(other).read_bytes())
    with pytest.raises(Corrupt):
        await house.get(one)


async def test_a_lost_blob_is_missing(house: House) -> None:
    item = await house.keep(b"x")
    house.blob(item).unlink()
    with pytest.raises(Missing):
        await house.get(item)


@pytest.mark.both
async def test_rewrap_keeps_the_bytes(house: House) -> None:
    item = await house.keep(BIG[:1000], Life.PART, await house.end(30))
    before = house.blob(item).read_bytes()
    async with house.database.write() as tx:
        await house.vault.rewrap(tx, house.scope, item.id, Life.KEPT, None)
    house.database.ahead = 48 * HOUR
    assert await house.get(item) == BIG[:1000]
    assert house.blob(item).read_bytes() == before


async def test_an_end_is_never_put_off(house: House) -> None:
    item = await house.cached(b"x", minutes=10)
    async with house.database.write() as tx:
        with pytest.raises(ValueError):
            await house.vault.rewrap(tx, house.scope, item.id, Life.CACHE, await house.end(20))
        await house.vault.rewrap(tx, house.scope, item.id, Life.CACHE, await house.end(5))
    house.database.ahead = 6 * MINUTE
    with pytest.raises(Expired):
        await house.get(item)


@pytest.mark.both
async def test_the_end_of_a_part_is_put_off_once(house: House) -> None:
    """When its upload is complete: a day from then, never more than two from its storing."""
    items = [await house.keep(name, Life.PART, await house.end(24 * 60)) for name in (b"a", b"b")]
    ids = [item.id for item in items]
    house.database.ahead = 23 * HOUR
    async with house.database.write() as tx:
        with pytest.raises(ValueError):
            await house.vault.put_off(tx, house.scope, ids, await house.end(24 * 60 + 1))
        await house.vault.put_off(tx, house.scope, ids, await house.end(24 * 60))
    house.database.ahead = 46 * HOUR
    assert [await house.get(item) for item in items] == [b"a", b"b"]
    async with house.database.write() as tx:
        with pytest.raises(ValueError):
            await house.vault.put_off(tx, house.scope, ids, await house.end(24 * 60))
    house.database.ahead = 48 * HOUR
    for item in items:
        with pytest.raises(Expired):
            await house.get(item)


async def test_no_other_end_is_put_off(house: House) -> None:
    cached, part = await house.cached(b"x", minutes=10), await house.keep(b"x", Life.PART, await house.end(10))
    other = await house.enrol(Scope(house.scope.tenant, "somebody else"))
    async with house.database.write() as tx:
        with pytest.raises(ValueError):
            await house.vault.put_off(tx, house.scope, [cached.id], await house.end(20))
        with pytest.raises(Missing):
            await house.vault.put_off(tx, house.scope, [part.id, "0" * 32], await house.end(20))
        with pytest.raises(Missing):
            await house.vault.put_off(tx, other, [part.id], await house.end(20))
    house.database.ahead = 11 * MINUTE
    async with house.database.write() as tx:
        with pytest.raises(Expired):
            await house.vault.put_off(tx, house.scope, [part.id], await house.end(20))


async def test_rewrap_of_what_is_not_there(house: House) -> None:
    item = await house.cached(b"x", minutes=1)
    async with house.database.write() as tx:
        with pytest.raises(Missing):
            await house.vault.rewrap(tx, house.scope, "0" * 32, Life.KEPT, None)
    house.database.ahead = 2 * MINUTE
    async with house.database.write() as tx:
        with pytest.raises(Expired):
            await house.vault.rewrap(tx, house.scope, item.id, Life.KEPT, None)


@pytest.mark.parametrize(
    ("life", "minutes"), [(Life.KEPT, 5), (Life.CACHE, None), (Life.SPOOL, -1), (Life.PART, 24 * 60 + 1)]
)
async def test_a_life_needs_its_end(house: House, life: Life, minutes: float | None) -> None:
    ends = None if minutes is None else await house.end(minutes)
    with pytest.raises(ValueError):
        await house.keep(b"x", life, ends)


@pytest.mark.both
async def test_destroy_takes_the_row_now_and_the_blob_with_the_sweep(house: House) -> None:
    one, other = await house.keep(b"one"), await house.keep(b"other")
    async with house.database.write() as tx:
        assert await house.vault.destroy(tx, house.scope, [one.id, "0" * 32]) == 1
        assert [held.id for held in await house.vault.held(tx, house.scope)] == [other.id]
    with pytest.raises(Missing):
        await house.get(one)
    assert await house.vault.sweep(10) == 1
    assert house.blobs() == [other.id]
    assert await house.get(other) == b"other"


async def test_destroy_ends_an_open_read(house: House) -> None:
    item = await house.keep(os.urandom(8 * 1024 * 1024))
    got: list[int] = []

    async def read() -> None:
        async with house.vault.open(house.scope, item.id) as pieces:
            async for piece in pieces:
                got.append(len(piece))
                if len(got) == 1:
                    async with house.database.write() as tx:
                        await house.vault.destroy(tx, house.scope, [item.id])
                    await house.keyring.watch.refresh()

    with pytest.raises(Missing):
        await read()
    assert 0 < sum(got) < 4 * 1024 * 1024


async def test_held_tells_life_size_and_end(house: House) -> None:
    kept = await house.keep(b"12345")
    ends = await house.end(7)
    cached = await house.keep(b"1234567", Life.CACHE, ends)
    async with house.database.read() as tx:
        held = {item.id: item for item in await house.vault.held(tx, house.scope)}
    assert (held[kept.id].life, held[kept.id].size, held[kept.id].ends) == (Life.KEPT, 5, None)
    assert (held[cached.id].life, held[cached.id].size, held[cached.id].ends) == (Life.CACHE, 7, ends)


async def test_a_scope_needs_its_ids() -> None:
    for tenant, subject in (("", "x"), ("school", "")):
        with pytest.raises(ValueError):
            Scope(tenant, subject)


async def test_two_readers_at_once(house: House) -> None:
    item = await house.keep(BIG)
    whole, part = await asyncio.gather(house.get(item), house.get(item, 100, FIRST + 7))
    assert (whole, part) == (BIG, BIG[100 : FIRST + 7])


def test_errors_say_which_may_be_tried_again() -> None:
    assert Unavailable.retryable
    assert not any(kind.retryable for kind in (Missing, Expired, Shredded, Corrupt))
