"""Corrections: asked for, decided, held over the directory until it says something new, and safe from a restore."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from cache.catalog import renewals
from cache.model import Scope
from gateway.db.tables_people import persons
from gateway.db.tables_rights import corrections
from gateway.rights import Acting
from gateway.rights.correction import BadValue, CorrectionRefused
from tests.gateway.rights.conftest import DAY, World, oneself, principal


async def asked(world: World, leo: Scope, field: Any = "name", value: str = "Leo Parker") -> str:
    """The id of a request."""
    return (await world.given.corrections.ask(oneself(leo), field, value, "It is wrong.")).id


async def accepted(world: World, leo: Scope, sofia: Scope, field: Any = "name", value: str = "Leo Parker") -> str:
    """The id of a correction that holds."""
    made = await asked(world, leo, field, value)
    await world.given.corrections.decide(principal(sofia), made, accept=True, answer="You are right.")
    return made


@pytest.mark.both
async def test_what_is_the_persons_own_is_corrected_at_once_and_holds(world: World, leo: Scope) -> None:
    done = await world.given.corrections.ask(oneself(leo), "locale", "de", "")
    assert done.state == "accepted"
    assert (await world.people.get(leo)).locale == "de"
    await world.arrive("leo", name="Leo Park", locale="en")
    assert (await world.people.get(leo)).locale == "de"
    await world.given.corrections.ask(oneself(leo), "locale", "fr", "")
    await world.arrive("leo", locale="pl")
    assert (await world.people.get(leo)).locale == "fr"
    states = [one.state for one in (await world.given.corrections.list(leo))[0]]
    assert states == ["accepted", "superseded"]


@pytest.mark.both
async def test_what_the_directory_says_waits_for_the_school(world: World, leo: Scope, sofia: Scope) -> None:
    made = await asked(world, leo)
    assert (await world.people.get(leo)).name == "Leo Park"
    (waiting,), more = await world.given.corrections.waiting(leo.tenant)
    assert (waiting.id, waiting.wanted, waiting.why, more) == (made, "Leo Parker", "It is wrong.", None)
    assert (await world.given.corrections.waiting("elsewhere"))[0] == []
    done = await world.given.corrections.decide(principal(sofia), made, accept=True, answer="You are right.")
    assert (done.state, done.answer) == ("accepted", "You are right.")
    assert (await world.people.get(leo)).name == "Leo Parker"
    assert (await world.given.corrections.waiting(leo.tenant))[0] == []
    assert await world.told(leo) == ["correction_accepted"]
    (entry,) = await world.entries("correction.accepted")
    assert (entry.principal, entry.subject) == (sofia.subject, leo.subject)


@pytest.mark.both
async def test_it_holds_while_the_directory_repeats_itself_and_no_longer(
    world: World, leo: Scope, sofia: Scope
) -> None:
    await accepted(world, leo, sofia)
    await world.arrive("leo", name="Leo Park")
    assert (await world.people.get(leo)).name == "Leo Parker"
    await world.arrive("leo", name="Leo P. Parker")
    assert (await world.people.get(leo)).name == "Leo P. Parker"
    await world.arrive("leo", name="Leo Park")
    assert (await world.people.get(leo)).name == "Leo Park", "what was settled does not come back"
    assert (await world.told(leo))[0] == "correction_settled"


@pytest.mark.both
async def test_a_second_correction_of_the_same_remembers_what_the_directory_said(
    world: World, leo: Scope, sofia: Scope
) -> None:
    await accepted(world, leo, sofia)
    await accepted(world, leo, sofia, value="Leonard Parker")
    await world.arrive("leo", name="Leo Park")
    assert (await world.people.get(leo)).name == "Leonard Parker"
    assert [one.state for one in (await world.given.corrections.list(leo))[0]] == ["accepted", "superseded"]


@pytest.mark.both
@pytest.mark.parametrize(("field", "value"), [("role", "teacher"), ("age_band", "16_17"), ("email", "leo@new.example")])
async def test_every_field_of_the_directory(world: World, leo: Scope, sofia: Scope, field: str, value: str) -> None:
    await accepted(world, leo, sofia, field, value)
    assert getattr(await world.people.get(leo), field) == value
    await world.arrive("leo")
    assert getattr(await world.people.get(leo), field) == value


@pytest.mark.both
async def test_a_refusal_has_its_reason_and_changes_nothing(world: World, leo: Scope, sofia: Scope) -> None:
    made = await asked(world, leo)
    done = await world.given.corrections.decide(principal(sofia), made, accept=False, answer="The papers say Park.")
    assert (done.state, done.answer) == ("refused", "The papers say Park.")
    assert (await world.people.get(leo)).name == "Leo Park"
    assert await world.told(leo) == ["correction_refused"]
    for accept in (True, False):
        with pytest.raises(CorrectionRefused) as refused:
            await world.given.corrections.decide(principal(sofia), made, accept=accept, answer="")
        assert refused.value.code == "decided"
    assert await world.lines("corrected") == []


@pytest.mark.both
async def test_of_two_decisions_at_once_one_counts(world: World, leo: Scope, sofia: Scope) -> None:
    made = await asked(world, leo)
    decide = world.given.corrections.decide
    both = [decide(principal(sofia), made, accept=accept, answer="x") for accept in (True, False, True, False)]
    await asyncio.gather(*both, return_exceptions=True)
    state = (await world.given.corrections.get(leo, made)).state
    assert (state == "accepted") == bool(await world.lines("corrected"))
    assert ((await world.people.get(leo)).name == "Leo Parker") == (state == "accepted")


@pytest.mark.both
async def test_who_may_not(world: World, leo: Scope, sofia: Scope) -> None:
    made = await asked(world, leo)
    with pytest.raises(CorrectionRefused) as pending:
        await asked(world, leo, value="Leo Other")
    noor = await world.arrive("noor", "hillcrest", role="administrator", age_band="adult")
    with pytest.raises(CorrectionRefused) as foreign:
        await world.given.corrections.decide(principal(noor), made, accept=True, answer="")
    own = await asked(world, sofia, value="Sofia R.")
    with pytest.raises(CorrectionRefused) as oneself_:
        await world.given.corrections.decide(principal(sofia), own, accept=True, answer="")
    assert [one.value.code for one in (pending, foreign, oneself_)] == ["pending", "nobody", "oneself"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "), ("name", "a\nb"), ("name", "x" * 201), ("email", "nobody"), ("email", "a@b@c"),
        ("role", "administrator"), ("role", "king"), ("age_band", "old"), ("locale", "../etc"), ("locale", ""),
    ],
)  # fmt: skip
async def test_what_cannot_be_right(world: World, leo: Scope, field: Any, value: str) -> None:
    with pytest.raises(BadValue):
        await asked(world, leo, field, value)
    assert (await world.given.corrections.list(leo))[0] == []


@pytest.mark.both
async def test_a_request_is_taken_back(world: World, leo: Scope, sofia: Scope) -> None:
    made = await asked(world, leo)
    await world.given.corrections.withdraw(oneself(leo), made)
    with pytest.raises(CorrectionRefused):
        await world.given.corrections.decide(principal(sofia), made, accept=True, answer="")
    with pytest.raises(CorrectionRefused):
        await world.given.corrections.withdraw(oneself(leo), made)
    with pytest.raises(CorrectionRefused):
        await world.given.corrections.withdraw(oneself(sofia), made)
    await asked(world, leo, value="Leo Other")


@pytest.mark.both
async def test_who_asks_for_another_is_named_and_the_person_told(world: World, leo: Scope, dana: Scope) -> None:
    guardian = Acting(dana.subject or "", leo, "guardian", "0" * 32)
    await world.given.corrections.ask(guardian, "name", "Leo Parker", "")
    assert await world.told(leo) == ["correction_asked"]
    (entry,) = await world.entries("correction.asked")
    assert (entry.principal, entry.subject) == (dana.subject, leo.subject)
    assert entry.details == {"as": "guardian", "field": "name", "link": "0" * 32}


async def undo(world: World, leo: Scope, made: str) -> None:
    """As an older copy of the database has it: asked for, not decided."""
    fields = await world.vault.fields(leo)
    async with world.database.write() as tx:
        older = {"state": "asked", "told": None, "decided": None}
        await tx.execute(update(corrections).where(corrections.c.id == made).values(**older))
        name = fields.seal("persons", "name", leo.subject or "", "Leo Park")
        await tx.execute(update(persons).where(persons.c.id == leo.subject).values(name=name))


@pytest.mark.both
@pytest.mark.parametrize("known", [True, False], ids=["asked before the copy", "asked after the copy"])
async def test_an_older_database_does_not_undo_a_correction(
    world: World, leo: Scope, sofia: Scope, known: bool
) -> None:
    made = await accepted(world, leo, sofia)
    await undo(world, leo, made)
    if not known:
        async with world.database.write() as tx:
            await tx.execute(delete(corrections))
    await world.replayed(await world.lines("corrected"))
    assert (await world.people.get(leo)).name == "Leo Parker"
    await world.arrive("leo", name="Leo Park")
    assert (await world.people.get(leo)).name == "Leo Parker", "it holds over the directory as before"
    await world.replayed(await world.lines("corrected"))
    assert (await world.given.corrections.get(leo, made)).state == "accepted"


@pytest.mark.both
async def test_a_correction_whose_key_is_gone_is_asked_for_again(world: World, leo: Scope, sofia: Scope) -> None:
    made = await accepted(world, leo, sofia)
    await undo(world, leo, made)
    (line,) = await world.lines("corrected")
    broken = (line.note or "")[:-8] + "AAAAAAA="
    object.__setattr__(line, "note", broken)
    await world.replayed([line])
    assert (await world.people.get(leo)).name == "Leo Park"
    assert (await world.told(leo))[0] == "correction_lost"


async def test_of_the_forgotten_nothing_is_brought_back(world: World, leo: Scope, sofia: Scope) -> None:
    await accepted(world, leo, sofia)
    async with world.database.write() as tx:
        await world.vault.shred(tx, leo)
    await world.replayed(await world.lines("corrected"))


async def test_the_journal_does_not_tell_what_was_corrected(world: World, leo: Scope, sofia: Scope) -> None:
    await accepted(world, leo, sofia)
    assert b"Parker" not in world.journal.read_bytes()


@pytest.mark.both
async def test_where_the_journal_is_full_nothing_is_decided_and_it_can_be_again(
    world: World, leo: Scope, sofia: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await asked(world, leo)

    async def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(world.given.corrections._journal, "record", full)
    with pytest.raises(OSError):
        await world.given.corrections.decide(principal(sofia), made, accept=True, answer="")
    assert (await world.people.get(leo)).name == "Leo Park"
    monkeypatch.undo()
    await world.given.corrections.decide(principal(sofia), made, accept=True, answer="")
    assert (await world.people.get(leo)).name == "Leo Parker"


@pytest.mark.both
async def test_pages_and_the_end_of_history(world: World, leo: Scope, sofia: Scope) -> None:
    for number in range(3):
        await world.given.corrections.withdraw(oneself(leo), await asked(world, leo, value=f"Leo {number}"))
    holds = await accepted(world, leo, sofia)
    found, more = await world.given.corrections.list(leo, limit=3)
    rest, end = await world.given.corrections.list(leo, more, limit=3)
    assert (len(found), len(rest), end) == (3, 1, None)
    world.database.ahead = 30 * DAY + 1000
    assert await world.given.corrections.sweep(2, 30 * DAY, {leo.tenant: 31 * DAY}) == 0
    assert await world.given.corrections.sweep(2, 30 * DAY) == 2
    assert await world.given.corrections.sweep(2, 30 * DAY) == 1
    async with world.database.read() as tx:
        renewed = (await tx.execute(select(renewals.c.tenant, renewals.c.subject))).all()
    assert [tuple(row) for row in renewed] == [(leo.tenant, leo.subject)], "the next cycle makes copies forget it"
    async with world.database.read() as tx:
        assert (await tx.execute(select(corrections.c.id))).scalars().all() == [holds]
