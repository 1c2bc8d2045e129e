"""Cycles: everything goes on, and what lay in a copy from before opens with nothing that is left."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, update
from sqlalchemy.exc import IntegrityError

from cache.catalog import changes, objects, record_keys, renewals, roots, subject_keys, tenant_keys
from cache.errors import Corrupt, Missing, Shredded, StorageError, Unavailable
from cache.fields import Fields, sealed_version
from cache.keys import Key, Wrap, unwrap_key
from cache.loading import subject_wrap, tenant_wrap
from cache.model import Life
from cache.ring import KeySet, Known
from cache.roots import Root, RootRefused, Roots
from cache.vault import Scope
from gateway.db.engine import Database
from tests.cache.rotating import DAY, SCHEMA, Turning, boards, cards, letter_of, letters, log, turning

SCHOOL = Scope("school", None)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path) as made:
        yield made


@pytest.mark.both
async def test_everything_goes_on(house: Turning) -> None:
    file, cached = await house.keep(b"file"), await house.cached(b"cached")
    shared = await house.keep(b"shared", scope=SCHOOL)
    await house.write("one", "Hello")
    await house.write("two", "Notice", SCHOOL)
    await house.card("ada", "Ada")
    box, told = await house.log("1", "done"), await house.log("2", "ours", SCHOOL)
    before = await house.versions()
    await house.turn()
    assert await house.get(file) == b"file"
    assert await house.get(cached) == b"cached"
    assert await house.get(shared, scope=SCHOOL) == b"shared"
    assert await house.read("one") == ("Hello", "text of Hello")
    assert await house.read("two", SCHOOL) == ("Notice", "text of Notice")
    assert (await house.find("Hello"), await house.find("Notice", SCHOOL)) == (["one"], ["two"])
    assert (await house.who("Ada"), await house.who("Eve")) == (["ada"], [])
    assert (await house.vault.records(house.scope)).text("log", "told", "1", box) == "done"
    assert (await house.vault.records(SCHOOL)).text("log", "told", "2", told) == "ours"
    now = await house.versions()
    assert now["roots"] == [(1, "retired"), (2, "current")]
    assert now["tenants"] == [("school", 2, "current")]
    assert now["subjects"] == before["subjects"], "nobody deleted anything: their keys are only wrapped anew"
    async with house.started() as (vault, _):
        assert (await vault.fields(house.scope)).version == 1


async def copied(house: Turning) -> dict[str, list[Any]]:
    """A copy of the database as a backup would have it."""
    async with house.database.read() as tx:
        return {
            table.name: list((await tx.execute(select(table))).all())
            for table in (roots, tenant_keys, subject_keys, record_keys, objects, letters, cards, boards, log)
        }


def open_copy(copy: dict[str, list[Any]], known: dict[int, Root], also: dict[str, dict[int, Key]]) -> list[str]:
    """All that a thief of the copy can read with these roots and these keys of subjects."""
    opened: list[str] = []
    tenants: dict[tuple[str, int], Key] = {}
    for row in copy["vault_tenant_keys"]:
        if row.root_version in known:
            secret = unwrap_key(row.box, known[row.root_version].key, tenant_wrap(row.tenant))
            tenants[row.tenant, row.version] = Key(row.tenant, row.version, secret)
    keys: dict[str, dict[int, Key]] = {owner: dict(versions) for owner, versions in also.items()}
    for (tenant, version), key in tenants.items():
        keys.setdefault("", {})[version] = key
        for row in copy["vault_subject_keys"]:
            if row.tenant == tenant and row.tenant_version == version:
                secret = unwrap_key(row.box, key, subject_wrap(tenant, row.subject))
                keys.setdefault(row.subject, {})[row.version] = Key(row.subject, row.version, secret)
    for row in copy["letters"]:
        held = keys.get(row.person, {})
        if held:
            fields = Fields(Known(Scope(row.school, row.person or None), KeySet(held, max(held))))
            with suppress(StorageError):
                opened.append(fields.text("letters", "title", row.id, row.title))
    for row in copy["vault_objects"]:
        parent = keys.get(row.subject, {}).get(row.key_version)
        if parent is not None and row.expiry_version is None:
            with suppress(StorageError):
                unwrap_key(row.box, parent, Wrap(row.life, row.tenant, row.subject, row.id, row.bucket))
                opened.append(row.id)
    return opened


async def live_keys(house: Turning, scope: Scope) -> dict[int, Key]:
    """All keys of a scope that the database and the root of now give."""
    async with house.database.read() as tx:
        held = await house.keyring._load(tx, scope)
    return dict(held.keys)


@pytest.mark.both
async def test_a_copy_from_before_opens_with_nothing_once_the_old_root_is_destroyed(house: Turning) -> None:
    file = await house.keep(b"file")
    await house.write("one", "Hello")
    await house.write("two", "Notice", SCHOOL)
    copy, old = await copied(house), house.place().read()
    assert open_copy(copy, old, {}) == ["Hello", "Notice", file.id], "with the root of then it can be read"
    await house.turn()
    assert open_copy(copy, house.place().read(), {}) == ["Hello", "Notice", file.id], "backups can be restored"
    house.database.ahead += 36 * DAY
    assert await house.cycles.let_go() == 1
    left = house.place().read()
    assert list(left) == [2]
    assert open_copy(copy, left, {}) == []
    assert (await house.versions())["roots"] == [(1, "gone"), (2, "current")]
    assert await house.get(file) == b"file"
    async with house.started() as (vault, _):
        await vault.fields(house.scope)


@pytest.mark.both
async def test_who_deleted_something_gets_another_key(house: Turning) -> None:
    await house.enrol(Scope("school", "friend"))
    stays, goes = await house.keep(b"stays"), await house.keep(b"goes")
    await house.write("one", "Hello")
    copy = await copied(house)
    keys = {"person": await live_keys(house, house.scope)}
    assert set(open_copy(copy, {}, keys)) == {"Hello", stays.id, goes.id}, "the key of now opens what was deleted"
    async with house.database.write() as tx:
        await house.vault.destroy(tx, house.scope, [goes.id])
    box = await house.log("1", "done")
    await house.turn()
    assert await house.get(stays) == b"stays"
    assert await house.read("one") == ("Hello", "text of Hello")
    assert await house.find("Hello") == ["one"]
    assert (await house.vault.records(house.scope)).text("log", "told", "1", box) == "done"
    keys = {"person": await live_keys(house, house.scope)}
    assert list(keys["person"]) == [2]
    assert open_copy(copy, {}, keys) == [], "no key that is left opens a row of the copy"
    assert (await house.versions())["subjects"] == [("friend", 1, "current"), ("person", 2, "current")]
    await house.turn()
    assert (await house.versions())["subjects"] == [("friend", 1, "current"), ("person", 2, "current")]


async def test_what_ends_by_itself_is_no_deletion(house: Turning) -> None:
    cached, part = await house.cached(b"x"), await house.keep(b"y", Life.PART, await house.end())
    async with house.database.write() as tx:
        await house.vault.destroy(tx, house.scope, [cached.id])
    async with house.database.read() as tx:
        assert (await tx.execute(select(renewals))).all() == [], "its expiry key ends it in every copy"
    async with house.database.write() as tx:
        await house.vault.destroy(tx, house.scope, [part.id])
    async with house.database.read() as tx:
        assert len((await tx.execute(select(renewals))).all()) == 1


@pytest.mark.both
async def test_bulk_data_is_not_touched(house: Turning) -> None:
    item = await house.keep(b"x" * 1000)
    before = house.blob(item).read_bytes(), house.blob(item).stat().st_mtime_ns
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
    await house.turn()
    assert (house.blob(item).read_bytes(), house.blob(item).stat().st_mtime_ns) == before
    assert await house.get(item) == b"x" * 1000


@pytest.mark.both
async def test_after_a_compromise_the_bytes_are_written_anew(house: Turning) -> None:
    kept, cached = await house.keep(b"x" * 1000), await house.cached(b"cached")
    foreign = await house.keep(b"y", scope=await house.enrol(Scope("school", "friend")))
    before = house.blobs()
    old = await house.log("1", "before")
    async with house.vault.open(house.scope, kept.id, 0, 10) as pieces:
        await house.cycles.rekey([house.scope], compromised=True)
        await house.turn()
        assert b"".join([piece async for piece in pieces]) == b"x" * 10, "who was reading reads on"
    assert await house.get(kept) == b"x" * 1000
    assert await house.get(cached) == b"cached"
    await house.vault.sweep(100)
    now = house.blobs()
    assert set(before) & set(now) == {foreign.id}
    assert len(now) == 3
    assert await house.get(kept, 990) == b"x" * 10
    new = await house.log("2", "after")
    records = await house.vault.records(house.scope)
    assert (records.text("log", "told", "1", old), records.text("log", "told", "2", new)) == ("before", "after")
    assert sealed_version(old) < sealed_version(new)
    house.database.ahead += 3_600_001
    await house.vault.sweep(100)
    assert house.blob(kept).exists() is False, "the sweep knows the new names"
    assert await house.get(kept) == b"x" * 1000
    async with house.database.write() as tx:
        assert await house.vault.destroy(tx, house.scope, [kept.id]) == 1
    await house.vault.sweep(100)
    assert house.blobs() == [foreign.id]


@pytest.mark.both
async def test_one_person_or_a_school_is_given_new_keys(house: Turning) -> None:
    await house.enrol(Scope("abroad", "far"))
    await house.write("one", "Hello")
    await house.cycles.rekey([await house.cycles.scope("person")])
    await house.turn(kind="rekey")
    assert (await house.versions())["subjects"] == [("far", 1, "current"), ("person", 2, "current")]
    await house.cycles.rekey([await house.cycles.scope("school")])
    await house.turn(kind="rekey")
    now = await house.versions()
    assert now["roots"] == [(1, "current")]
    assert now["tenants"] == [("abroad", 1, "current"), ("school", 2, "current")]
    assert now["subjects"] == [("far", 1, "current"), ("person", 3, "current")]
    assert await house.read("one") == ("Hello", "text of Hello")
    with pytest.raises(Missing):
        await house.cycles.scope("nobody")


@pytest.mark.both
async def test_who_is_forgotten_meanwhile_gets_no_key(house: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.write("one", "Hello")
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
    settled = type(house.cycles)._renew

    async def forget(self: Any, work: Any) -> None:
        async with house.database.write() as tx:
            await house.vault.shred(tx, house.scope)
        await settled(self, work)

    monkeypatch.setattr(type(house.cycles), "_renew", forget)
    await house.turn()
    assert (await house.versions())["subjects"] == []
    with pytest.raises(Shredded):
        await house.vault.fields(house.scope)
    async with house.database.read() as tx:
        assert (await tx.execute(select(renewals))).all() == []


@pytest.mark.both
async def test_nothing_is_stored_under_a_key_that_is_gone(house: Turning) -> None:
    """A value that was sealed long before it is written: the key died in between."""
    fields = await house.vault.fields(house.scope)
    old = letter_of(fields, "late", "Late")
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
    await house.turn()
    with pytest.raises(IntegrityError, match="vault_guard"):
        async with house.database.write() as tx:
            await tx.execute(insert(letters).values(id="late", school="school", person="person", **old))
    await house.write("late", "Late")
    with pytest.raises(IntegrityError, match="vault_guard"):
        async with house.database.write() as tx:
            await tx.execute(update(letters).where(letters.c.id == "late").values(text=old["text"]))
    assert await house.read("late") == ("Late", "text of Late")


async def test_what_others_write_under_the_old_key_meanwhile_is_moved_too(
    house: Turning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who sealed before the key was followed writes when everything has been moved already."""
    fields = await house.vault.fields(house.scope)
    late = letter_of(fields, "late", "Late")
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
    left = house.cycles._mover.left
    written: list[bool] = []

    async def write_first(tx: Any, *args: Any) -> Any:
        if not written:
            written.append(True)
            await tx.execute(insert(letters).values(id="late", school="school", person="person", **late))
        return await left(tx, *args)

    monkeypatch.setattr(house.cycles._mover, "left", write_first)
    await house.turn()
    assert await house.read("late") == ("Late", "text of Late")
    assert (await house.versions())["subjects"] == [("person", 2, "current")]


