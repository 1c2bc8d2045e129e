"""Suspended keys: nothing is read or written with them by any process, nothing is lost, and then they are as before."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, select, update

from cache.catalog import objects, subject_keys, suspended, tenant_keys
from cache.errors import Missing, Shredded, Stale, Suspended
from cache.keys import Key, Wrap, new_key, unwrap_key, wrap_key
from cache.vault import Scope, Vault
from tests.cache.conftest import House

SCHOOL = Scope("school", None)
BIG = secrets.token_bytes(2 << 20)


async def suspend(house: House, scope: Scope, version: int = 1, *vaults: Vault) -> None:
    """As one process does it; the others look afterwards, which they do every 250 ms anyway."""
    async with house.database.write() as tx:
        await house.vault.suspend(tx, scope, version)
    await look(house, *vaults)


async def resume(house: House, scope: Scope, version: int = 1, *vaults: Vault) -> None:
    async with house.database.write() as tx:
        await house.vault.resume(tx, scope, version)
    await look(house, *vaults)


async def look(house: House, *vaults: Vault) -> None:
    for vault in (house.vault, *vaults):
        await vault._keyring.watch.refresh()


@asynccontextmanager
async def another(house: House) -> AsyncIterator[Vault]:
    """A second process."""
    other = house.twin()
    await other.start()
    try:
        yield other
    finally:
        await other.close()


async def read(vault: Vault, scope: Scope, item: str) -> bytes:
    async with vault.open(scope, item) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.both
async def test_nothing_is_read_or_written_until_it_is_lifted(house: House) -> None:
    items = [await house.keep(b"one"), await house.cached(b"two")]
    fields = await house.vault.fields(house.scope)
    box = fields.seal("people", "name", "1", "Ada")
    await suspend(house, house.scope)
    for item in items:
        with pytest.raises(Suspended):
            await house.get(item)
    with pytest.raises(Suspended):
        await house.keep(b"new")
    with pytest.raises(Suspended):
        (await house.vault.fields(house.scope)).unseal("people", "name", "1", box)
    with pytest.raises(Stale):  # whoever held the keys looks them up again, and then meets the above
        fields.unseal("people", "name", "1", box)
    await resume(house, house.scope)
    assert [await house.get(item) for item in items] == [b"one", b"two"]
    assert (await house.vault.fields(house.scope)).text("people", "name", "1", box) == "Ada"
    assert await house.get(await house.keep(b"new")) == b"new"


@pytest.mark.both
async def test_another_process_obeys_with_its_next_look(house: House) -> None:
    item = await house.keep(BIG)
    async with another(house) as other, other.open(house.scope, item.id) as pieces:
        assert await anext(pieces)
        await suspend(house, house.scope, 1, other)
        with pytest.raises(Stale):
            async for _ in pieces:
                pass
        with pytest.raises(Suspended):
            await read(other, house.scope, item.id)
        await resume(house, house.scope, 1, other)
        assert await read(other, house.scope, item.id) == BIG


async def test_a_look_happens_by_itself(house: House) -> None:
    """No test's own look: the loop that every process runs is enough."""
    item = await house.keep(b"x")
    async with another(house) as other:
        assert await read(other, house.scope, item.id) == b"x"
        seen = other._keyring.watch.value
        async with house.database.write() as tx:
            await house.vault.suspend(tx, house.scope, 1)
        while other._keyring.watch.value == seen:
            await asyncio.sleep(0.01)
        with pytest.raises(Suspended):
            await read(other, house.scope, item.id)


@pytest.mark.both
async def test_a_schools_key_takes_everybody_of_the_school_with_it_and_nobody_else(house: House) -> None:
    friend, abroad = await house.enrol(Scope("school", "friend")), await house.enrol(Scope("abroad", "person"))
    kept = {scope: await house.keep(b"x", scope=scope) for scope in (house.scope, friend, SCHOOL, abroad)}
    await suspend(house, SCHOOL)
    for scope in (house.scope, friend, SCHOOL):
        with pytest.raises(Suspended):
            await house.get(kept[scope], scope=scope)
    assert await house.get(kept[abroad], scope=abroad) == b"x"
    await resume(house, SCHOOL)
    for scope, item in kept.items():
        assert await house.get(item, scope=scope) == b"x"


async def newer_key(house: House) -> None:
    """A second version of the person's key, as a rotation makes it."""
    wrap = Wrap("tenant", "school", "", "")
    async with house.database.write() as tx:
        box = (await tx.execute(select(tenant_keys.c.box).where(tenant_keys.c.tenant == "school"))).scalar_one()
        tenant = Key("school", 1, unwrap_key(box, house.root.key, wrap))
        mine = {"tenant": "school", "subject": "person", "version": 2, "tenant_version": 1}
        await tx.execute(update(subject_keys).where(subject_keys.c.subject == "person").values(state="old"))
        second = wrap_key(new_key(), tenant, Wrap("subject", "school", "person", ""))
        await tx.execute(insert(subject_keys).values(**mine, box=second, made=await house.database.now(tx)))
    house.keyring._rings.clear()


