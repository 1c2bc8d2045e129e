"""People who were away for long: told, then forgotten; where nobody asked for it, nothing happens."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import insert, select, update

from cache.model import Scope
from gateway.db.tables_containment import containments
from gateway.db.tables_people import client_grants, schools
from gateway.db.tables_rights import inactivity
from tests.gateway.rights.conftest import DAY, World


async def choose(world: World, **retention: int | None) -> None:
    """What riverside chooses."""
    version = (await world.choices.get(world.school.id)).version
    await world.choices.change(world.school.id, "sofia", version, {}, None, retention)


async def swept(world: World, configured: Collection[str] | None = None) -> int:
    """A look that is due."""
    world.given.inactivity._next = 0.0
    return await world.given.inactivity.sweep(100, world.schools.ids if configured is None else configured)


@pytest.mark.both
async def test_by_default_nobody_is_forgotten(world: World, leo: Scope) -> None:
    await world.seen(leo, 3000 * DAY)
    assert await swept(world) == 0
    assert world.forgotten == []


@pytest.mark.both
async def test_who_was_away_is_told_and_forgotten_after_the_notice(world: World, leo: Scope, dana: Scope) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 79 * DAY)
    assert await swept(world) == 0
    await world.seen(leo, 81 * DAY)
    assert await swept(world) == 1
    assert await world.told(leo) == ["inactive"]
    (away,), _ = await world.given.inactivity.of_school(leo.tenant)
    assert away.person == leo.subject
    assert away.due - away.noticed == pytest.approx(20 * DAY, abs=60_000)
    assert (await world.given.inactivity.of_school("elsewhere"))[0] == []
    assert await swept(world) == 0
    world.database.ahead = 20 * DAY - 60_000
    assert await swept(world) == 0
    world.database.ahead = 20 * DAY + 1000
    assert await swept(world) == 1
    assert world.forgotten == [leo]
    assert len(await world.entries("person.inactive")) == 1
    assert len(await world.entries("person.inactive_forgotten")) == 1
    assert await swept(world) == 1, "who is being forgotten is let go of"
    assert await swept(world) == 0
    assert world.forgotten == [leo]


@pytest.mark.both
async def test_who_was_away_for_years_still_has_the_whole_notice(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 900 * DAY)
    assert await swept(world) == 1
    assert world.forgotten == []
    (away,), _ = await world.given.inactivity.of_school(leo.tenant)
    assert away.due - away.noticed == 20 * DAY


@pytest.mark.both
async def test_who_comes_back_stays(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 90 * DAY)
    assert await swept(world) == 1
    world.database.ahead = DAY
    await world.arrive("leo")
    assert await swept(world) == 1
    async with world.database.read() as tx:
        assert (await tx.execute(select(inactivity))).all() == []
    world.database.ahead = 30 * DAY
    assert await swept(world) == 0
    assert world.forgotten == []


async def shut(world: World, leo: Scope, how: str, *, on: bool) -> None:
    """Nobody can sign in as Leo, or they can again."""
    held = {"id": how, "school": leo.tenant, "kind": "key", "target": "1", "began": 1}
    whose = {"person": leo.subject if how == "key of the person" else None}
    async with world.database.write() as tx:
        if how == "school":
            state = "suspended" if on else "active"
            await tx.execute(update(schools).where(schools.c.id == leo.tenant).values(state=state))
        elif on:
            await tx.execute(insert(containments).values(**held, **whose))
        else:
            await tx.execute(update(containments).values(lifted=1))


@pytest.mark.both
@pytest.mark.parametrize("how", ["school", "key of the school", "key of the person"])
async def test_who_cannot_come_back_stays(world: World, leo: Scope, how: str) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 90 * DAY)
    assert await swept(world) == 1
    await shut(world, leo, how, on=True)
    world.database.ahead = 21 * DAY
    assert await swept(world) == 1, "they are let go of"
    world.database.ahead = 200 * DAY
    assert await swept(world) == 0
    await shut(world, leo, how, on=False)
    assert await swept(world) == 1
    world.database.ahead = 219 * DAY
    assert await swept(world) == 0, "and have the whole notice afterwards"
    assert world.forgotten == []
    world.database.ahead = 221 * DAY
    assert await swept(world) == 1
    assert world.forgotten == [leo]


async def test_the_people_of_a_school_that_is_not_configured_stay(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 90 * DAY)
    assert await swept(world) == 1
    world.database.ahead = 21 * DAY
    assert await swept(world, []) == 1
    assert await swept(world) == 1
    assert world.forgotten == []


@pytest.mark.both
async def test_the_extension_counts_as_being_here(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100, notice_days=20)
    await world.seen(leo, 200 * DAY)
    now = await world.database.now()
    row = {"id": "g", "school": leo.tenant, "person": leo.subject, "client": "x", "signed_in_at": 0, "made": 0}
    async with world.database.write() as tx:
        await tx.execute(insert(client_grants).values(**row, used=now - DAY, ends=now + DAY))
    assert await swept(world) == 0


@pytest.mark.both
async def test_a_school_that_does_not_want_it_any_more_lets_everybody_go(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100)
    await world.seen(leo, 200 * DAY)
    assert await swept(world) == 1
    await choose(world, inactive_days=None)
    assert await swept(world) == 1
    world.database.ahead = 100 * DAY
    assert await swept(world) == 0
    assert world.forgotten == []


async def test_other_schools_are_left_alone(world: World, leo: Scope) -> None:
    await choose(world, inactive_days=100)
    mia = await world.arrive("mia", "hillcrest")
    await world.seen(mia, 900 * DAY)
    assert await swept(world) == 0
