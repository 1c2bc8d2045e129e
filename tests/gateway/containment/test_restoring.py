"""A restored database lifts no suspension: each stands in the erasure journal, also where a crash came in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import delete, insert, literal, select, update

from cache.catalog import suspended
from cache.model import Scope
from gateway.books import DEPLOYMENT
from gateway.containment import Target, Word
from gateway.containment.service import Journal as Notes
from gateway.db.tables_containment import containments
from gateway.db.tables_erasure import erasure_state, signing_keys
from gateway.db.tables_people import persons, schools
from gateway.erasure.journal import Journal
from gateway.erasure.mark import Mark
from gateway.erasure.restoring import Restorer
from gateway.erasure.suspending import Noted
from gateway.identity import Suspended
from gateway.suspended import Kind, contained
from tests.gateway.containment.test_switches import connect, extension
from tests.gateway.desks import Building, Desk

pytestmark = pytest.mark.both
WHY = "something odd"
TABLES = (erasure_state, containments, persons, schools)
KEYS = ("key of a person", "key of the school")


@asynccontextmanager
async def started(building: Building) -> AsyncIterator[tuple[Desk, Restorer]]:
    """A process that has started, with its journal."""
    async with building.desk() as desk:
        folder = building.folder / "journal"
        journal = Journal(folder / "erasures.jsonl", desk.signing.journal_key)
        restorer = Restorer(journal, Mark(folder, desk.signing.journal_key), desk.database)
        held = desk.containments
        await restorer.start({"suspended": held.suspended, "resumed": held.resumed})
        held._journal = Noted(restorer)
        yield desk, restorer


async def backup(desk: Desk) -> dict[Any, list[dict[str, Any]]]:
    async with desk.database.read() as tx:
        return {table: [dict(row) for row in (await tx.execute(select(table))).mappings()] for table in TABLES}


async def restore(desk: Desk, kept: dict[Any, list[dict[str, Any]]]) -> None:
    """The older state of these tables, where people and schools stay as rows."""
    async with desk.database.write() as tx:
        for table in (erasure_state, containments, suspended):
            await tx.execute(delete(table))
            if kept.get(table):
                await tx.execute(insert(table), kept[table])
        for table in (persons, schools):
            for row in kept[table]:
                await tx.execute(update(table).where(table.c.id == row["id"]).values(state=row["state"]))


async def contain(desk: Desk, target: Target) -> str:
    return (await desk.containments.begin(Word(desk.school().id), target, WHY)).id


async def works(desk: Desk, scope: Scope) -> bool:
    try:
        async with desk.database.write() as tx:
            await desk.people.require_active(tx, str(scope.subject))
    except Suspended:
        return False
    return True


async def test_what_was_suspended_after_the_backup_is_suspended_again(building: Building) -> None:
    async with started(building) as (desk, _):
        leo, mia = await desk.arrive("leo"), await desk.arrive("mia", school="hillcrest")
        kept = await backup(desk)
        held = await contain(desk, Target(Kind.PERSON, str(leo.subject)))
        school = await contain(desk, Target(Kind.SCHOOL, leo.tenant))
        await restore(desk, kept)
        assert await works(desk, leo)
    async with started(building) as (desk, _):
        assert not await works(desk, leo)
        assert await works(desk, mia)
        active, _ = await desk.containments.list(leo.tenant, active=True)
        assert {one.id for one in active} == {held, school}
        await desk.containments.lift(Word(leo.tenant), school, "over")
        assert not await works(desk, leo), "the person is still suspended"
        await desk.containments.lift(Word(leo.tenant), held, "over")
        assert await works(desk, leo)


async def test_what_was_lifted_stays_lifted(building: Building) -> None:
    async with started(building) as (desk, _):
        leo = await desk.arrive("leo")
        before = await backup(desk)
        held = await contain(desk, Target(Kind.PERSON, str(leo.subject)))
        between = await backup(desk)
        await desk.containments.lift(Word(leo.tenant), held, "over")
    for kept in (before, between):
        async with started(building) as (desk, _):
            await restore(desk, kept)
        async with started(building) as (desk, _):
            assert await works(desk, leo)
            assert (await desk.containments.list(leo.tenant, active=True))[0] == []


async def test_a_second_suspension_is_not_lifted_by_the_first_ones_end(building: Building) -> None:
    async with started(building) as (desk, _):
        leo = await desk.arrive("leo")
        target, kept = Target(Kind.PERSON, str(leo.subject)), await backup(desk)
        first = await contain(desk, target)
        await desk.containments.lift(Word(leo.tenant), first, "over")
        second = await contain(desk, target)
        await restore(desk, kept)
    async with started(building) as (desk, _):
        assert not await works(desk, leo)
        (one,), _ = await desk.containments.list(leo.tenant, active=True)
        assert one.id == second


class Full:
    """A journal whose disk is full."""

    def __init__(self, inner: Notes) -> None:
        self.seen = inner.seen

    async def note(self, *_: object) -> int:
        raise OSError


async def test_a_full_disk_delays_the_note_and_not_the_suspension(building: Building) -> None:
    async with started(building) as (desk, restorer):
        leo = await desk.arrive("leo")
        kept = await backup(desk)
        desk.containments._journal = Full(Noted(restorer))
        held = await contain(desk, Target(Kind.PERSON, str(leo.subject)))
        assert not await works(desk, leo)
        await desk.containments.lift(Word(leo.tenant), held, "over")
        again = await contain(desk, Target(Kind.PERSON, str(leo.subject)))
        with pytest.raises(OSError):
            await desk.containments.sweep(10)
        desk.containments._journal = Noted(restorer)
        assert await desk.containments.sweep(10) == 2
        assert await desk.containments.sweep(10) == 0
        await restore(desk, kept)
    async with started(building) as (desk, _):
        assert not await works(desk, leo)
        (one,), _ = await desk.containments.list(leo.tenant, active=True)
        assert one.id == again


async def test_what_another_process_did_without_a_journal_is_noted_by_the_sweep(building: Building) -> None:
    """As the operator's command line does it beside a gateway."""
    async with started(building) as (desk, _), building.desk() as beside:
        leo = await desk.arrive("leo")
        kept = await backup(desk)
        await contain(beside, Target(Kind.PERSON, str(leo.subject)))
        assert await beside.containments.sweep(10) == 0
        assert await desk.containments.sweep(10) == 1
        await restore(desk, kept)
    async with started(building) as (desk, _):
        assert not await works(desk, leo)


