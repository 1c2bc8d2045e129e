"""A lawful request step by step: two approve, the school is told unless the law forbids, and every step is an entry."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, update

from cache.errors import Corrupt
from cache.model import Scope
from cache.vault import Vault
from gateway.approvals import Approvals
from gateway.approvals import SecondNeeded as AnotherNeeded
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals as approvals_table
from gateway.db.tables_lawful import lawful_requests
from gateway.db.tables_people import persons, schools
from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.erasure.restoring import Restored
from gateway.identity import People
from gateway.lawful import (
    KIND,
    Actor,
    LawfulRequests,
    NoSuchPerson,
    NoSuchRequest,
    Order,
    SecondNeeded,
    State,
    WrongState,
    after_a_restore,
)
from gateway.ledger import Ledger
from gateway.ledger.checkpoints import DAY
from gateway.ledger.ledger import Entry
from gateway.signing import SigningKeys
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]

SCHOOL, OTHER = "a" * 32, "b" * 32
ANN, LEO, SOFIA, NOOR = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)
ORDER = Order("District court", "12 C 3/26", "§ 94 of the code", (LEO,), ("profile", "ledger"))
SECRET = replace(ORDER, forbidden="§ 101 of the code", reference="99 X 9/99")
MAX, EVE = Actor(operator="max"), Actor(operator="eve")


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        for school in (SCHOOL, OTHER):
            await enrol(database, started, school, None)
            await _row(database, schools, id=school, claim=school)
        for person, role in ((ANN, "administrator"), (SOFIA, "administrator"), (LEO, "student"), (NOOR, "student")):
            await enrol(database, started, SCHOOL, person)
            await _row(database, persons, id=person, school=SCHOOL, state="active", role=role)
        yield started


async def _row(database: Database, table: Any, **values: Any) -> None:
    """A row, with whatever its other columns need."""
    for column in table.columns:
        if column.name not in values and not column.nullable and column.default is None:
            kind = column.type.python_type
            values[column.name] = b"x" if kind is bytes else 0 if kind is int else "x"
    async with database.write() as tx:
        await tx.execute(insert(table).values(**{n: v for n, v in values.items() if n in table.columns}))


@pytest.fixture
async def ledger(vault: Vault, database: Database) -> Ledger:
    await SigningKeys(vault, database).start()
    return Ledger(vault, database)


class Life:
    life = 1000 * DAY

    async def __call__(self, _school: str) -> int:
        return self.life


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def lawful(vault: Vault, database: Database, ledger: Ledger, life: Life) -> LawfulRequests:
    return LawfulRequests(vault, database, ledger, life)


@pytest.fixture
def approvals(vault: Vault, database: Database, ledger: Ledger, lawful: LawfulRequests) -> Approvals:
    return Approvals(vault, database, ledger, People(vault, database), {KIND: lawful.approved})


async def told(ledger: Ledger, school: str = SCHOOL) -> list[Entry]:
    return [one for one in await ledger.read(school, limit=1000) if one.action.startswith("lawful.")]


async def actions(ledger: Ledger, school: str = SCHOOL) -> list[str]:
    return [one.action for one in await told(ledger, school)]


async def approved(lawful: LawfulRequests, approvals: Approvals) -> str:
    """A request that two administrators stand behind."""
    request = (await lawful.open(SCHOOL, Actor(ANN), ORDER)).id
    proposed = await lawful.propose(approvals, SCHOOL, ANN, request)
    assert proposed.approval is not None
    await approvals.approve(SCHOOL, SOFIA, proposed.approval)
    await approvals.sweep(10)
    return request


@pytest.mark.both
async def test_two_administrators_approve_and_one_hands_out(
    lawful: LawfulRequests, approvals: Approvals, ledger: Ledger
) -> None:
    opened = await lawful.open(SCHOOL, Actor(ANN), ORDER)
    assert (opened.state, opened.order, opened.by, opened.secret) == (State.OPEN, ORDER, Actor(ANN), False)
    for step in (lawful.hand_out(SCHOOL, Actor(ANN), opened.id), lawful.approve_secretly(SCHOOL, MAX, opened.id)):
        with pytest.raises((WrongState, NoSuchRequest)):
            await step
    proposed = await lawful.propose(approvals, SCHOOL, ANN, opened.id)
    assert proposed.approval is not None
    with pytest.raises(AnotherNeeded):
        await approvals.approve(SCHOOL, ANN, proposed.approval)
    with pytest.raises(WrongState):
        await lawful.hand_out(SCHOOL, Actor(ANN), opened.id)
    with pytest.raises(WrongState):
        await lawful.propose(approvals, SCHOOL, SOFIA, opened.id)
    await approvals.approve(SCHOOL, SOFIA, proposed.approval)
    await approvals.sweep(10)
    assert (await lawful.get(SCHOOL, opened.id)).state is State.APPROVED
    assert (await lawful.hand_out(SCHOOL, Actor(SOFIA), opened.id)).state is State.HANDED_OUT
    assert (await lawful.hand_out(SCHOOL, Actor(SOFIA), opened.id)).state is State.HANDED_OUT, "again, told again"
    entries = await told(ledger)
    assert [one.action for one in entries] == [
        "lawful.opened", "lawful.proposed", "lawful.approved",
        "lawful.handed_out", "lawful.exported", "lawful.handed_out", "lawful.exported",
    ]  # fmt: skip
    assert {one.instruction for one in entries} == {opened.id}
    assert [one.principal for one in entries] == [ANN, ANN, None, SOFIA, SOFIA, SOFIA, SOFIA]
    about = entries[0].details or {}
    assert (about["basis"], about["authority"], about["people"], about["parts"]) == (
        ORDER.basis, ORDER.authority, [LEO], ["profile", "ledger"],
    )  # fmt: skip
    assert [one.subject for one in entries if one.action == "lawful.handed_out"] == [LEO, LEO], "the person sees it"
    assert await actions(ledger, "deployment") == []


@pytest.mark.both
async def test_an_operators_is_told_to_the_school_which_decides(
    lawful: LawfulRequests, approvals: Approvals, ledger: Ledger, database: Database
) -> None:
    await _row(database, webhooks, school=SCHOOL, told=b"x", after=1000, stopped=0, given_up=0)
    opened = await lawful.open(SCHOOL, MAX, ORDER)
    async with database.read() as tx:
        (message,) = (await tx.execute(select(webhook_messages))).all()
    assert (message.school, json.loads(message.body)["data"]) == (SCHOOL, {"request": opened.id})
    assert LEO not in message.body
    found, _ = await lawful.list(SCHOOL)
    assert [one.id for one in found] == [opened.id]
    (entry,) = await told(ledger)
    assert (entry.principal, (entry.details or {})["operator"]) == (None, "max")
    with pytest.raises(NoSuchRequest):
        await lawful.approve_secretly(SCHOOL, EVE, opened.id)
    proposed = await lawful.propose(approvals, SCHOOL, ANN, opened.id)
    assert proposed.approval is not None
    await approvals.approve(SCHOOL, SOFIA, proposed.approval)
    await approvals.sweep(10)
    assert (await lawful.hand_out(SCHOOL, MAX, opened.id)).state is State.HANDED_OUT


@pytest.mark.both
async def test_while_the_law_forbids_it_nothing_of_it_is_the_schools(
    lawful: LawfulRequests, approvals: Approvals, ledger: Ledger, database: Database, vault: Vault
) -> None:
    await _row(database, webhooks, school=SCHOOL, told=b"x", after=0, stopped=0, given_up=0)
    opened = await lawful.open(SCHOOL, MAX, SECRET)
    assert await lawful.list(SCHOOL) == ([], None)
    for step in (
        lawful.get(SCHOOL, opened.id), lawful.propose(approvals, SCHOOL, ANN, opened.id),
        lawful.hand_out(SCHOOL, Actor(ANN), opened.id), lawful.refuse(SCHOOL, Actor(ANN), opened.id, "no"),
    ):  # fmt: skip
        with pytest.raises(NoSuchRequest):
            await step
    with pytest.raises(WrongState):
        await lawful.hand_out(SCHOOL, MAX, opened.id, secret=True)
    with pytest.raises(SecondNeeded):
        await lawful.approve_secretly(SCHOOL, MAX, opened.id)
    second = await lawful.approve_secretly(SCHOOL, EVE, opened.id)
    assert (second.state, second.approved_by) == (State.APPROVED, ["max", "eve"])
    with pytest.raises(WrongState):
        await lawful.approve_secretly(SCHOOL, Actor(operator="joe"), opened.id)
    await lawful.hand_out(SCHOOL, EVE, opened.id, secret=True)
    assert await ledger.read(SCHOOL) == [], "not a line in the school's chain"
    async with database.read() as tx:
        assert (await tx.execute(select(webhook_messages))).all() == []
        (row,) = (await tx.execute(select(lawful_requests))).all()
    schools_own = await vault.fields(Scope(SCHOOL, None))
    with pytest.raises(Corrupt):
        schools_own.text("lawful_requests", "told", row.id, row.told)
    entries = await told(ledger, "deployment")
    assert [one.action for one in entries] == ["lawful.opened", "lawful.approved", "lawful.exported"]
    assert all((one.details or {})["forbidden"] == SECRET.forbidden for one in entries)
    assert all(one.subject is None for one in entries)


@pytest.mark.both
async def test_when_the_ban_is_lifted_the_school_and_the_people_are_told(
    lawful: LawfulRequests, ledger: Ledger, database: Database
) -> None:
    await _row(database, webhooks, school=SCHOOL, told=b"x", after=0, stopped=0, given_up=0)
    request = (await lawful.open(SCHOOL, MAX, SECRET)).id
    await lawful.approve_secretly(SCHOOL, EVE, request)
    await lawful.hand_out(SCHOOL, EVE, request, secret=True)
    lifted = await lawful.lift(SCHOOL, EVE, request)
    assert (lifted.secret, lifted.state) == (False, State.HANDED_OUT)
    assert [one.id for one in (await lawful.list(SCHOOL))[0]] == [request]
    assert await actions(ledger) == ["lawful.opened", "lawful.handed_out", "lawful.exported"]
    assert (await actions(ledger, "deployment"))[-1] == "lawful.lifted"
    async with database.read() as tx:
        assert len((await tx.execute(select(webhook_messages))).all()) == 1
    with pytest.raises(NoSuchRequest):
        await lawful.lift(SCHOOL, EVE, request)


@pytest.mark.both
async def test_what_is_refused_is_never_handed_out(
    lawful: LawfulRequests, approvals: Approvals, ledger: Ledger
) -> None:
    request = await approved(lawful, approvals)
    refused = await lawful.refuse(SCHOOL, Actor(SOFIA), request, "no competence")
    assert (refused.state, refused.why, refused.ended is not None) == (State.REFUSED, "no competence", True)
    for step in (lawful.hand_out(SCHOOL, Actor(ANN), request), lawful.refuse(SCHOOL, Actor(ANN), request, "again")):
        with pytest.raises(WrongState):
            await step
    assert (await told(ledger))[-1].details is not None
    assert ((await told(ledger))[-1].details or {})["why"] == "no competence"


async def test_an_approval_that_comes_after_a_refusal_changes_nothing(
    lawful: LawfulRequests, approvals: Approvals
) -> None:
    request = (await lawful.open(SCHOOL, Actor(ANN), ORDER)).id
    proposed = await lawful.propose(approvals, SCHOOL, ANN, request)
    assert proposed.approval is not None
    await lawful.refuse(SCHOOL, Actor(ANN), request, "no")
    await approvals.approve(SCHOOL, SOFIA, proposed.approval)
    await approvals.sweep(10)
    assert (await lawful.get(SCHOOL, request)).state is State.REFUSED


@pytest.mark.both
@pytest.mark.parametrize("how", ["cancelled", "lapsed", "gone"])
async def test_after_an_approval_that_came_to_nothing_there_is_another(
    lawful: LawfulRequests, approvals: Approvals, database: Database, how: str
) -> None:
    request = (await lawful.open(SCHOOL, Actor(ANN), ORDER)).id
    first = (await lawful.approve(approvals, SCHOOL, ANN, request)).approval
    assert first is not None
    if how == "cancelled":
        await approvals.cancel(SCHOOL, SOFIA, first)
    async with database.write() as tx:
        if how == "lapsed":
            await tx.execute(update(approvals_table).values(made=1))
        elif how == "gone":
            await tx.execute(update(approvals_table).values(state="cancelled", ended=1))
    await approvals.sweep(10)
    second = (await lawful.approve(approvals, SCHOOL, SOFIA, request)).approval
    assert second not in (None, first)
    with pytest.raises(AnotherNeeded):
        await lawful.approve(approvals, SCHOOL, SOFIA, request)
    await lawful.approve(approvals, SCHOOL, ANN, request)
    await approvals.sweep(10)
    assert (await lawful.get(SCHOOL, request)).state is State.APPROVED


@pytest.mark.both
async def test_what_an_older_database_approved_is_approved_anew(
    lawful: LawfulRequests, approvals: Approvals, database: Database
) -> None:
    request, secret = await approved(lawful, approvals), (await lawful.open(SCHOOL, MAX, SECRET)).id
    over = (await lawful.open(SCHOOL, Actor(ANN), ORDER)).id
    await lawful.refuse(SCHOOL, Actor(ANN), over, "no")
    async with database.write() as tx:
        await after_a_restore(tx, Restored(5, 1, 1, 2))
    with pytest.raises(WrongState):
        await lawful.hand_out(SCHOOL, Actor(ANN), request)
    assert (await lawful.find(over)).state is State.REFUSED
    found = await lawful.find(secret)
    assert (found.state, found.ended) == (State.LAPSED, 5)
    for step in (lawful.approve_secretly(SCHOOL, EVE, secret), lawful.refuse(SCHOOL, EVE, secret, "no", secret=True)):
        with pytest.raises(WrongState):
            await step
    for one in (SOFIA, ANN):
        await lawful.approve(approvals, SCHOOL, one, request)
    await approvals.sweep(10)
    assert (await lawful.hand_out(SCHOOL, Actor(ANN), request)).state is State.HANDED_OUT


async def test_people_of_elsewhere_and_requests_of_elsewhere(lawful: LawfulRequests, ledger: Ledger) -> None:
    for people in (("9" * 32,), (LEO, "9" * 32)):
        with pytest.raises(NoSuchPerson):
            await lawful.open(SCHOOL, Actor(ANN), replace(ORDER, people=people))
    with pytest.raises(NoSuchPerson):
        await lawful.open(OTHER, Actor(ANN), ORDER)
    assert await told(ledger) == []
    request = (await lawful.open(SCHOOL, Actor(ANN), ORDER)).id
    with pytest.raises(NoSuchRequest):
        await lawful.get(OTHER, request)
    assert await lawful.list(OTHER) == ([], None)


async def test_untold_people_see_nothing(lawful: LawfulRequests, approvals: Approvals, ledger: Ledger) -> None:
    request = (await lawful.open(SCHOOL, Actor(ANN), replace(ORDER, tells=False))).id
    proposed = await lawful.propose(approvals, SCHOOL, ANN, request)
    assert proposed.approval is not None
    await approvals.approve(SCHOOL, SOFIA, proposed.approval)
    await approvals.sweep(10)
    await lawful.hand_out(SCHOOL, Actor(ANN), request)
    assert "lawful.handed_out" not in await actions(ledger)


@pytest.mark.both
async def test_lists_come_in_pages_and_old_ones_go(
    lawful: LawfulRequests, approvals: Approvals, database: Database, life: Life
) -> None:
    made = [await approved(lawful, approvals) for _ in range(5)]
    for request in made[:3]:
        await lawful.hand_out(SCHOOL, Actor(ANN), request)
    found: list[str] = []
    before: tuple[int, str] | None = None
    while True:
        page, before = await lawful.list(SCHOOL, before, 2)
        found += [one.id for one in page]
        if before is None:
            break
    assert sorted(found) == sorted(made)
    assert await lawful.sweep(10) == 0
    life.life = 30 * DAY
    async with database.write() as tx:
        old = lawful_requests.c.id.in_(made[:2])
        await tx.execute(update(lawful_requests).where(old).values(ended=lawful_requests.c.ended - 31 * DAY))
    assert await lawful.sweep(1) == 1
    assert await lawful.sweep(10) == 1
    assert len((await lawful.list(SCHOOL))[0]) == 3