@pytest.mark.both
async def test_a_damaged_value_stays_damaged_and_holds_up_nobody(house: Turning) -> None:
    await house.write("one", "Hello")
    await house.write("two", "World")
    item = await house.keep(b"x")
    async with house.database.write() as tx:
        await house.vault.renew(tx, house.scope)
        row = (await tx.execute(select(letters).where(letters.c.id == "one"))).one()
        broken = row.title[:-1] + bytes([row.title[-1] ^ 1])
        await tx.execute(update(letters).where(letters.c.id == "one").values(title=broken))
        await tx.execute(update(objects).where(objects.c.id == item.id).values(box=b"z" * 60))
    await house.turn()
    status = await house.cycles.status()
    assert status.cycle is not None
    assert status.cycle.counts["damaged"] == 2
    fields = await house.vault.fields(house.scope)
    async with house.database.read() as tx:
        row = (await tx.execute(select(letters).where(letters.c.id == "one"))).one()
    with pytest.raises(Corrupt):
        fields.unseal("letters", "title", "one", row.title)
    assert fields.text("letters", "text", "one", row.text) == "text of Hello"
    assert row.title[5:] == broken[5:]
    with pytest.raises(Corrupt):
        await house.get(item)
    assert await house.read("two") == ("World", "text of World")


