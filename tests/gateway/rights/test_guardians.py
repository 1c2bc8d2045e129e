"""Guardians' links: who may be linked, until when, what ends them, and that an older database does not revive them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from cache.model import Scope
from gateway.db.tables_people import guardian_links
from gateway.rights.guardians import LONGEST, RIGHTS, LinkRefused, NoLink
from tests.gateway.rights.conftest import DAY, World, principal


async def linked(world: World, child: Scope, guardian: Scope, admin: Scope, **more: Any) -> Any:
    """A link for a month."""
    assert child.subject is not None
    assert guardian.subject is not None
    ends = more.get("ends", await world.database.now() + 30 * DAY)
    rights = more.get("rights", RIGHTS)
    return await world.given.guardians.make(principal(admin), child.subject, guardian.subject, rights, ends)


@pytest.mark.both
async def test_a_link_gives_its_rights_to_its_guardian_alone(
    world: World, leo: Scope, dana: Scope, sofia: Scope
) -> None:
    link = await linked(world, leo, dana, sofia, rights=["export", "review"])
    assert link.rights == ("review", "export")
    found = await world.given.guardians.over(principal(dana), leo.subject or "")
    assert found == link
    assert await world.given.guardians.over(principal(sofia), leo.subject or "") is None
    assert await world.given.guardians.over(principal(dana), sofia.subject or "") is None
    assert await world.given.guardians.over(principal(Scope("elsewhere", dana.subject)), leo.subject or "") is None
    assert list(await world.given.guardians.children(dana)) == [link] == list(await world.given.guardians.of(leo))
    assert list(await world.given.guardians.of_school(leo.tenant)) == [link]
    assert list(await world.given.guardians.of_school("elsewhere")) == []


@pytest.mark.both
async def test_both_are_told_and_the_entry_names_the_administrator(
    world: World, leo: Scope, dana: Scope, sofia: Scope
) -> None:
    link = await linked(world, leo, dana, sofia)
    await world.given.guardians.end(principal(sofia), link.id)
    assert await world.told(leo) == ["guardian_ended", "guardian_linked"]
    assert await world.told(dana) == ["child_ended", "child_linked"]
    (made,), (ended,) = await world.entries("guardian.linked"), await world.entries("guardian.ended")
    assert (made.principal, made.subject) == (sofia.subject, leo.subject) == (ended.principal, ended.subject)
    assert ended.details == {"link": link.id, "guardian": dana.subject, "why": "school"}


@pytest.mark.both
async def test_a_child_is_told_that_their_guardian_is_gone_but_one_who_goes_too_is_not(
    world: World, leo: Scope, dana: Scope, sofia: Scope
) -> None:
    max_ = await world.arrive("max")
    await linked(world, leo, dana, sofia)
    await linked(world, max_, dana, sofia)
    async with world.database.write() as tx:
        assert await world.people.begin_erasure(tx, max_)
        await world.vault.shred_keys(tx, max_)
    for _ in range(2):  # the step may run again
        await world.given.guardians.forgotten(dana)
    assert await world.told(leo) == ["guardian_ended", "guardian_linked"]
    assert await world.given.guardians.of(leo) == []
    (entry,) = await world.entries("guardian.ended")
    assert (entry.principal, entry.subject, (entry.details or {})["why"]) == (None, leo.subject, "forgotten")


@pytest.mark.both
async def test_the_day_ends_a_link_and_the_sweep_says_so(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    await linked(world, leo, dana, sofia, ends=await world.database.now() + DAY)
    assert await world.given.guardians.sweep(10) == 0
    world.database.ahead = DAY
    assert await world.given.guardians.over(principal(dana), leo.subject or "") is None
    assert await world.given.guardians.sweep(10) == 1
    (entry,) = await world.entries("guardian.ended")
    assert (entry.principal, (entry.details or {})["why"]) == (None, "day")


@pytest.mark.both
async def test_who_comes_of_age_has_no_guardian_from_the_next_sign_in_on(
    world: World, leo: Scope, dana: Scope, sofia: Scope
) -> None:
    await linked(world, leo, dana, sofia)
    await world.arrive("leo", age_band="adult")
    assert await world.given.guardians.of(leo) == []
    async with world.database.read() as tx:
        assert (await tx.execute(select(guardian_links))).all() == []
    (entry,) = await world.entries("guardian.ended")
    assert (entry.details or {})["why"] == "of_age"


async def test_an_adult_has_no_guardian_also_where_the_end_cannot_be_written(
    world: World, leo: Scope, dana: Scope, sofia: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await linked(world, leo, dana, sofia)

    async def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(world.given.guardians._journal, "record", full)
    await world.arrive("leo", age_band="adult")
    assert await world.given.guardians.over(principal(dana), leo.subject or "") is None
    monkeypatch.undo()
    assert await world.given.guardians.sweep(10) == 1


@pytest.mark.both
async def test_an_older_age_band_brings_the_end_forward(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    far = await world.database.now() + LONGEST["13_15"] - DAY
    link = await linked(world, leo, dana, sofia, ends=far)
    await world.arrive("leo")
    assert (await world.given.guardians.of(leo))[0].ends == link.ends
    await world.arrive("leo", age_band="16_17")
    (shorter,) = await world.given.guardians.of(leo)
    assert shorter.ends <= await world.database.now() + LONGEST["16_17"] < link.ends


@pytest.mark.both
@pytest.mark.parametrize(
    ("child", "guardian", "life", "code"),
    [
        ("leo", "nobody", DAY, "nobody"),
        ("nobody", "dana", DAY, "nobody"),
        ("mia", "dana", DAY, "nobody"),
        ("leo", "leo", DAY, "oneself"),
        ("sofia", "dana", DAY, "child_adult"),
        ("leo", "kim", DAY, "guardian_minor"),
        ("leo", "dana", 0, "too_late"),
        ("leo", "dana", -DAY, "too_late"),
        ("leo", "dana", LONGEST["13_15"] + DAY, "too_late"),
    ],
)
async def test_links_that_cannot_be(
    world: World, leo: Scope, dana: Scope, sofia: Scope, child: str, guardian: str, life: int, code: str
) -> None:
    known = {
        "leo": leo, "dana": dana, "sofia": sofia, "kim": await world.arrive("kim"),
        "mia": await world.arrive("mia", "hillcrest"), "nobody": Scope("x", "0" * 32),
    }  # fmt: skip
    with pytest.raises(LinkRefused) as refused:
        await linked(world, known[child], known[guardian], sofia, ends=await world.database.now() + life)
    assert refused.value.code == code
    assert await world.given.guardians.of_school(sofia.tenant) == []


@pytest.mark.both
async def test_two_are_linked_once(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    answers = await asyncio.gather(*(linked(world, leo, dana, sofia) for _ in range(3)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, LinkRefused)]
    assert [one.code for one in refused] == ["linked", "linked"]
    assert len(await world.entries("guardian.linked")) == 1


@pytest.mark.both
async def test_ending_twice_at_once_is_told_once(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    link = await linked(world, leo, dana, sofia)
    ends = (world.given.guardians.end(principal(sofia), link.id) for _ in range(3))
    done = await asyncio.gather(*ends, return_exceptions=True)
    assert all(one is None or isinstance(one, NoLink) for one in done)
    assert len(await world.entries("guardian.ended")) == 1
    with pytest.raises(NoLink):
        await world.given.guardians.end(principal(sofia), link.id)


async def test_another_school_ends_nothing(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    link = await linked(world, leo, dana, sofia)
    noor = await world.arrive("noor", "hillcrest", role="administrator", age_band="adult")
    with pytest.raises(NoLink):
        await world.given.guardians.end(principal(noor), link.id)
    assert await world.given.guardians.of(leo)


@pytest.mark.both
async def test_an_ended_link_does_not_come_back_with_an_older_database(
    world: World, leo: Scope, dana: Scope, sofia: Scope
) -> None:
    link = await linked(world, leo, dana, sofia)
    async with world.database.read() as tx:
        before = (await tx.execute(select(guardian_links))).mappings().one()
    await world.given.guardians.end(principal(sofia), link.id)
    async with world.database.write() as tx:  # as a restored copy has it
        await tx.execute(insert(guardian_links).values(**before))
    assert await world.given.guardians.of(leo)
    await world.replayed(await world.lines("guardian_ended"))
    assert await world.given.guardians.of(leo) == []
    await world.replayed(await world.lines("guardian_ended"))