@pytest.mark.both
async def test_an_older_version_alone(house: House) -> None:
    old = await house.keep(b"old")
    await newer_key(house)
    new = await house.keep(b"new")
    await suspend(house, house.scope, 1)
    assert await house.get(new) == b"new"
    with pytest.raises(Suspended):
        await house.get(old)
    await resume(house, house.scope, 1)
    await suspend(house, house.scope, 2)
    assert await house.get(old) == b"old"
    with pytest.raises(Suspended):
        await house.get(new)
    with pytest.raises(Suspended):  # nothing is sealed under an older key because the newest is suspended
        await house.keep(b"more")


@pytest.mark.both
async def test_a_rotation_is_no_way_round(house: House) -> None:
    """A version that is made meanwhile has what was under the first one: it is given back with it."""
    old = await house.keep(b"old")
    await suspend(house, house.scope, 1)
    await newer_key(house)
    with pytest.raises(Suspended):
        await house.keep(b"new")
    async with house.database.read() as tx:
        assert [one.suspended for one in await house.vault.versions(tx, house.scope)] == [True, True]
    await resume(house, house.scope, 1)
    assert await house.get(old) == b"old"
    assert await house.get(await house.keep(b"new")) == b"new"


@pytest.mark.both
async def test_enrolling_is_no_way_round(house: House) -> None:
    await suspend(house, house.scope)
    async with house.database.write() as tx:
        await house.vault.enrol(tx, house.scope)
        with pytest.raises(Suspended):
            (await house.vault.fields(house.scope)).seal("a", "b", "c", "d")


@pytest.mark.both
async def test_a_suspension_that_rolls_back_is_none(house: House) -> None:
    item = await house.keep(b"x")
    await house.rolled_back(lambda tx: house.vault.suspend(tx, house.scope, 1))
    await look(house)
    assert await house.get(item) == b"x"


@pytest.mark.both
async def test_it_may_be_repeated_and_needs_a_key_that_is_there(house: House) -> None:
    await suspend(house, house.scope)
    await suspend(house, house.scope)
    async with house.database.write() as tx:
        for scope, version in ((house.scope, 2), (Scope("school", "nobody"), 1), (Scope("nowhere", None), 1)):
            with pytest.raises(Missing):
                await house.vault.suspend(tx, scope, version)
    await resume(house, house.scope)
    await resume(house, house.scope)
    async with house.database.read() as tx:
        assert [one.suspended for one in await house.vault.versions(tx, house.scope)] == [False]


@pytest.mark.both
async def test_a_suspended_key_can_be_destroyed(house: House) -> None:
    item = await house.keep(b"x")
    await suspend(house, house.scope)
    async with house.database.write() as tx:
        assert await house.vault.shred(tx, house.scope) == 1
        assert (await tx.execute(select(suspended))).all() == []
    await look(house)
    with pytest.raises(Shredded):
        await house.get(item)


@pytest.mark.both
async def test_what_a_key_wraps_is_told_without_a_key(house: House) -> None:
    old = sorted([(await house.keep(b"a")).id, (await house.keep(b"bc")).id])
    await newer_key(house)
    new = (await house.keep(b"d")).id
    await suspend(house, house.scope, 1)
    async with house.database.write() as tx:
        found = await house.vault.wrapped(tx, house.scope, 1)
        assert [one.id for one in found] == old
        assert {one.subject for one in found} == {"person"}
        page = await house.vault.wrapped(tx, house.scope, 1, after=old[0], limit=1)
        assert [one.id for one in page] == [old[1]]
        assert [one.id for one in await house.vault.wrapped(tx, house.scope, 2)] == [new]
        assert await house.vault.wrapped(tx, house.scope, 3) == []
        # A rotation that has wrapped them again does not hide that the first key wrapped them once.
        await tx.execute(update(objects).where(objects.c.id == old[0]).values(key_version=2))
        assert [one.id for one in await house.vault.wrapped(tx, house.scope, 1)] == old
        assert await house.vault.under(tx, "school", 1) == ["person"]
        assert await house.vault.under(tx, "school", 1, after="person") == []
        assert await house.vault.find(tx, "abroad", new) is None
        one = await house.vault.find(tx, "school", new)
        assert one is not None
        assert (one.subject, one.key_version, one.size) == ("person", 2, 1)