@pytest.mark.both
async def test_cycles_come_when_they_are_due(house: Turning) -> None:
    assert await house.cycles.tend() == 0
    made = await house.cycles.due() - 7 * DAY
    assert await house.vault.dead_by(made) == made + (7 + 1 + 35) * DAY
    house.database.ahead += 7 * DAY
    assert await house.cycles.tend() == 1
    assert await house.cycles.tend() == 0
    now = await house.database.now()
    assert (await house.versions())["roots"] == [(1, "retired"), (2, "current")]
    assert await house.vault.dead_by(now) <= now + (7 + 1 + 35) * DAY
    for _ in range(5):
        house.database.ahead += 7 * DAY
        await house.cycles.tend()
    retired = [(version, "retired") for version in range(2, 7)]
    assert (await house.versions())["roots"] == [(1, "gone"), *retired, (7, "current")]
    assert set(house.place().read()) == set(range(2, 8))
    async with house.database.read() as tx:
        assert len((await tx.execute(select(changes))).all()) < 5, "what every process has heard is not kept"


@pytest.mark.both
async def test_the_date_of_a_receipt_is_kept(house: Turning) -> None:
    """What is shredded at any time is dead in every copy by the date that was given then."""
    await house.write("one", "Hello")
    house.database.ahead += 3 * DAY
    copy, date = await copied(house), await house.vault.dead_by(await house.database.now())
    async with house.database.write() as tx:
        await house.vault.shred(tx, house.scope)
    while await house.database.now() < date:
        house.database.ahead += DAY
        await house.cycles.tend()
    assert open_copy(copy, house.place().read(), {}) == []


