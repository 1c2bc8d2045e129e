"""A school's quota: one limit for all its people, passed by nobody, and a count that does not drift."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest
from sqlalchemy import func, select

from cache.vault import Scope
from providers import native
from providers.drive import Progress, Ref
from providers.errors import QuotaFull
from providers.native import Allowance, NativeDrive
from providers.native.tables import owners, parts
from tests.conformance.base import REPLACE, content, everything, names, new_file, push, put
from tests.providers.native.conftest import School

LIMIT = 1_000_000


@pytest.fixture
def drive(school: School) -> NativeDrive:
    school.allowance = Allowance(versions=1, school=LIMIT)
    return school.drive()


async def test_what_one_keeps_another_has_not(school: School, drive: NativeDrive, folder: Ref) -> None:
    friend = await school.enrol(Scope("riverside", "mia"))
    abroad = await school.enrol(Scope("hillcrest", "leo"))
    made = await put(drive, folder, "a.bin", b"x" * 600_000)
    assert await drive.quota() == (600_000, LIMIT)
    assert await friend.quota() == (0, 400_000)
    assert await abroad.quota() == (0, LIMIT)
    with pytest.raises(QuotaFull) as full:
        await friend.begin(new_file(await friend.root(), "b.bin", 400_001))
    assert full.value.reason == "school"
    session = await friend.begin(new_file(await friend.root(), "c.bin", None))
    with pytest.raises(QuotaFull):
        await push(friend, session, b"x" * 400_001)
    await put(friend, await friend.root(), "d.bin", b"x" * 400_000)
    assert await friend.quota() == (400_000, 400_000)
    await drive.delete(made.ref)
    await put(friend, await friend.root(), "b.bin", b"x" * 600_000)
    await put(abroad, await abroad.root(), "e.bin", b"x" * LIMIT)


async def test_the_lower_limit_counts(school: School, drive: NativeDrive, folder: Ref) -> None:
    school.allowance = Allowance(bytes=500_000, school=LIMIT)
    assert await school.drive().quota() == (0, 500_000)
    friend = await school.enrol(Scope("riverside", "mia"))
    await put(friend, await friend.root(), "a.bin", b"x" * 500_000)
    third = await school.enrol(Scope("riverside", "sofia"))
    await put(third, await third.root(), "a.bin", b"x" * 400_000)
    assert await school.drive().quota() == (0, 100_000)


@pytest.mark.both
async def test_several_people_at_once_do_not_pass_it_together(school: School, drive: NativeDrive) -> None:
    drives = [await school.enrol(Scope("riverside", f"person {number}")) for number in range(6)]
    together, begun = asyncio.Event(), list[int]()

    async def upload(one: NativeDrive) -> Progress:
        session = await one.begin(new_file(await one.root(), "a.bin", 300_000))
        begun.append(1)
        if len(begun) == len(drives):
            together.set()
        await together.wait()
        return await push(one, session, b"x" * 300_000)

    ended = await asyncio.gather(*(upload(one) for one in drives), return_exceptions=True)
    assert sum(isinstance(one, QuotaFull) for one in ended) == 3
    assert sum(isinstance(one, Progress) for one in ended) == 3
    assert sum([(await one.quota())[0] for one in drives]) == 900_000
    await school.vault.sweep(100)
    assert len(school.blobs()) == 3


@pytest.mark.both
async def test_a_forgotten_person_makes_room(school: School, drive: NativeDrive, folder: Ref) -> None:
    await put(drive, folder, "a.bin", b"x" * LIMIT)
    friend = await school.enrol(Scope("riverside", "mia"))
    with pytest.raises(QuotaFull):
        await put(friend, await friend.root(), "a.bin", b"x")
    async with school.database.write() as tx:
        await school.vault.shred(tx, school.scope)
    async with school.database.write() as tx:
        await native.erase(tx, school.scope)
    await put(friend, await friend.root(), "a.bin", b"x" * LIMIT)


async def counted_and_there(school: School) -> tuple[int, int]:
    """What the owners' rows say, and the bytes of all parts."""
    async with school.database.read() as tx:
        told = (await tx.execute(select(func.coalesce(func.sum(owners.c.bytes), 0)))).scalar_one()
        there = (await tx.execute(select(func.coalesce(func.sum(parts.c.size), 0)))).scalar_one()
    return int(told), int(there)


async def done(school: School, chance: Random, act: str, name: str, drive: NativeDrive, home: Ref) -> None:
    """One thing that a person or the sweeper does."""
    there, data = await everything(drive, home), content(chance.randrange(150_000))
    if act == "put":
        await put(drive, home, name, data)
    elif act in ("half", "abort"):
        session = await drive.begin(new_file(home, name, 90_000))
        await push(drive, session, b"x" * 90_000, piece=40_000, pieces=chance.randrange(3))
        if act == "abort":
            await drive.abort(session)
    elif act == "empty":
        school.database.ahead += 60_000
        await native.empty(school.vault, school.database, 1000, 10)
    elif there:
        entry = chance.choice(there)
        if act == "replace":
            await put(drive, home, entry.name, data, on_conflict=REPLACE)
        elif act == "copy":
            await drive.copy(entry.ref, home, name)
        else:
            await (drive.trash if act == "trash" else drive.delete)(entry.ref)


@pytest.mark.both
async def test_whatever_happens_the_count_is_what_is_there(school: School, drive: NativeDrive, folder: Ref) -> None:
    chance = Random("school quota")  # must repeat, guards nothing
    friend = await school.enrol(Scope("riverside", "mia"))
    homes = [(drive, folder), (friend, await friend.root())]
    for step in range(60):
        act = chance.choice(["put", "put", "replace", "half", "abort", "copy", "trash", "delete", "empty"])
        with suppress(QuotaFull):
            await done(school, chance, act, str(step), *chance.choice(homes))
        told, kept = await counted_and_there(school)
        assert told == kept <= LIMIT, act
    school.database.ahead += 8 * 24 * 60 * 60 * 1000
    await native.tidy(school.vault, school.database, 100)
    await native.empty(school.vault, school.database, 1000, 100)
    for one, home in homes:
        for entry in await everything(one, home):
            await one.delete(entry.ref)
        assert await names(one, home) == []
    assert await counted_and_there(school) == (0, 0)
    await school.vault.sweep(1000)
    assert school.blobs() == []
