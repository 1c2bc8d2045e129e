"""One stream under two subjects' keys: each ends by itself, the bytes go with the last, nothing temporary is shared."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from cache.catalog import graves, objects
from cache.errors import Corrupt, Missing, Shredded
from cache.vault import Life, Scope, Sealed
from tests.cache.conftest import House

KEEPER, THIRD = Scope("school", "keeper"), Scope("school", "third")


async def share(house: House, *items: Sealed, scope: Scope | None = None, to: Scope = KEEPER) -> list[Sealed]:
    await house.enrol(to)
    async with house.database.write() as tx:
        made = await house.vault.share(tx, scope or house.scope, [one.id for one in items], to)
    return [Sealed(made[one.id], one.size) for one in items]


async def destroy(house: House, item: Sealed, scope: Scope) -> None:
    async with house.database.write() as tx:
        assert await house.vault.destroy(tx, scope, [item.id]) == 1


async def swept(house: House) -> int:
    """How many blobs are left once nothing more goes."""
    while await house.vault.sweep(100):
        pass
    return len(house.blobs())


@pytest.mark.both
async def test_both_read_the_same_bytes_and_none_is_written(house: House) -> None:
    item = await house.keep(b"evidence" * 100_000)
    (held,) = await share(house, item)
    assert len(house.blobs()) == 1
    assert await house.get(item) == await house.get(held, scope=KEEPER) == b"evidence" * 100_000
    assert await house.get(held, 5, 12, scope=KEEPER) == (b"evidence" * 2)[5:12]
    assert (await house.vault.stat(KEEPER, held.id)).hashes == item.hashes
    for scope, other in ((house.scope, held), (KEEPER, item)):
        with pytest.raises(Missing):
            await house.get(other, scope=scope)


@pytest.mark.both
@pytest.mark.parametrize("first", ["person", "keeper"])
async def test_the_bytes_go_with_the_last_who_needs_them(house: House, first: str) -> None:
    item = await house.keep(b"evidence")
    (held,) = await share(house, item)
    ends = [(item, house.scope), (held, KEEPER)]
    if first == "keeper":
        ends.reverse()
    (gone, whose), (left, other) = ends
    await destroy(house, gone, whose)
    assert await swept(house) == 1
    assert await house.get(left, scope=other) == b"evidence"
    await destroy(house, left, other)
    assert await swept(house) == 0


@pytest.mark.both
async def test_one_of_three_and_of_two_in_the_same_hands(house: House) -> None:
    item = await house.keep(b"evidence")
    held = [*await share(house, item), *await share(house, item)]
    (third,) = await share(house, held[0], scope=KEEPER, to=THIRD)
    await destroy(house, item, house.scope)
    async with house.database.write() as tx:
        assert await house.vault.shred(tx, KEEPER) == 2
    assert await swept(house) == 1
    assert await house.get(third, scope=THIRD) == b"evidence"
    async with house.database.write() as tx:
        assert await house.vault.shred(tx, Scope("school", None)) == 1
    assert await swept(house) == 0


@pytest.mark.both
async def test_the_death_of_the_person_leaves_what_is_shared_and_nothing_else(house: House) -> None:
    kept, other = await house.keep(b"evidence"), await house.keep(b"diary")
    (held,) = await share(house, kept)
    async with house.database.write() as tx:
        await house.vault.shred_keys(tx, house.scope)
    while await house.vault.clear(house.scope, 1):
        pass
    assert await house.get(held, scope=KEEPER) == b"evidence"
    for item in (kept, other):
        with pytest.raises(Shredded):
            await house.get(item)
    assert len(house.blobs()) == 1
    async with house.database.write() as tx:
        await house.vault.shred_keys(tx, KEEPER)
    while await house.vault.clear(KEEPER, 1):
        pass
    assert house.blobs() == []
    with pytest.raises(Shredded):
        await house.get(held, scope=KEEPER)


@pytest.mark.both
@pytest.mark.parametrize("first", ["person", "keeper"])
async def test_two_that_are_cleared_at_once_leave_nothing(house: House, first: str) -> None:
    """Whoever looks while the other's row is still there leaves the bytes to it, and they go all the same."""
    item = await house.keep(b"evidence")
    await share(house, item)
    scopes = [house.scope, KEEPER] if first == "person" else [KEEPER, house.scope]
    async with house.database.write() as tx:
        for scope in scopes:
            await house.vault.shred_keys(tx, scope)
    for scope in scopes:
        assert await house.vault.clear(scope, 10) == 1
    while await house.vault.empty_graves(10):
        pass
    assert house.blobs() == []


@pytest.mark.both
async def test_a_stranger_cannot_open_what_is_shared(house: House) -> None:
    """The row is bound to its subject and its id: given to somebody else it opens nothing."""
    item = await house.keep(b"evidence")
    (held,) = await share(house, item)
    await house.enrol(THIRD)
    async with house.database.write() as tx:
        box = select(objects.c.box).where(objects.c.id == held.id).scalar_subquery()
        await tx.execute(update(objects).where(objects.c.id == item.id).values(box=box))
    with pytest.raises(Corrupt):
        await house.get(item)
    async with house.database.write() as tx:
        await tx.execute(update(objects).where(objects.c.id == held.id).values(subject="third"))
    with pytest.raises(Corrupt):
        await house.get(held, scope=THIRD)


@pytest.mark.both
async def test_what_ends_by_itself_is_never_shared(house: House) -> None:
    ends = await house.end()
    items = [await house.keep(b"x", life, ends) for life in (Life.CACHE, Life.SPOOL, Life.PART)]
    for item in items:
        with pytest.raises(ValueError, match="kept"):
            await share(house, item)
    with pytest.raises(ValueError, match="tenant"):
        await share(house, await house.keep(b"x"), to=Scope("abroad", "keeper"))
    with pytest.raises(Missing):
        await share(house, Sealed("0" * 32, 1))
    async with house.database.read() as tx:
        assert await house.vault.held(tx, KEEPER) == []


@pytest.mark.both
async def test_bytes_that_are_written_anew_leave_the_others_as_they_are(house: House) -> None:
    """After a compromise each of them gets a stream of its own; the old one goes with the last who needed it."""
    item = await house.keep(b"evidence")
    (held,) = await share(house, item)
    for scope, one in ((house.scope, item), (KEEPER, held)):
        assert await house.vault.rewriter.rewrite(scope, one.id, house.database.write)
        assert await swept(house) == 2
        assert await house.get(item) == await house.get(held, scope=KEEPER) == b"evidence"
    async with house.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(graves))).scalar_one() == 0