async def test_a_forgotten_person_is_not_brought_back_by_a_resumption(building: Building) -> None:
    async with started(building) as (desk, _):
        leo = await desk.arrive("leo")
        kept = await backup(desk)
        held = await contain(desk, Target(Kind.PERSON, str(leo.subject)))
        await desk.containments.lift(Word(leo.tenant), held, "over")
        await restore(desk, kept)
        async with desk.database.write() as tx:
            await desk.people.begin_erasure(tx, leo)
            await desk.people.end_erasure(tx, leo)
    async with started(building) as (desk, _):
        async with desk.database.read() as tx:
            state = (await tx.execute(select(persons.c.state).where(persons.c.id == leo.subject))).scalar_one()
        assert state == "erased"


async def other_target(desk: Desk, leo: Scope, what: str) -> tuple[Word, Target]:
    """Something that is neither a person nor a school, and on whose word it is suspended."""
    if what == "signing":
        async with desk.database.read() as tx:
            key = (await tx.execute(select(signing_keys.c.id).limit(1))).scalar_one()
        return Word(DEPLOYMENT), Target(Kind.SIGNING, key)
    if what in KEYS:
        return Word(leo.tenant), Target(Kind.KEY, str(leo.subject) if what == KEYS[0] else "", 1)
    if what == "connection":
        return Word(leo.tenant), Target(Kind.CONNECTION, await connect(desk, leo))
    tokens = await extension(desk, leo)
    me = await desk.tokens.resolve(tokens.access_token)
    assert me is not None
    return Word(leo.tenant), Target(Kind.CLIENT, me.session)


async def is_held(desk: Desk, school: str, target: Target) -> bool:
    """Whether those who obey it would."""
    async with desk.database.read() as tx:
        if target.kind is not Kind.KEY:
            return bool((await tx.execute(select(contained(target.kind, literal(target.id))))).scalar_one())
        return all(one.suspended for one in await desk.vault.versions(tx, Scope(school, target.id or None)))


@pytest.mark.parametrize("what", ["connection", "client", *KEYS, "signing"])
async def test_every_other_kind_is_suspended_again_and_stays_lifted(building: Building, what: str) -> None:
    async with started(building) as (desk, _):
        leo = await desk.arrive("leo")
        word, target = await other_target(desk, leo, what)
        kept = await backup(desk)
        held = await desk.containments.begin(word, target, WHY)
        await restore(desk, kept)
        assert not await is_held(desk, word.school, target)
    async with started(building) as (desk, _):
        assert await is_held(desk, word.school, target)
        (one,), _more = await desk.containments.list(word.school, active=True)
        assert (one.id, one.target) == (held.id, target)
        await desk.containments.lift(word, held.id, "over")
        assert not await is_held(desk, word.school, target)
        await restore(desk, kept)
    async with started(building) as (desk, _):
        assert not await is_held(desk, word.school, target)
        assert (await desk.containments.list(word.school, active=True))[0] == []


async def test_a_version_of_a_key_that_the_copy_does_not_have_is_no_trouble(building: Building) -> None:
    async with started(building) as (desk, restorer):
        leo = await desk.arrive("leo")
        kept = await backup(desk)
        await Noted(restorer).note("c" * 32, leo.tenant, str(leo.subject), "suspended", 1, f"key {leo.subject}:9")
        await restore(desk, kept)
    async with started(building) as (desk, _):
        assert await works(desk, leo)
        (one,), _more = await desk.containments.list(leo.tenant, active=True)
        await desk.containments.lift(Word(leo.tenant), one.id, "over")
