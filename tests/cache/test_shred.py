"""Destroyed keys: nothing opens again, in this process at once and in every other within a second."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import epoch, objects, subject_keys, tenant_keys
from cache.epoch import LIMIT, Watch
from cache.errors import Missing, Shredded, Unavailable
from cache.vault import Life, Scope, Vault
from tests.cache.conftest import House

BIG = secrets.token_bytes(8 << 20)


async def shred(house: House, scope: Scope, vault: Vault | None = None) -> int:
    async with house.database.write() as tx:
        return await (vault or house.vault).shred(tx, scope)


@pytest.mark.both
async def test_a_shredded_person_is_gone(house: House) -> None:
    items = [await house.keep(b"one"), await house.cached(b"two")]
    fields = await house.vault.fields(house.scope)
    box = fields.seal("people", "name", "1", "Ada")
    assert await shred(house, house.scope) == 2
    for item in items:
        with pytest.raises(Shredded):
            await house.get(item)
    with pytest.raises(Shredded):
        fields.unseal("people", "name", "1", box)
    with pytest.raises(Shredded):
        await house.vault.fields(house.scope)
    with pytest.raises(Shredded):
        await house.keep(b"new")
    async with house.database.read() as tx:
        assert await house.vault.held(tx, house.scope) == []
        assert (await tx.execute(select(func.count()).select_from(subject_keys))).scalar() == 0
    await house.vault.sweep(10)
    assert house.blobs() == []


@pytest.mark.both
async def test_others_are_not_touched(house: House) -> None:
    friend, school, abroad = Scope("school", "friend"), Scope("school", None), Scope("abroad", "person")
    items = [(scope, await house.keep(b"x", scope=await house.enrol(scope))) for scope in (friend, school, abroad)]
    await shred(house, house.scope)
    for scope, item in items:
        assert await house.get(item, scope=scope) == b"x"


@pytest.mark.both
async def test_a_school_that_leaves_takes_everybody_along(house: House) -> None:
    friend, abroad = await house.enrol(Scope("school", "friend")), await house.enrol(Scope("abroad", "person"))
    one, two = await house.keep(b"x"), await house.keep(b"y", scope=friend)
    stays = await house.keep(b"z", scope=abroad)
    assert await shred(house, Scope("school", None)) == 2
    for scope, item in ((house.scope, one), (friend, two)):
        with pytest.raises(Shredded):
            await house.get(item, scope=scope)
    assert await house.get(stays, scope=abroad) == b"z"
    async with house.database.read() as tx:
        assert list((await tx.execute(select(tenant_keys.c.tenant))).scalars()) == ["abroad"]
        assert list((await tx.execute(select(objects.c.id))).scalars()) == [stays.id]


async def test_a_destroyed_id_is_never_used_again(house: House) -> None:
    await shred(house, house.scope)
    with pytest.raises(Shredded):
        await house.enrol(house.scope)
    assert await shred(house, house.scope) == 0


async def test_the_wrapped_key_leaves_the_database_file(house: House) -> None:
    async with house.database.read() as tx:
        box = (await tx.execute(select(subject_keys.c.box))).scalar_one()
    await shred(house, house.scope)
    await house.database._inner.checkpoint()
    for path in house.folder.glob("gateway.db*"):
        assert box not in path.read_bytes()


async def test_what_is_inserted_can_depend_on_the_keys(house: House) -> None:
    async with house.database.write() as tx:
        await house.vault.hold(tx, house.scope)
    await house.keyring.watch.close()  # this process does not learn of it
    await shred(house, house.scope, house.twin())
    async with house.database.write() as tx:
        with pytest.raises(Shredded):
            await house.vault.hold(tx, house.scope)


async def test_a_shred_that_rolls_back_keeps_everything(house: House) -> None:
    item = await house.keep(b"x")
    await house.rolled_back(lambda tx: house.vault.shred(tx, house.scope))
    assert await house.get(item) == b"x"


@pytest.mark.both
async def test_another_process_forgets_within_a_second(house: House) -> None:
    item = await house.keep(BIG)
    other = house.twin()
    await other.start()
    fields = await other.fields(house.scope)
    async with other.open(house.scope, item.id) as pieces:
        await anext(pieces)
        await shred(house, house.scope)
        await asyncio.sleep(LIMIT)
        with pytest.raises(Shredded):
            async for _ in pieces:
                pass
    with pytest.raises(Shredded):
        fields.seal("a", "b", "c", "d")
    await other.close()


async def test_a_key_destroyed_while_it_is_loaded_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    other = house.twin()
    await other.start()
    load = other._keyring._load

    async def slow(tx: AsyncConnection, scope: Scope) -> Any:
        ring = await load(tx, scope)
        monkeypatch.undo()
        await shred(house, scope)
        other._keyring.watch._evict = lambda tenant, subject: None  # the ring is not yet where eviction could find it
        await other._keyring.watch.refresh()
        return ring

    monkeypatch.setattr(other._keyring, "_load", slow)
    with pytest.raises(Shredded):
        await other.fields(house.scope)
    await other.close()


async def test_a_key_that_only_a_request_holds_dies_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache.keyring.HELD_SCOPES", 1)
    await house.enrol(Scope("school", "second"))
    fields = await house.vault.fields(house.scope)
    await house.vault.fields(Scope("school", "second"))
    await shred(house, house.scope)
    with pytest.raises(Shredded):
        fields.seal("a", "b", "c", "d")


async def test_without_a_recent_epoch_no_key_is_used(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    item = await house.keep(BIG)
    fields = await house.vault.fields(house.scope)
    await house.keyring.watch.close()

    @asynccontextmanager
    async def broken() -> Any:
        raise OperationalError("read", {}, OSError("gone"))
        yield

    async with house.vault.open(house.scope, item.id) as pieces:
        await anext(pieces)
        monkeypatch.setattr(house.database, "read", broken)
        monkeypatch.setattr(house.keyring.watch, "_read_at", float("-inf"))
        with pytest.raises(Unavailable):
            async for _ in pieces:
                pass
    with pytest.raises(Unavailable):
        fields.seal("a", "b", "c", "d")
    with pytest.raises(Unavailable):
        await house.vault.fields(house.scope)
    monkeypatch.undo()
    assert await house.get(item, 0, 5) == BIG[:5]


async def test_the_watch_reads_again_when_it_is_old(house: House) -> None:
    time = [0.0]
    evicted: list[tuple[str, str]] = []
    watch = Watch(house.database, lambda tenant, subject: evicted.append((tenant, subject)), clock=lambda: time[0])
    before = await watch.check()
    await shred(house, house.scope)
    assert await watch.check() == before
    time[0] += LIMIT + 0.01
    assert not watch.current
    assert await watch.check() > before
    assert evicted == [("school", "person")]


async def test_the_watch_reads_again_before_it_is_old(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who checks and then uses a key has half of the limit for it; where nothing answers, the rest of the limit."""
    time = [0.0]
    watch = Watch(house.database, lambda tenant, subject: None, clock=lambda: time[0])
    before = await watch.check()
    await shred(house, house.scope)
    time[0] += LIMIT * 0.6
    assert await watch.check() > before
    time[0] += LIMIT * 0.6
    assert watch.current

    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr(house.database, "read", away)
    assert await watch.check() > before
    time[0] += LIMIT * 0.6
    with pytest.raises(Unavailable):
        await watch.check()


