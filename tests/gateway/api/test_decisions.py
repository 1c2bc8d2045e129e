"""What was decided is in the ledger first; looks and refusals are counted, so that no loop floods the chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from cache.model import Scope
from cache.vault import Vault
from gateway.api.decisions import LOOKS, REFUSALS, Decisions
from gateway.db.engine import Database
from gateway.ledger import Event, Ledger
from gateway.ledger.ledger import Entry
from gateway.policy import POLICY_VERSION, Principal
from providers.http import Word, spoken
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        for person in ("ann", "bob"):
            await enrol(database, started, "s1", person)
        yield started


@pytest.fixture
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def decisions(ledger: Ledger, clock: Clock) -> Decisions:
    return Decisions(ledger, clock)


def who(person: str = "ann", session: str = "one") -> Principal:
    return Principal(person, "s1", "student", "13_15", "page", session, 0)


async def told(ledger: Ledger) -> list[Entry]:
    return await ledger.read("s1", limit=1000)


@pytest.mark.both
async def test_what_changes_has_an_entry_of_its_own_each_time(decisions: Decisions, ledger: Ledger) -> None:
    for word in (None, "w" * 32):
        async with decisions.allowed(who(), "drive.write", {"request": "POST /x", "of": {"drive": "d"}}, word) as given:
            (*_, entry) = await told(ledger)
            assert (entry.action, entry.principal, entry.subject) == ("policy.allowed", "ann", "ann")
            assert (entry.instruction, entry.policy_version) == (given, POLICY_VERSION)
            assert entry.details == {
                "action": "drive.write", "client": "page", "role": "student", "request": "POST /x",
                "of": {"drive": "d"},
            }  # fmt: skip
            assert spoken() == Word(given)
            assert word in (None, given)
    assert len(await told(ledger)) == 2


@pytest.mark.both
async def test_a_loop_of_refusals_is_two_entries_a_minute(decisions: Decisions, ledger: Ledger, clock: Clock) -> None:
    for _ in range(200):
        await decisions.refused(who(session="any"), "school.settings", "role")
    (entry,) = await told(ledger)
    assert (entry.action, entry.principal) == ("policy.denied", "ann")
    assert entry.details is not None
    assert (entry.details["action"], entry.details["reason"]) == ("school.settings", "role")
    clock.now += REFUSALS
    assert await decisions.sweep() == 1
    assert [(one.action, (one.details or {}).get("more")) for one in await told(ledger)] == [
        ("policy.denied", None), ("policy.denied.more", 199),
    ]  # fmt: skip
    assert await decisions.sweep() == 0
    await decisions.refused(who(), "school.settings", "role")
    await decisions.refused(who(), "school.people", "role")
    await decisions.refused(who(), "school.people", "client")
    await decisions.refused(who("bob"), "school.people", "role")
    assert len(await told(ledger)) == 6, "each person, action and reason by itself"


@pytest.mark.both
async def test_many_at_the_same_moment_are_one_entry(decisions: Decisions, ledger: Ledger) -> None:
    await asyncio.gather(*(decisions.refused(who(), "x", "role") for _ in range(50)))
    await decisions.close()
    assert [(one.details or {}).get("more") for one in await told(ledger)] == [None, 49]


@pytest.mark.both
async def test_looks_are_counted_for_a_sign_in(decisions: Decisions, ledger: Ledger, clock: Clock) -> None:
    async def look(session: str = "one", action: str = "drive.read") -> str:
        async with decisions.looking(who(session=session), action) as word:
            assert spoken() == Word(word)
            known = [entry.instruction for entry in await told(ledger)]
            assert word in known, "the word is recorded before anything is looked at"
            return word

    first = await look()
    assert await look() == first
    assert await look(session="two") != first
    assert await look(action="me.read") != first
    clock.now += LOOKS
    assert await look() != first, "told, and begun again"
    entries = await told(ledger)
    assert [entry.action for entry in entries] == ["policy.allowed"] * 3 + ["policy.allowed.more", "policy.allowed"]
    assert (entries[3].instruction, (entries[3].details or {}).get("more")) == (first, 1)


async def test_what_cannot_be_recorded_is_not_done_and_is_tried_anew(ledger: Ledger) -> None:
    broken = True

    class Failing:
        async def record(self, school: str, event: Event) -> int:
            await asyncio.sleep(0)
            if broken:
                raise OSError("the disk is full")
            return await ledger.record(school, event)

    decisions, reached = Decisions(Failing()), 0
    for _ in range(2):
        with pytest.raises(OSError):
            async with decisions.looking(who(), "drive.read"):
                reached += 1
        with pytest.raises(OSError):
            async with decisions.allowed(who(), "drive.write", {}):
                reached += 1
        with pytest.raises(OSError):
            await decisions.refused(who(), "x", "role")
    assert (reached, spoken()) == (0, None)
    failed = await asyncio.gather(*(decisions.refused(who(), "x", "y") for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, OSError) for one in failed)
    broken = False
    async with decisions.looking(who(), "drive.read"):
        reached += 1
    await decisions.refused(who(), "x", "role")
    assert (reached, len(await told(ledger))) == (1, 2)


async def test_a_count_that_cannot_be_told_now_is_told_later(ledger: Ledger, clock: Clock) -> None:
    broken = False

    class Failing:
        async def record(self, school: str, event: Event) -> int:
            if broken:
                raise OSError("the disk is full")
            return await ledger.record(school, event)

    decisions = Decisions(Failing(), clock)
    for _ in range(3):
        await decisions.refused(who(), "x", "role")
    clock.now += REFUSALS
    broken = True
    with pytest.raises(OSError):
        await decisions.sweep()
    broken = False
    assert await decisions.sweep() == 1
    assert [(one.details or {}).get("more") for one in await told(ledger)] == [None, 2]


async def test_who_is_forgotten_is_counted_no_more(
    decisions: Decisions, ledger: Ledger, vault: Vault, database: Database, clock: Clock
) -> None:
    for _ in range(3):
        await decisions.refused(who(), "x", "role")
        await decisions.refused(who("bob"), "x", "role")
    async with database.write() as tx:
        await vault.shred(tx, Scope("s1", "ann"))
    clock.now += REFUSALS
    assert await decisions.sweep() == 1
    assert [one.principal for one in await told(ledger)] == ["ann", "bob", "bob"]


async def test_counts_are_bounded_and_the_oldest_told(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.decisions.MOST", 3)
    decisions: Any = Decisions(ledger, clock)
    for reason in "abcdef":
        for _ in range(2):
            await decisions.refused(who(), "x", reason)
        assert len(decisions._counts) <= 3
    assert len([one for one in await told(ledger) if one.action == "policy.denied.more"]) == 3


async def test_it_tells_by_itself_and_at_its_end(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.decisions.EVERY", 0.01)
    decisions = Decisions(ledger, clock)
    await decisions.start()
    for reason in ("a", "b"):
        for _ in range(2):
            await decisions.refused(who(), "x", reason)
        clock.now += REFUSALS if reason == "a" else 0
    async with asyncio.timeout(10):
        while not any(one.action == "policy.denied.more" for one in await told(ledger)):
            await asyncio.sleep(0.01)
    await decisions.close()
    reasons = [(one.details or {})["reason"] for one in await told(ledger) if one.action == "policy.denied.more"]
    assert reasons == ["a", "b"]