@pytest.mark.both
async def test_the_operator_gives_a_root_up(house: Turning) -> None:
    with pytest.raises(RootRefused, match="in use"):
        await house.cycles.retire(1)
    await house.turn()
    with pytest.raises(RootRefused, match="backups"):
        await house.cycles.retire(1)
    row = await house.cycles.retire(1, now=True)
    assert (row.state, row.attested) == ("gone", None)
    assert list(house.place().read()) == [2]
    row = await house.cycles.retire(1, attest=True)
    assert row.attested is not None
    with pytest.raises(Missing):
        await house.cycles.retire(9)


@pytest.mark.both
async def test_a_truncated_keyring_is_refused(house: Turning) -> None:
    await house.turn()
    whole = house.file.read_text()
    first, second = whole.splitlines()
    for text, told in (
        (first + "\n", "version 2 of its root key is missing"),
        (second + "\n", "version 1 of the root key is missing. Nothing is under it any more but older backups"),
        (whole[:-20], "cut off|not readable|32 bytes"),
        (whole[: len(first) + 5], "cut off|not readable"),
        ("", "not readable|32 bytes"),
        (first + "\n" + Root(2, secrets.token_bytes(32)).dump() + "\n", "version 2 of the root key is not the one"),
    ):
        house.file.write_text(text)
        with pytest.raises(RootRefused, match=told):
            async with house.started():
                pass
    house.file.unlink()
    with pytest.raises(RootRefused, match="missing"):
        async with house.started():
            pass
    assert not house.file.exists()
    house.file.write_text(second + "\n")
    house.file.chmod(0o600)
    roots_ = Roots(house.place())
    await roots_.start(house.database, frozenset({1}))
    with pytest.raises(Unavailable):
        roots_.find(1)
