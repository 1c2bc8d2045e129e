"""Schools come from the configuration; a person is (issuer, subject) in a school, sealed, and forgotten for good."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update

from cache.errors import Shredded
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import persons
from gateway.db.tables_people import schools as schools_table
from gateway.identity import NotActive, People, Schools
from tests.gateway.identity.conftest import claims, configured, school_of


@pytest.mark.both
async def test_schools_follow_the_configuration_and_keep_their_ids(vault: Vault, database: Database) -> None:
    first = Schools(vault, database)
    await first.start([configured("https://id.example"), configured("https://other.example")])
    again = Schools(vault, database)
    renamed = {"riverside": {"name": "Riverside High", "region": "local"}}
    await again.start([configured("https://id.example", schools=renamed)])
    before, after = school_of(first), school_of(again)
    assert (after.id, after.name, before.name) == (before.id, "Riverside High", "Riverside")
    assert again.get(after.id) == after
    assert again.find("https://id.example", "hillcrest") is None
    assert school_of(first, issuer="https://other.example").id != before.id
    async with database.read() as tx:
        assert len((await tx.execute(select(schools_table))).all()) == 4
    with pytest.raises(KeyError):
        again.get("unknown")


@pytest.mark.both
async def test_the_same_subject_is_the_same_person(people: People, schools: Schools) -> None:
    school = school_of(schools)
    first = await people.arrive(school, claims())
    assert await people.arrive(school, claims(name="Leonard Park", role="teacher", age_band="adult")) == first
    person = await people.get(Scope(school.id, first))
    assert (person.name, person.role, person.age_band, person.email) == (
        "Leonard Park",
        "teacher",
        "adult",
        "leo@x.example",
    )
    others = [
        await people.arrive(school, claims("leo2")),
        await people.arrive(school, claims(issuer="https://other.example")),
        await people.arrive(school, claims("", issuer="https://id.example\0leo")),
        await people.arrive(school_of(schools, "hillcrest"), claims()),
    ]
    assert len({first, *others}) == 5


@pytest.mark.both
async def test_first_sign_ins_at_the_same_moment_make_one_person(people: People, schools: Schools) -> None:
    school = school_of(schools)
    found = await asyncio.gather(*(people.arrive(school, claims("twin")) for _ in range(8)))
    assert len(set(found)) == 1


async def test_what_names_a_person_is_sealed(people: People, schools: Schools, database: Database) -> None:
    school = school_of(schools)
    await people.arrive(school, claims("canary-subject", name="Canary Name", email="canary@x.example"))
    await database.checkpoint()
    assert database.address.path is not None
    raw = database.address.path.read_bytes()
    for word in (b"canary-subject", b"Canary Name", b"canary@x.example"):
        assert word not in raw


@pytest.mark.both
async def test_a_person_is_not_seen_from_another_school(people: People, leo: Scope, mia: Scope) -> None:
    with pytest.raises(NotActive):
        await people.get(Scope(mia.tenant, leo.subject))
    assert [person.id for person in await people.of_school(leo.tenant)] == [leo.subject]
    assert leo.subject is not None
    assert await people.of_school(leo.tenant, after=leo.subject) == []
    async with people._database.write() as tx:
        assert await people.begin_erasure(tx, Scope(mia.tenant, leo.subject)) is False


@pytest.mark.both
async def test_who_is_suspended_is_still_listed_and_who_is_being_forgotten_is_not(
    people: People, leo: Scope, database: Database
) -> None:
    async with database.write() as tx:
        await tx.execute(update(persons).where(persons.c.id == leo.subject).values(state="suspended"))
    assert [person.id for person in await people.of_school(leo.tenant)] == [leo.subject]
    async with database.write() as tx:
        assert await people.begin_erasure(tx, leo) is True
    assert await people.of_school(leo.tenant) == []


@pytest.mark.both
async def test_forgetting_and_coming_back(people: People, schools: Schools, vault: Vault, database: Database) -> None:
    school = school_of(schools)
    person = await people.arrive(school, claims())
    scope = Scope(school.id, person)
    async with database.write() as tx:
        await people.require_active(tx, person)
        assert await people.begin_erasure(tx, scope) is True
        assert await people.begin_erasure(tx, scope) is False
    async with database.write() as tx:
        with pytest.raises(NotActive):
            await people.require_active(tx, person)
    with pytest.raises(NotActive):
        await people.arrive(school, claims())
    with pytest.raises(NotActive):
        await people.get(scope)
    async with database.write() as tx:
        await vault.shred(tx, scope)
        await people.end_erasure(tx, scope)
        await people.end_erasure(tx, scope)
    async with database.read() as tx:
        row = (await tx.execute(select(persons).where(persons.c.id == person))).mappings().one()
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": person, "school": school.id, "state": "erased",
    }  # fmt: skip
    assert await people.arrive(school, claims()) != person
    async with database.write() as tx:
        with pytest.raises(Shredded):
            await vault.enrol(tx, scope)


async def test_an_active_person_is_not_ended(people: People, leo: Scope, database: Database) -> None:
    async with database.write() as tx:
        await people.end_erasure(tx, leo)
    assert (await people.get(leo)).name == "Leo Park"


@pytest.mark.both
async def test_nobody_is_not_active(people: People, database: Database) -> None:
    async with database.write() as tx:
        with pytest.raises(NotActive):
            await people.require_active(tx, "nobody")


@pytest.mark.both
async def test_what_is_being_made_for_a_person_holds_their_erasure_back(
    people: People, leo: Scope, database: Database
) -> None:
    assert leo.subject is not None
    order: list[str] = []

    async def forget() -> None:
        async with database.write() as tx:
            await people.begin_erasure(tx, leo)
            order.append("erasing")

    async with database.write() as tx:
        await people.require_active(tx, leo.subject)
        task = asyncio.create_task(forget())
        await asyncio.sleep(0.2)
        order.append("made")
    await task
    assert order == ["made", "erasing"]
