"""The chain: appended with the caller's act, one order under concurrency, and every change of the past is found."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from cache.errors import Missing
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ledger import Event, Ledger, merkle_root, verify
from gateway.ledger.chain import FIELDS, LABEL, canonical, genesis, link
from providers.drive import Instruction

WORD = Instruction("i" * 32, "s1-ann", "p1")


def event(action: str = "drive.trash", person: str | None = "s1-ann", **details: Any) -> Event:
    return Event(action, person, person, "i1", "p1", details)


async def fill(ledger: Ledger, school: str, count: int) -> None:
    for number in range(count):
        await ledger.record(school, event(person=f"{school}-ann", number=number, name="secret-essay.docx"))


async def rows(database: Database, school: str) -> list[dict[str, Any]]:
    async with database.read() as tx:
        query = select(ledger_entries).where(ledger_entries.c.school == school)
        found = await tx.execute(query.order_by(ledger_entries.c.sequence))
        return [dict(row) for row in found.mappings()]


@pytest.mark.both
async def test_entries_are_numbered_per_school_and_read_back(ledger: Ledger, database: Database) -> None:
    await fill(ledger, "s1", 3)
    await fill(ledger, "s2", 1)
    found = await ledger.read("s1")
    assert [entry.sequence for entry in found] == [1, 2, 3]
    assert found[1].details == {"number": 1, "name": "secret-essay.docx"}
    assert (found[0].principal, found[0].instruction, found[0].policy_version) == ("s1-ann", "i1", "p1")
    assert abs(found[0].at - await database.now()) < 60_000
    assert [entry.sequence for entry in await ledger.read("s1", after=2)] == [3]
    assert await ledger.read("s1", subject="s2-ann") == []
    for school, count in (("s1", 3), ("s2", 1), ("s3", 0)):
        verdict = await verify(database, school)
        assert (verdict.whole, verdict.entries) == (True, count)


@pytest.mark.both
async def test_an_act_that_rolls_back_leaves_no_entry(ledger: Ledger, database: Database) -> None:
    await fill(ledger, "s1", 1)

    async def act() -> None:
        async with database.write() as tx:
            assert await ledger.append(tx, "s1", event()) == 2
            raise LookupError

    with pytest.raises(LookupError):
        await act()
    assert (await verify(database, "s1")).entries == 1
    await fill(ledger, "s1", 1)
    assert [entry.sequence for entry in await ledger.read("s1")] == [1, 2]


@pytest.mark.both
async def test_concurrent_appends_form_one_chain_from_the_very_first(ledger: Ledger, database: Database) -> None:
    await asyncio.gather(*(ledger.record("s1", event(number=number)) for number in range(25)))
    verdict = await verify(database, "s1")
    assert (verdict.whole, verdict.entries) == (True, 25)
    assert {entry.details["number"] for entry in await ledger.read("s1") if entry.details} == set(range(25))


async def _alter_action(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(update(ledger_entries).where(ledger_entries.c.sequence == 3).values(action="drive.delete"))


async def _alter_details(database: Database) -> None:
    async with database.write() as tx:
        other = select(ledger_entries.c.details).where(ledger_entries.c.sequence == 2).scalar_subquery()
        await tx.execute(update(ledger_entries).where(ledger_entries.c.sequence == 3).values(details=other))


async def _alter_and_hash_again(database: Database) -> None:
    second, third = (await rows(database, "s1"))[1:3]
    third["principal"] = "s1-bob"
    async with database.write() as tx:
        changed = {"principal": "s1-bob", "hash": link(second["hash"], third)}
        await tx.execute(update(ledger_entries).where(ledger_entries.c.sequence == 3).values(**changed))


async def _drop(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries).where(ledger_entries.c.sequence == 3))


async def _drop_last(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries).where(ledger_entries.c.sequence == 5))


async def _drop_all(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries))


async def _drop_end(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(delete(ledger_heads))


async def _reorder(database: Database) -> None:
    async with database.write() as tx:
        for old, new in ((3, 103), (4, 3), (103, 4)):
            await tx.execute(update(ledger_entries).where(ledger_entries.c.sequence == old).values(sequence=new))


async def _add(database: Database) -> None:
    row = {**(await rows(database, "s1"))[4], "id": "new", "sequence": 6}
    async with database.write() as tx:
        await tx.execute(insert(ledger_entries).values(**row))


@pytest.mark.both
@pytest.mark.parametrize(
    ("change", "broken", "why"),
    [
        (_alter_action, 3, "altered"),
        (_alter_details, 3, "altered"),
        (_alter_and_hash_again, 4, "altered"),
        (_drop, 3, "missing"),
        (_drop_last, 5, "end"),
        (_drop_all, 1, "end"),
        (_drop_end, 6, "end"),
        (_reorder, 3, "altered"),
        (_add, 6, "altered"),
    ],
)
async def test_every_change_of_the_past_is_found(
    ledger: Ledger, database: Database, change: Any, broken: int, why: str
) -> None:
    await fill(ledger, "s1", 5)
    assert (await verify(database, "s1")).whole
    await change(database)
    verdict = await verify(database, "s1")
    assert (verdict.whole, verdict.broken, verdict.why) == (False, broken, why)


async def test_a_chain_rewritten_with_its_end_is_found_by_what_was_noted_elsewhere(
    ledger: Ledger, database: Database
) -> None:
    await fill(ledger, "s1", 3)
    noted = (3, (await verify(database, "s1")).end)
    await fill(ledger, "s1", 2)
    assert (await verify(database, "s1", known=noted)).whole
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries))
        await tx.execute(delete(ledger_heads))
    assert (await verify(database, "s1", known=noted)).why == "missing"
    await fill(ledger, "s1", 5)
    assert (await verify(database, "s1")).whole
    assert (await verify(database, "s1", known=noted)).why == "replaced"


async def test_details_are_sealed_and_silent_once_the_person_is_forgotten(
    ledger: Ledger, database: Database, vault: Vault
) -> None:
    await fill(ledger, "s1", 2)
    await ledger.record("s1", Event("school.settings", "s1-ann", None, None, "p1", {"of": "school"}))
    for row in await rows(database, "s1"):
        assert b"secret-essay" not in row["details"]
    async with database.write() as tx:
        await vault.shred(tx, Scope("s1", "s1-ann"))
    assert [entry.details for entry in await ledger.read("s1")] == [None, None, {"of": "school"}]
    assert (await verify(database, "s1")).whole


async def test_what_cannot_be_sealed_is_not_recorded(ledger: Ledger, database: Database) -> None:
    with pytest.raises(Missing):
        await ledger.record("s1", event(person="s1-nobody", name="x"))
    assert (await verify(database, "s1")).entries == 0


@pytest.mark.both
async def test_one_entry_covers_many_items_and_is_found_by_another_process(ledger: Ledger, database: Database) -> None:
    leaves = [f"item-{number}".encode() for number in range(1000)]
    async with database.write() as tx:
        cover = await ledger.cover(tx, "s1", WORD, leaves)
    (row,) = await rows(database, "s1")
    assert (row["items"], row["root"], row["instruction"]) == (1000, merkle_root(leaves), WORD.id)
    assert await ledger.covered("s1", WORD) == cover
    assert await ledger.covered("s2", WORD) is None
    assert await ledger.covered("s1", Instruction(WORD.id, "somebody", "p1")) is None
    assert await ledger.covered("s1", Instruction("other", WORD.principal, "p1")) is None


async def test_nothing_personal_lies_on_the_disk(ledger: Ledger, database: Database) -> None:
    await fill(ledger, "s1", 3)
    await database.checkpoint()
    async with database.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM ledger_entries"))).scalar_one() == 3
    assert database.address.path is not None
    assert b"secret-essay" not in database.address.path.read_bytes()


def test_the_root_follows_rfc_6962() -> None:
    def h(raw: bytes) -> bytes:
        return hashlib.sha256(raw).digest()

    a, b, c = (h(b"\0" + leaf) for leaf in (b"a", b"b", b"c"))
    assert merkle_root([]) == h(b"")
    assert merkle_root([b"a"]) == a
    assert merkle_root([b"a", b"b", b"c"]) == h(b"\1" + h(b"\1" + a + b) + c)
    assert merkle_root([b"a", b"b"]) != merkle_root([b"b", b"a"])
    # two leaves do not pass for one that looks like their node
    assert merkle_root([b"a", b"b"]) != merkle_root([a + b])
    assert merkle_root([b"a", b"b", b"c"]) != merkle_root([b"a", b"b", b"c", b"c"])


def test_the_chain_is_exactly_this() -> None:
    """A vector computed here by hand: the format may not drift."""

    def part(kind: bytes, raw: bytes) -> bytes:
        return kind + struct.pack(">I", len(raw)) + raw

    assert genesis("s") == hashlib.sha256(part(b"s", LABEL.encode()) + part(b"s", b"s")).digest()
    entry: dict[str, Any] = dict.fromkeys(FIELDS)
    entry |= {"school": "s", "sequence": 1, "at": -5, "details": b"\0"}
    given = [part(b"s", LABEL.encode()), part(b"b", b"p" * 32), part(b"s", b"s"), part(b"i", b"1"), part(b"n", b"")]
    given += [part(b"i", b"-5"), *[part(b"n", b"")] * 7, part(b"b", b"\0")]
    assert link(b"p" * 32, entry) == hashlib.sha256(b"".join(given)).digest()


def test_canonical_tells_everything_apart() -> None:
    told = [("a", "b"), ("ab",), ("ab", ""), ("a", b"b"), (None, "ab"), ("", "ab"), (1,), ("1",), (b"1",)]
    assert len({canonical(*values) for values in told}) == len(told)
