"""A stream being written: followers at their own pace, and nothing left of one that was given up."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from cache.errors import Missing, Shredded, Unavailable
from cache.sealing import SEGMENT
from cache.vault import Life, Writer
from tests.cache.conftest import House

FIRST, REST = SEGMENT - 56, SEGMENT - 16
DATA = secrets.token_bytes(FIRST + 9 * REST + 321)
PIECE = 100_000


async def everything(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def feed(writer: Writer, data: bytes = DATA) -> None:
    for at in range(0, len(data), PIECE):
        await writer.write(data[at : at + PIECE])
        await asyncio.sleep(0)


async def store(house: House, writer: Writer) -> None:
    await writer.finish()
    async with house.database.write() as tx:
        await writer.commit(tx)


async def test_followers_get_the_bytes_while_they_arrive(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        ranges = [
            (0, None),
            (0, 10),
            (FIRST - 1, FIRST + 1),
            (FIRST + REST, None),
            (5 * REST, 6 * REST),
            (len(DATA), None),
        ]
        tasks = [asyncio.create_task(everything(writer.follow(start, stop))) for start, stop in ranges]
        await feed(writer)
        await store(house, writer)
        got = await asyncio.gather(*tasks)
    assert got == [DATA[start:stop] for start, stop in ranges]


async def test_a_waiting_follower_sees_a_segment_before_a_batch_is_full(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        follower = writer.follow()
        first = asyncio.create_task(anext(follower))
        await asyncio.sleep(0)
        await writer.write(DATA[: FIRST + 1])
        assert await asyncio.wait_for(first, 5) == DATA[:FIRST]
        await follower.aclose()


async def test_a_slow_follower_holds_up_nobody_and_reads_on_after_the_end(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        slow = writer.follow()
        start = asyncio.create_task(anext(slow))
        await asyncio.sleep(0)
        await feed(writer)
        await store(house, writer)
        got = await start
    assert house.blobs() == [writer.id]
    async for piece in slow:
        got += piece
    assert got == DATA


async def test_a_late_follower(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await feed(writer)
        await writer.finish()
        assert await everything(writer.follow(7)) == DATA[7:]
        async with house.database.write() as tx:
            await writer.commit(tx)


async def test_a_vanished_follower_harms_nobody(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        gone = asyncio.create_task(everything(writer.follow()))
        stays = asyncio.create_task(everything(writer.follow()))
        await writer.write(DATA[: 2 * SEGMENT])
        gone.cancel()
        await feed(writer, DATA[2 * SEGMENT :])
        await store(house, writer)
        assert await stays == DATA
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_when_the_writer_gives_up_its_followers_learn_it(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        follower = asyncio.create_task(everything(writer.follow()))
        await writer.write(DATA[: 3 * SEGMENT])
    with pytest.raises(Unavailable):
        await asyncio.wait_for(follower, 5)
    with pytest.raises(Unavailable):
        await everything(writer.follow())


async def test_a_slow_follower_learns_that_the_end_was_never_committed(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        slow = writer.follow()
        start = asyncio.create_task(anext(slow))
        await asyncio.sleep(0)
        await feed(writer)
        await writer.finish()
        await start
    with pytest.raises(Unavailable):
        await everything(slow)


async def test_nothing_is_left_of_what_was_not_committed(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as unfinished:
        await unfinished.write(DATA)
    async with house.vault.put(house.scope, Life.KEPT) as finished:
        await finished.write(DATA)
        await finished.finish()
        assert house.blobs() == [finished.id]
    assert house.blobs() == []
    assert [path for path in (house.folder / "staging").rglob("*") if path.is_file() and path.name != "lock"] == []
    for writer in (unfinished, finished):
        with pytest.raises(Missing):
            await house.vault.size(house.scope, writer.id)


async def test_a_commit_that_rolls_back_leaves_no_object(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await writer.write(b"x")
        await writer.finish()
        await house.rolled_back(writer.commit)
    with pytest.raises(Missing):
        await house.vault.size(house.scope, writer.id)


async def test_commit_needs_finish_and_nothing_comes_after(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        async with house.database.write() as tx:
            with pytest.raises(ValueError):
                await writer.commit(tx)
        await writer.finish()
        with pytest.raises(ValueError):
            await writer.write(b"more")
        with pytest.raises(ValueError):
            await writer.finish()


async def test_a_commit_that_comes_too_late_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await writer.finish()
        monkeypatch.setattr("cache.writer.COMMIT_WITHIN", -1.0)
        async with house.database.write() as tx:
            with pytest.raises(Unavailable):
                await writer.commit(tx)


async def test_a_person_forgotten_meanwhile_gets_no_object(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        follower = asyncio.create_task(everything(writer.follow()))
        await writer.write(DATA[: 2 * SEGMENT])
        async with house.database.write() as tx:
            await house.vault.shred(tx, house.scope)
        with pytest.raises(Shredded):
            await feed(writer, DATA)
        with pytest.raises((Shredded, Unavailable)):
            await follower
    assert house.blobs() == []


async def test_another_process_that_forgot_the_person_stops_the_commit(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await writer.write(b"x")
        await writer.finish()
        await house.keyring.watch.close()
        other = house.twin()
        async with house.database.write() as tx:
            await other.shred(tx, house.scope)
        async with house.database.write() as tx:
            with pytest.raises(Shredded):
                await writer.commit(tx)
    assert house.blobs() == []


async def test_only_sealed_bytes_reach_the_disk(house: House) -> None:
    canary = b"the-canary-in-the-homework" * 80_000
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await feed(writer, canary)
        growing = [path.read_bytes() for path in (house.folder / "staging").rglob("*") if path.is_file()]
        await store(house, writer)
    assert any(growing)
    for raw in [*growing, house.blob(await house.vault.stat(house.scope, writer.id)).read_bytes()]:
        assert b"the-canary" not in raw


async def test_an_unknown_hash_is_refused(house: House) -> None:
    with pytest.raises(ValueError):
        async with house.vault.put(house.scope, Life.KEPT, hashes=["quickxor"]):
            pass


async def test_a_full_disk_is_unavailable_and_ends_the_writer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    async with house.vault.put(house.scope, Life.KEPT) as writer:
        follower = asyncio.create_task(everything(writer.follow()))
        await asyncio.sleep(0)
        monkeypatch.setattr("os.pwrite", full)
        with pytest.raises(Unavailable):
            await feed(writer)
        with pytest.raises(Unavailable):
            await follower
        with pytest.raises(ValueError):
            await writer.write(b"more")
    assert house.blobs() == []
