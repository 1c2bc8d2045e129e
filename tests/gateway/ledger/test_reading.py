"""Pages of a chain by person, action and time, whatever else is in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.ledger import Event, Ledger
from gateway.ledger.ledger import Entry
from gateway.ledger.reading import Asked, Reading
from tests.gateway.vaults import enrol


@pytest.fixture
async def reading(ledger: Ledger, database: Database) -> Reading:
    """Thirty entries, a second apart: of ann, of the school, and by ann about nobody."""
    for number in range(30):
        who = ("s1-ann", None, "s1-bob")[number % 3]
        subject = "s1-ann" if who == "s1-ann" else None
        action = "file.opened" if number % 2 else "drive.trash"
        await ledger.record("s1", Event(action, who, subject, None, "p1", {"n": number} if subject else {}))
    async with database.write() as tx:
        await tx.execute(update(ledger_entries).values(at=1_000_000 + ledger_entries.c.sequence * 1000))
    return Reading(ledger, database)


async def everything(reading: Reading, asked: Asked, limit: int, **more: Any) -> list[int]:
    found: list[int] = []
    before: int | None = None
    for _ in range(100):
        page, before = await reading.page("s1", asked, before, limit, **more)
        assert len(page) <= limit
        found += [entry.sequence for entry in page]
        if before is None:
            return found
    raise AssertionError("a list without an end")


def meant(asked: Asked) -> list[int]:
    """The same, of what the fixture made."""
    found = []
    for place in range(30, 0, -1):
        number, at = place - 1, 1_000_000 + place * 1000
        who = ("s1-ann", None, "s1-bob")[number % 3]
        subject = "s1-ann" if who == "s1-ann" else None
        action = "file.opened" if number % 2 else "drive.trash"
        fits = asked.person in (None, who, subject) and asked.subject in (None, subject)
        fits = fits and (asked.actions is None or action in asked.actions)
        fits = fits and (asked.since is None or at >= asked.since) and (asked.until is None or at < asked.until)
        found += [place] if fits else []
    return found


@pytest.mark.both
async def test_what_is_asked_for_comes_once_newest_first(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        Asked(person=person, subject=subject, actions=actions, since=since, until=until)
        for person, subject in ((None, None), ("s1-ann", None), ("s1-bob", None), ("nobody", None), (None, "s1-ann"))
        for actions in (None, ("file.opened",), ("other",))
        for since, until in ((None, None), (1_010_000, None), (None, 1_010_000), (1_005_001, 1_020_000), (1, 2))
    ]
    for stretch in (20_000, 7):
        monkeypatch.setattr("gateway.ledger.reading.STRETCH", stretch)
        for one in asked:
            for limit in (1, 4, 100) if stretch > 7 else (4,):
                assert await everything(reading, one, limit) == meant(one), (one, limit, stretch)


@pytest.mark.both
async def test_details_are_opened_only_where_they_are_asked_for(reading: Reading) -> None:
    async def first(**more: Any) -> Entry:
        return (await reading.page("s1", Asked(subject="s1-ann"), None, 1, **more))[0][0]

    assert (await first()).details is None
    assert (await first(opened="s1-ann")).details == {"n": 27}


async def test_what_a_person_did_to_another_stays_sealed(
    reading: Reading, ledger: Ledger, vault: Vault, database: Database
) -> None:
    await enrol(database, vault, "s1", "s1-bob")
    await ledger.record("s1", Event("review.records", "s1-ann", "s1-bob", None, "p1", {"store": "of bob"}))
    await ledger.record("s1", Event("ledger.exported", "s1-ann", None, None, "p1", {"opened": False}))
    found, _ = await reading.page("s1", Asked(person="s1-ann"), None, 3, opened="s1-ann")
    assert [one.details for one in found] == [None, None, {"n": 27}]
    theirs, _ = await reading.page("s1", Asked(person="s1-bob"), None, 1, opened="s1-bob")
    assert [one.details for one in theirs] == [{"store": "of bob"}]


async def test_a_chain_that_has_not_begun(reading: Reading) -> None:
    assert await reading.page("s2", Asked()) == ([], None)
    assert await reading.page("s2", Asked(since=1, until=2, person="x")) == ([], None)
