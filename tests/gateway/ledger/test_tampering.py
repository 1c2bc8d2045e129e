"""Whoever can write to the database and has no key changes nothing unseen: each column, row, school and end."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import delete

from cache.errors import Missing
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries, ledger_heads
from gateway.ledger import Ends, Event, Ledger, Verdict, verify
from gateway.ledger.chain import FIELDS, genesis, link
from gateway.ledger.checkpoints import Checkpoints
from gateway.ledger.ends import Unproven
from gateway.ledger.stated import END, Stated
from gateway.ledger.verify import Check
from gateway.signing import CHECKPOINT, SigningKeys
from tests.gateway.ledger import tampering
from tests.gateway.ledger.test_ledger import fill
from tests.gateway.vaults import open_vault

Verify = Callable[[str], Awaitable[Verdict]]


@pytest.fixture
async def whole(ledger: Ledger, database: Database, checkpoints: Checkpoints) -> Verify:
    """Two chains of seven entries, with checkpoints at the third and the sixth, and their verdict."""
    for school in ("s1", "s2"):
        for _ in range(2):
            await fill(ledger, school, 3)
            assert await checkpoints.make(school) is not None
        await ledger.record(school, Event("school.settings", f"{school}-ann", None, None, "p1", {"x": 1}, 2, b"r" * 32))

    async def verdict(school: str) -> Verdict:
        return await verify(database, school, await checkpoints.check())

    for school in ("s1", "s2"):
        found = await verdict(school)
        assert (found.whole, found.entries, found.sequence) == (True, 7, 7)
    return verdict


@pytest.mark.both
async def test_each_column_of_an_entry(whole: Verify, database: Database) -> None:
    assert set(FIELDS) | {"hash"} == {column.name for column in ledger_entries.columns}
    chain = await tampering.rows(database, ledger_entries, "s1")
    for row, name in [(chain[place - 1], column.name) for place in (1, 4, 7) for column in ledger_entries.columns]:
        place = row["sequence"]
        changed = {"school": "s3", "sequence": 99}.get(name) or tampering.other(ledger_entries.c[name], row[name])
        await tampering.change(database, ledger_entries, "s1", place, **{name: changed})
        assert (await whole("s1")).broken == place, (name, place)
        back = {"school": ("s3", place), "sequence": ("s1", 99)}.get(name, ("s1", place))
        await tampering.change(database, ledger_entries, *back, **{name: row[name]})
    assert (await whole("s1")).whole
    assert (await whole("s2")).whole


@pytest.mark.both
async def test_each_column_of_a_checkpoint(whole: Verify, database: Database) -> None:
    for row in await tampering.rows(database, ledger_checkpoints, "s1"):
        for name, place in [(column.name, row["sequence"]) for column in ledger_checkpoints.columns]:
            changed = {"school": "s3", "sequence": 5, "kind": "base"}.get(name)
            changed = changed or tampering.other(ledger_checkpoints.c[name], row[name])
            await tampering.change(database, ledger_checkpoints, "s1", place, **{name: changed})
            assert not (await whole("s1")).whole, (name, place)
            back = {"school": ("s3", place), "sequence": ("s1", 5)}.get(name, ("s1", place))
            await tampering.change(database, ledger_checkpoints, *back, **{name: row[name]})
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_each_column_of_an_end_that_says_anything(whole: Verify, database: Database) -> None:
    (row,) = await tampering.rows(database, ledger_heads, "s1")
    changes = {name: [tampering.other(ledger_heads.c[name], row[name])] for name in ("sequence", "hash", "base")}
    changes |= {"school": ["s3"], "checkpoint": [0, 3, 7], "proof": [None, b"x" * 32]}
    for name, changed in [(name, changed) for name, all_of in changes.items() for changed in all_of]:
        await tampering.head(database, "s1", **{name: changed})
        assert not (await whole("s1")).whole, name
        await tampering.head(database, "s3" if name == "school" else "s1", **{name: row[name]})
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_each_entry_dropped(whole: Verify, database: Database) -> None:
    for row in await tampering.rows(database, ledger_entries, "s1"):
        await tampering.drop(database, ledger_entries, "s1", [row["sequence"]])
        assert (await whole("s1")).broken == row["sequence"]
        await tampering.put(database, ledger_entries, row)
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_each_two_neighbours_exchanged(whole: Verify, database: Database) -> None:
    for first in range(1, 7):
        for broken in (first, None):
            for old, new in ((first, 99), (first + 1, first), (99, first + 1)):
                await tampering.change(database, ledger_entries, "s1", old, sequence=new)
            assert (await whole("s1")).broken == broken


@pytest.mark.both
async def test_an_entry_added_at_each_place(whole: Verify, database: Database) -> None:
    known = await tampering.rows(database, ledger_entries, "s1")
    for place in range(1, 9):
        for row in reversed(known[place - 1 :]):
            await tampering.change(database, ledger_entries, "s1", row["sequence"], sequence=row["sequence"] + 1)
        await tampering.put(database, ledger_entries, {**known[0], "id": "added", "sequence": place})
        assert (await whole("s1")).broken == place
        await tampering.drop(database, ledger_entries, "s1", [place])
        for row in known[place - 1 :]:
            await tampering.change(database, ledger_entries, "s1", row["sequence"] + 1, sequence=row["sequence"])
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_entries_cut_off_with_another_end_in_their_place(whole: Verify, database: Database) -> None:
    """Every length: what was cut after the last checkpoint as well."""
    copy = await tampering.copy_of(database)
    for left in range(7):
        chain = await tampering.rows(database, ledger_entries, "s1")
        end = {"sequence": left, "hash": chain[left - 1]["hash"] if left else genesis("s1")}
        await tampering.drop(database, ledger_entries, "s1", list(range(left + 1, 8)))
        await tampering.drop(database, ledger_checkpoints, "s1", list(range(left + 1, 8)))
        stated = max((row["sequence"] for row in await tampering.rows(database, ledger_checkpoints, "s1")), default=0)
        for proof in ({}, {"proof": None}, {"proof": b"\0" * 32}):
            await tampering.head(database, "s1", **end, checkpoint=stated, **proof)
            assert left == 0 or (await whole("s1")).broken == left + 1, (left, proof)
        await tampering.put_back(database, copy)


@pytest.mark.both
async def test_a_chain_that_is_hashed_anew_to_its_end(whole: Verify, database: Database) -> None:
    """Somebody who knows the format, but no key: the checkpoint contradicts, and the end is not theirs to prove."""
    for place, broken in ((2, 3), (4, 6), (7, 8)):
        copy = await tampering.copy_of(database)
        chain = await tampering.rows(database, ledger_entries, "s1")
        end = chain[place - 2]["hash"]
        for row in chain[place - 1 :]:
            row |= {"principal": "s1-bob"} if row["sequence"] == place else {}
            row["hash"] = end = link(end, row)
            values = {"principal": row["principal"], "hash": end}
            await tampering.change(database, ledger_entries, "s1", row["sequence"], **values)
        await tampering.head(database, "s1", hash=end)
        assert (await whole("s1")).broken == broken
        await tampering.put_back(database, copy)
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_chains_of_two_schools_exchanged(whole: Verify, database: Database) -> None:
    one, two = [await tampering.rows(database, ledger_entries, school) for school in ("s1", "s2")]
    async with database.write() as tx:
        await tx.execute(delete(ledger_entries))
    for row, school in [(row, "s2") for row in one] + [(row, "s1") for row in two]:
        await tampering.put(database, ledger_entries, {**row, "school": school})
    for school in ("s1", "s2"):
        assert (await whole(school)).broken == 1


@pytest.mark.both
async def test_entries_of_two_schools_exchanged_at_one_place(whole: Verify, database: Database) -> None:
    one, two = [(await tampering.rows(database, ledger_entries, school))[3] for school in ("s1", "s2")]
    for school in ("s1", "s2"):
        await tampering.drop(database, ledger_entries, school, [4])
    await tampering.put(database, ledger_entries, {**two, "school": "s1"})
    await tampering.put(database, ledger_entries, {**one, "school": "s2"})
    for school in ("s1", "s2"):
        assert (await whole(school)).broken == 4


@pytest.mark.both
async def test_checkpoints_dropped_exchanged_and_of_another_school(whole: Verify, database: Database) -> None:
    copy = await tampering.copy_of(database)
    for place in (3, 6):
        await tampering.drop(database, ledger_checkpoints, "s1", [place])
        assert (await whole("s1")).broken == place
        await tampering.put_back(database, copy)
    await tampering.drop(database, ledger_checkpoints, "s1", [3, 6])
    assert (await whole("s1")).broken == 6
    await tampering.put_back(database, copy)
    (foreign, _) = await tampering.rows(database, ledger_checkpoints, "s2")
    await tampering.drop(database, ledger_checkpoints, "s1", [3])
    await tampering.put(database, ledger_checkpoints, {**foreign, "school": "s1"})
    assert (await whole("s1")).broken == 3


@pytest.mark.both
@pytest.mark.parametrize("whose", ["receipts", "stranger"])
async def test_a_forged_checkpoint(
    whole: Verify, database: Database, signing: SigningKeys, tmp_path: Any, whose: str
) -> None:
    """By another deployment, or by a key of this one that signs something else."""
    (row, _) = await tampering.rows(database, ledger_checkpoints, "s1")
    stated = Stated("s1", row["sequence"], row["hash"], END, 0, row["at"])
    signed = await signing.sign(stated.statement())
    if whose == "stranger":
        async with Database(f"sqlite:///{tmp_path}/other.db") as elsewhere:
            await elsewhere.create_all([ledger_entries.metadata, *(await _cache_tables())])
            async with open_vault(elsewhere, tmp_path / "other") as vault:
                stranger = SigningKeys(vault, elsewhere)
                await stranger.start()
                signed = await stranger.sign(stated.statement(), CHECKPOINT)
    await tampering.change(database, ledger_checkpoints, "s1", 3, signed=json.dumps(signed))
    assert ((await whole("s1")).broken, (await whole("s1")).why) == (3, "checkpoint")


async def _cache_tables() -> list[Any]:
    import cache.catalog

    return [cache.catalog.metadata]


@pytest.mark.both
async def test_a_public_key_put_into_the_database_signs_nothing(
    whole: Verify, database: Database, signing: SigningKeys
) -> None:
    """What is published follows from the sealed half alone."""
    from gateway.db.tables_erasure import signing_keys

    before = await signing.public("checkpoints")
    async with database.write() as tx:
        await tx.execute(signing_keys.update().values(public=b"\x01" * 32))
    assert await signing.public("checkpoints") == before
    assert (await whole("s1")).whole


@pytest.mark.both
async def test_an_end_that_was_tampered_with_stays_broken(
    whole: Verify, ledger: Ledger, database: Database, checkpoints: Checkpoints
) -> None:
    """Work goes on, and nothing that is written or signed later makes it good."""
    chain = await tampering.rows(database, ledger_entries, "s1")
    await tampering.drop(database, ledger_entries, "s1", [7])
    await tampering.head(database, "s1", sequence=6, hash=chain[5]["hash"])
    await fill(ledger, "s1", 3)
    assert ((await whole("s1")).broken, (await whole("s1")).why) == (10, "end")
    with pytest.raises(Exception, match="broken at 10: end"):
        await checkpoints.make("s1")


async def test_ends_are_proven_by_the_deployments_key_alone(ledger: Ledger, database: Database) -> None:
    await fill(ledger, "s1", 2)
    assert (await verify(database, "s1", Check(Ends(b"k" * 32)))).whole
    assert ((await verify(database, "s1", Check(Ends(b"j" * 32)))).why) == "end"


@pytest.mark.both
async def test_ends_without_a_proof_are_taken_over_once(vault: Vault, database: Database, ends: Ends) -> None:
    """As a version before left them; `gateway.operations` does so before the first act of the operator."""
    await fill(Ledger(vault, database), "s1", 2)
    assert (await verify(database, "s1", Check(ends))).why == "end"
    async with database.write() as tx:
        await ends.adopt(tx)
    await fill(Ledger(vault, database, ends), "s1", 1)
    assert (await verify(database, "s1", Check(ends))).whole


async def test_a_ledger_without_the_key_cannot_break_what_is_proven(
    ledger: Ledger, vault: Vault, database: Database, ends: Ends
) -> None:
    await fill(ledger, "s1", 1)
    with pytest.raises(Unproven):
        await fill(Ledger(vault, database), "s1", 1)
    assert (await verify(database, "s1", Check(ends))).whole


async def test_what_cannot_be_sealed_moves_no_end(ledger: Ledger, database: Database, ends: Ends) -> None:
    await fill(ledger, "s1", 1)
    with pytest.raises(Missing):
        await fill(ledger, "nobody", 1)
    async with database.read() as tx:
        assert await ends.read(tx, "nobody") is None
