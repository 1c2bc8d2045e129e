"""Checkpoints in time, pruning to a signed one, and a chain that still verifies from there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from cache.errors import Shredded
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries, ledger_heads
from gateway.ledger import Ends, Ledger, Verdict, verify
from gateway.ledger.checkpoints import DAY, STEP, Checkpoints
from gateway.ledger.keeping import Keeping
from gateway.ledger.stated import loads
from gateway.ledger.walk import Broken
from gateway.signing import SigningKeys
from tests.gateway.ledger import tampering
from tests.gateway.ledger.conftest import Kept
from tests.gateway.ledger.test_ledger import event, fill

Verify = Callable[[str], Awaitable[Verdict]]


class Late:
    """The database, at another time: ``later`` ms from now."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.later = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def now(self, tx: Any = None) -> int:
        return await self._database.now(tx) + self.later


@pytest.fixture
def late(database: Database) -> Late:
    return Late(database)


@pytest.fixture
def ledger(vault: Vault, late: Any, ends: Ends) -> Ledger:
    return Ledger(vault, late, ends)


@pytest.fixture
def checkpoints(ledger: Ledger, late: Any, ends: Ends, signing: SigningKeys, kept: Kept) -> Checkpoints:
    return Checkpoints(ledger, late, ends, signing, kept)


@pytest.fixture
def verdict(database: Database, checkpoints: Checkpoints) -> Verify:
    async def verdict(school: str) -> Verdict:
        return await verify(database, school, await checkpoints.check())

    return verdict


async def places(database: Database, school: str = "s1") -> list[tuple[int, str]]:
    return sorted((row["sequence"], row["kind"]) for row in await tampering.rows(database, ledger_checkpoints, school))


@pytest.mark.both
async def test_a_checkpoint_states_where_the_chain_is(
    ledger: Ledger, database: Database, checkpoints: Checkpoints, signing: SigningKeys
) -> None:
    assert await checkpoints.make("s1") is None
    await fill(ledger, "s1", 3)
    made = await checkpoints.make("s1")
    assert made is not None
    assert (made.school, made.sequence, made.kind, made.previous) == ("s1", 3, "end", 0)
    assert made.hash == (await tampering.rows(database, ledger_entries, "s1"))[2]["hash"]
    assert await checkpoints.make("s1") is None, "nothing new"
    (row,) = await tampering.rows(database, ledger_checkpoints, "s1")
    assert loads(row["signed"], await signing.public("checkpoints")) == made
    with pytest.raises(ValueError, match="not signed by a pinned key"):
        loads(row["signed"], await signing.public())


@pytest.mark.both
async def test_many_at_once_make_one_and_appends_go_on(
    ledger: Ledger, database: Database, checkpoints: Checkpoints, verdict: Verify
) -> None:
    await fill(ledger, "s1", 3)
    await asyncio.gather(
        *(checkpoints.make("s1") for _ in range(4)), *(ledger.record("s1", event(number=n)) for n in range(8))
    )
    await checkpoints.make("s1")
    assert (await verdict("s1")).whole
    assert (await verdict("s1")).entries == 11
    assert (await places(database))[-1] == (11, "end")


@pytest.mark.both
async def test_entries_beyond_the_retention_go_and_the_chain_verifies_from_there(
    ledger: Ledger, database: Database, late: Late, checkpoints: Checkpoints, kept: Kept, verdict: Verify
) -> None:
    kept.life = 30 * DAY
    for day in (-40, -35, -20, -1):
        late.later = day * DAY
        await fill(ledger, "s1", 3)
        await checkpoints.make("s1")
    late.later = 0
    assert await places(database) == [(3, "end"), (6, "end"), (9, "end"), (12, "end")]
    assert await checkpoints.prune("s1") == 6
    assert await checkpoints.prune("s1") == 0
    found = await verdict("s1")
    assert (found.whole, found.base, found.sequence, found.entries) == (True, 6, 13, 7)
    assert [one.sequence for one in await ledger.read("s1")] == [7, 8, 9, 10, 11, 12, 13]
    told = (await ledger.read("s1"))[-1]
    assert (told.action, told.details and told.details["to"]) == ("ledger.pruned", 6)
    assert await places(database) == [(6, "base"), (6, "end"), (9, "end"), (12, "end")]
    await fill(ledger, "s1", 2)
    assert await checkpoints.make("s1") is not None
    assert (await verdict("s1")).whole