async def test_the_watch_outlives_a_database_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's own error, that no layer above it knows, must not end it: keys destroyed later would stay."""

    asked: list[bool] = []

    def read() -> AbstractAsyncContextManager[AsyncConnection]:
        asked.append(True)
        if len(asked) == 2:
            raise RuntimeError("the database system is starting up")
        return real()

    real = house.database.read
    monkeypatch.setattr(house.database, "read", read)
    watch = Watch(house.database, lambda tenant, subject: None, interval=0.01)
    await watch.start()
    async with asyncio.timeout(5):
        while len(asked) < 4:
            await asyncio.sleep(0.01)
    await watch.close()


@pytest.mark.both
async def test_every_destroy_advances_the_epoch(house: House) -> None:
    item = await house.keep(b"x")
    values = []
    for _ in range(2):
        async with house.database.write() as tx:
            await house.vault.destroy(tx, house.scope, [item.id])
            values.append((await tx.execute(select(epoch.c.value))).scalar())
    assert values == [1, 1]
    with pytest.raises(Missing):
        await house.get(item)


@pytest.mark.both
async def test_a_fresh_key_works_in_its_own_transaction(house: House) -> None:
    scope = Scope("new-school", "new-person")
    async with house.database.write() as tx:
        await house.vault.enrol(tx, scope)
        box = (await house.vault.fields(scope)).seal("people", "name", "1", "Ada")
        school = (await house.vault.fields(Scope("new-school", None))).index("email", "a@b")
    assert (await house.vault.fields(scope)).text("people", "name", "1", box) == "Ada"
    assert (await house.vault.fields(Scope("new-school", None))).index("email", "a@b") == school


async def test_a_fresh_key_dies_with_its_transaction(house: House) -> None:
    scope = Scope("new-school", "new-person")

    async def enrol(tx: AsyncConnection) -> None:
        await house.vault.enrol(tx, scope)
        assert await house.vault.fields(scope)

    await house.rolled_back(enrol)
    with pytest.raises(Missing):
        await house.vault.fields(scope)
    with pytest.raises(Missing):
        await house.vault.fields(Scope("new-school", None))


@pytest.mark.both
async def test_two_enrolments_make_one_key(house: House) -> None:
    scope, other = Scope("third", "p"), house.twin()
    await other.start()

    async def enrol(vault: Vault) -> None:
        async with house.database.write() as tx:
            await vault.enrol(tx, scope)

    await asyncio.gather(enrol(house.vault), enrol(other))
    box = (await house.vault.fields(scope)).seal("a", "b", "c", "same")
    assert (await other.fields(scope)).text("a", "b", "c", box) == "same"
    await other.close()


async def test_nothing_in_the_folder_is_readable(house: House, tmp_path: Path) -> None:
    await house.keep(b"canary-content" * 1000, Life.KEPT)
    fields = await house.vault.fields(house.scope)
    assert b"canary" not in fields.seal("people", "name", "1", "canary-name")
    for path in tmp_path.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        assert b"canary" not in raw
        assert house.root.secret not in raw
