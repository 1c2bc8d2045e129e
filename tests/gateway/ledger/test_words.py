"""A word is said only once the ledger holds it, and holds for the task and what it begins."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.db.engine import Database
from gateway.ledger import Event, Ledger, Words, on_record, recorded
from providers.drive import Instruction
from providers.http import Word, spoken
from tests.gateway.ledger.test_ledger import WORD, event, rows
from tests.gateway.ledger.test_recorded import PLACE, Broken, Full, write_everything


@pytest.mark.both
async def test_the_entry_is_committed_before_what_is_inside(ledger: Ledger, database: Database) -> None:
    async with on_record(ledger, "s1", event()) as word:
        assert word == "i1"
        assert [row["instruction"] for row in await rows(database, "s1")] == ["i1"]
        assert spoken() == Word("i1")
        assert await asyncio.create_task(_inside()) == Word("i1"), "what is begun inside works on it, too"
    assert spoken() is None
    async with on_record(ledger, "s1", Event("x", None, None, None, "p")) as made:
        assert (spoken(), (await rows(database, "s1"))[-1]["instruction"]) == (Word(made), made)


async def _inside() -> object:
    return spoken()


async def test_where_it_cannot_be_recorded_nothing_inside_is_reached() -> None:
    reached = False
    with pytest.raises(OSError, match="full"):
        async with on_record(Broken(), "s1", event()):
            reached = True
    assert (reached, spoken()) == (False, None)


@pytest.mark.both
async def test_where_the_database_does_not_take_it_nothing_inside_is_reached(
    ledger: Ledger, database: Database
) -> None:
    reached, noted = 0, list[str]()
    drive = recorded(Full(noted), WORD, ledger, PLACE)
    async with database.write() as tx:
        await tx.execute(text("ALTER TABLE ledger_entries RENAME TO gone"))
    for _ in range(2):
        with pytest.raises(DBAPIError):
            async with on_record(ledger, "s1", event()):
                reached += 1
        with pytest.raises(DBAPIError):
            async with Words(ledger).standing("s1", WORD):
                reached += 1
        with pytest.raises(DBAPIError):
            await write_everything(drive)
    assert (reached, noted, spoken()) == (0, [], None)
    async with database.write() as tx:
        await tx.execute(text("ALTER TABLE gone RENAME TO ledger_entries"))
    await write_everything(drive)
    assert len(noted) == 7


@pytest.mark.both
async def test_an_order_that_is_known_needs_no_entry_and_another_one_gets_it(
    ledger: Ledger, database: Database
) -> None:
    async with database.write() as tx:
        await ledger.cover(tx, "s1", WORD, [b"item"])
    for words in (Words(ledger), Words(ledger)):
        for _ in range(2):
            async with words.standing("s1", WORD):
                assert spoken() == Word(WORD.id)
    assert [row["action"] for row in await rows(database, "s1")] == ["transfer.batch"]
    for unknown in (Instruction("j" * 32, WORD.principal, "p1"), Instruction(WORD.id, "s1-bob", "p1")):
        async with Words(ledger).standing("s1", unknown):
            pass
        assert (await rows(database, "s1"))[-1]["action"] == "instruction.taken_up"
        assert (await rows(database, "s1"))[-1]["principal"] == unknown.principal
    async with Words(ledger).standing("s2", WORD):
        pass
    assert [row["action"] for row in await rows(database, "s2")] == ["instruction.taken_up"], "of this school"


class Deaf(Broken):
    async def names(self, school: str, instruction: Instruction) -> bool:
        return False


async def test_an_order_that_nobody_can_record_is_not_worked_on() -> None:
    words, reached = Words(Deaf()), 0
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            async with words.standing("s1", WORD):
                reached += 1
    assert reached == 0


async def test_what_is_remembered_is_bounded(ledger: Ledger, database: Database) -> None:
    words = Words(ledger, most=2)
    for number in range(5):
        async with words.standing("s1", Instruction(f"{number}" * 32, "s1-ann", "p")):
            pass
    assert len(words._known) == 2