@pytest.mark.both
async def test_all_of_a_chain_may_be_old(
    ledger: Ledger, late: Late, checkpoints: Checkpoints, kept: Kept, verdict: Verify
) -> None:
    await fill(ledger, "s1", 3)
    late.later = kept.life + 2 * DAY
    assert await checkpoints.prune("s1") == 3
    found = await verdict("s1")
    assert (found.whole, found.base, found.sequence) == (True, 3, 4)
    late.later += kept.life + 2 * DAY
    assert await checkpoints.prune("s1") == 1
    assert ((await verdict("s1")).whole, (await verdict("s1")).base) == (True, 4)


@pytest.mark.both
async def test_nothing_is_pruned_before_its_time_or_without_a_days_worth(
    ledger: Ledger, late: Late, checkpoints: Checkpoints, kept: Kept
) -> None:
    await fill(ledger, "s1", 2)
    for later in (0, kept.life - DAY, kept.life, kept.life + DAY // 2):
        late.later = later
        assert await checkpoints.prune("s1") == 0


async def test_a_pruning_is_bounded(
    ledger: Ledger, database: Database, late: Late, checkpoints: Checkpoints, kept: Kept, verdict: Verify,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert STEP == 2000
    monkeypatch.setattr("gateway.ledger.checkpoints.STEP", 5)
    await fill(ledger, "s1", 12)
    late.later = kept.life + 2 * DAY
    assert [await checkpoints.prune("s1") for _ in range(4)] == [5, 5, 2, 0]
    assert ((await verdict("s1")).whole, (await verdict("s1")).base) == (True, 12)


@pytest.mark.both
async def test_what_does_not_verify_is_not_pruned(
    ledger: Ledger, database: Database, late: Late, checkpoints: Checkpoints, kept: Kept
) -> None:
    """It is the proof of what was done to it."""
    await fill(ledger, "s1", 5)
    await tampering.change(database, ledger_entries, "s1", 4, action="other")
    late.later = kept.life + 2 * DAY
    with pytest.raises(Broken, match="broken at 4: altered"):
        await checkpoints.prune("s1")
    assert len(await tampering.rows(database, ledger_entries, "s1")) == 5


@pytest.mark.both
async def test_a_prefix_that_somebody_else_took_away_is_missing(
    ledger: Ledger, database: Database, late: Late, checkpoints: Checkpoints, kept: Kept, verdict: Verify
) -> None:
    """A checkpoint that says how far the chain had come is no leave to begin it there; nor is an older base."""
    await fill(ledger, "s1", 3)
    await checkpoints.make("s1")
    await fill(ledger, "s1", 3)
    copy = await tampering.copy_of(database)
    await tampering.drop(database, ledger_entries, "s1", [1, 2, 3])
    assert ((await verdict("s1")).broken, (await verdict("s1")).why) == (1, "missing")
    await tampering.head(database, "s1", base=3)
    assert not (await verdict("s1")).whole
    await tampering.change(database, ledger_checkpoints, "s1", 3, kind="base")
    assert ((await verdict("s1")).broken, (await verdict("s1")).why) == (3, "checkpoint")
    await tampering.put_back(database, copy)
    late.later = kept.life + 2 * DAY
    await checkpoints.prune("s1")
    pruned = await tampering.copy_of(database)
    await fill(ledger, "s1", 3)
    late.later += kept.life + 2 * DAY
    await checkpoints.prune("s1")
    assert (await verdict("s1")).whole
    for table in ("ledger_checkpoints", "ledger_heads"):
        older = {**await tampering.copy_of(database), table: pruned[table]}
        now = await tampering.copy_of(database)
        await tampering.put_back(database, older)
        assert not (await verdict("s1")).whole, table
        await tampering.put_back(database, now)
    assert (await verdict("s1")).whole


@pytest.mark.both
async def test_details_die_with_their_person_and_the_chain_goes_on(
    ledger: Ledger, database: Database, vault: Vault, checkpoints: Checkpoints, verdict: Verify
) -> None:
    await fill(ledger, "s1", 3)
    await checkpoints.make("s1")
    async with database.write() as tx:
        await vault.shred(tx, Scope("s1", "s1-ann"))
    assert (await verdict("s1")).whole


class Watched:
    """Who is told of what broke."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, str]] = []

    async def __call__(self, school: str, place: int, why: str) -> None:
        self.told.append((school, place, why))


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def keeping(checkpoints: Checkpoints, late: Any, watched: Watched) -> Keeping:
    return Keeping(checkpoints, late, found=watched, every=5, walk=4)


async def note(database: Database, school: str = "s1") -> Any:
    async with database.read() as tx:
        return (await tx.execute(select(ledger_heads).where(ledger_heads.c.school == school))).one()


@pytest.mark.both
async def test_checkpoints_come_after_so_many_entries_and_once_a_day(
    ledger: Ledger, database: Database, late: Late, keeping: Keeping
) -> None:
    assert await keeping.sweep(10) == 0
    await fill(ledger, "s1", 1)
    await keeping.sweep(10)
    assert await places(database) == [(1, "end")], "the first at once"
    await fill(ledger, "s1", 4)
    late.later += 60_000
    await keeping.sweep(10)
    assert await places(database) == [(1, "end")], "neither many nor a day"
    await fill(ledger, "s1", 1)
    late.later += 60_000
    await keeping.sweep(10)
    assert await places(database) == [(1, "end"), (6, "end")], "five are many here"
    late.later += 2 * DAY
    await keeping.sweep(10)
    assert await places(database) == [(1, "end"), (6, "end")], "nothing new"
    await fill(ledger, "s1", 1)
    late.later += 60_000
    await keeping.sweep(10)
    assert (await places(database))[-1] == (7, "end"), "a day is over"


@pytest.mark.both
async def test_a_sweep_is_bounded_and_each_chain_looked_after_by_one(
    ledger: Ledger, database: Database, vault: Vault, keeping: Keeping
) -> None:
    for school in ("s1", "s2"):
        await fill(ledger, school, 1)
    assert await keeping.sweep(1) == 1
    assert [bool(await places(database, school)) for school in ("s1", "s2")] in ([True, False], [False, True])
    looked = await asyncio.gather(*(keeping.sweep(10) for _ in range(3)))
    assert sum(looked) == 1, "the other one, once"
    assert await keeping.sweep(10) == 0, "for a minute it is left alone"


async def test_one_chains_trouble_is_not_anothers(ledger: Ledger, database: Database, checkpoints: Checkpoints) -> None:
    """Whoever is to be told of a break may be gone."""
    for school in ("s1", "s2"):
        await fill(ledger, school, 1)
    async with database.write() as tx:
        await tx.execute(update(ledger_entries).where(ledger_entries.c.school == "s1").values(action="other"))

    async def gone(_school: str, _place: int, _why: str) -> None:
        raise Shredded

    await Keeping(checkpoints, database, found=gone).sweep(10)
    assert await places(database, "s2") == [(1, "end")]


@pytest.mark.both
async def test_a_long_chain_is_verified_in_steps_once_a_day(
    ledger: Ledger, database: Database, late: Late, keeping: Keeping, watched: Watched
) -> None:
    await fill(ledger, "s1", 10)
    walked = []
    for _ in range(4):
        await keeping.sweep(10)
        seen = await note(database)
        walked.append((seen.walked, seen.verified is not None))
        late.later += 60_000
    assert walked == [(4, False), (8, False), (0, True), (0, True)]
    assert (await keeping.note("s1")).verified == (await note(database)).verified
    await tampering.change(database, ledger_entries, "s1", 9, action="other")
    await keeping.sweep(10)
    assert watched.told == [], "not before tomorrow, or when somebody asks"
    await keeping.again("s1")
    assert (await keeping.note("s1")).verified is None
    for _ in range(8):
        await keeping.sweep(10)
        late.later += 60_000
    assert watched.told == [("s1", 9, "altered")], "told once"
    told = await keeping.note("s1")
    assert (told.broken, told.why) == (9, "altered")


@pytest.mark.both
async def test_a_chain_that_was_mended_is_whole_again(
    ledger: Ledger, database: Database, late: Late, keeping: Keeping, watched: Watched
) -> None:
    await fill(ledger, "s1", 3)
    await tampering.change(database, ledger_entries, "s1", 2, action="other")
    await keeping.sweep(10)
    assert watched.told == [("s1", 2, "altered")]
    await tampering.change(database, ledger_entries, "s1", 2, action="drive.trash")
    late.later += DAY + 60_000
    await keeping.sweep(10)
    assert (await keeping.note("s1")).broken is None


@pytest.mark.both
async def test_an_end_that_was_tampered_with_is_found_and_nothing_is_signed(
    ledger: Ledger, database: Database, keeping: Keeping, watched: Watched
) -> None:
    await fill(ledger, "s1", 3)
    async with database.write() as tx:
        await tx.execute(update(ledger_heads).values(proof=b"x" * 32))
    await keeping.sweep(10)
    assert watched.told == [("s1", 4, "end")]
    assert await places(database) == []
