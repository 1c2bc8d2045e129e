"""Older versions: kept up to the limit, read by their id, gone with the file and with the person."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from cache.vault import Scope
from providers import native
from providers.drive import Entry, Ref
from providers.errors import Changed, DriveError, NotFound, Unsupported
from providers.native import Allowance, NativeDrive
from providers.native.tables import nodes, parts, versions
from providers.verbs import HasVersions
from tests.conformance.base import MODIFIED, REPLACE, content, get, put
from tests.providers.native.conftest import School

KEPT = 3


@pytest.fixture
def drive(school: School) -> NativeDrive:
    school.allowance = Allowance(versions=KEPT)
    return school.drive()


async def written(drive: NativeDrive, folder: Ref, *contents: bytes) -> list[Entry]:
    """One file that had these contents one after the other."""
    return [await put(drive, folder, "essay.bin", one, on_conflict=REPLACE) for one in contents]


async def count(school: School) -> list[int]:
    """Rows of nodes, versions and parts."""
    async with school.database.read() as tx:
        tables = (nodes, versions, parts)
        return [(await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


@pytest.mark.both
async def test_the_newest_are_kept_and_the_oldest_destroyed(school: School, drive: NativeDrive, folder: Ref) -> None:
    assert isinstance(drive, HasVersions)
    contents = [content(900_000 + number, seed=number) for number in range(6)]
    made = await written(drive, folder, *contents)
    kept = await drive.versions(made[0].ref)
    assert [one.id for one in kept] == [one.version for one in reversed(made[-KEPT - 1 :])]
    assert [one.size for one in kept] == [900_005, 900_004, 900_003, 900_002]
    assert {one.modified for one in kept} == {MODIFIED}
    for entry, data in list(zip(made, contents, strict=True))[-KEPT - 1 :]:
        assert await get(drive, entry.ref, version=entry.version) == data
        assert await get(drive, entry.ref, 399_990, 400_010, version=entry.version) == data[399_990:400_010]
    for entry in made[: -KEPT - 1]:
        with pytest.raises(Changed):
            await get(drive, entry.ref, version=entry.version)
    await school.vault.sweep(100)
    assert len(school.blobs()) == (await count(school))[2] == 3 * (KEPT + 1)
    assert (await drive.stat(made[0].ref)).version == made[-1].version


async def test_an_older_one_is_only_its_own_files(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await written(drive, folder, b"one", b"two")
    other = await put(drive, folder, "other.bin", b"other")
    friend = await school.enrol(Scope("riverside", "mia"))
    theirs = await put(friend, await friend.root(), "theirs.bin", b"theirs")
    with pytest.raises(Changed):
        await get(drive, other.ref, version=made[0].version)
    with pytest.raises(Changed):
        await get(friend, theirs.ref, version=made[0].version)
    for attempt in (friend.versions(made[0].ref), get(friend, made[0].ref, version=made[0].version)):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Unsupported):
        await drive.versions(folder)
    with pytest.raises(ValueError):
        await get(drive, made[0].ref, 4, version=made[0].version)


async def test_a_new_name_or_folder_keeps_them_and_their_order(drive: NativeDrive, folder: Ref) -> None:
    [first] = await written(drive, folder, b"one")
    second = await put(drive, folder, "essay.bin", b"two", replaces=(first.ref, first.version))
    await drive.relocate(first.ref, await drive.root(), "moved.bin")
    await drive.trash(first.ref)
    await drive.restore(first.ref)
    third = await put(drive, folder, "x", b"three", replaces=(first.ref, second.version))
    assert [one.id for one in await drive.versions(first.ref)] == [third.version, second.version, first.version]
    with pytest.raises(Changed):
        await put(drive, folder, "x", b"four", replaces=(first.ref, first.version))


@pytest.mark.both
async def test_many_replace_at_once(school: School, drive: NativeDrive, folder: Ref) -> None:
    [first] = await written(drive, folder, b"first")
    writers = [school.drive() for _ in range(6)]
    made = await asyncio.gather(*(written(one, folder, b"%d" % number) for number, one in enumerate(writers)))
    kept = await drive.versions(first.ref)
    assert len(kept) == KEPT + 1
    assert {one.id for one in kept} <= {entry.version for [entry] in made}
    assert kept[0].id == (await drive.stat(first.ref)).version
    await school.vault.sweep(100)
    assert (await count(school))[1:] == [KEPT + 1, KEPT + 1] == [len(school.blobs())] * 2


async def test_a_running_read_goes_on_until_its_version_is_destroyed(drive: NativeDrive, folder: Ref) -> None:
    data = content(1_200_000)
    [made] = await written(drive, folder, data)
    async with drive.read(made.ref) as read:
        pieces = aiter(read)
        first = await anext(pieces)
        await written(drive, folder, b"new")
        assert first + b"".join([piece async for piece in pieces]) == data
    async with drive.read(made.ref, version=made.version) as read:
        pieces = aiter(read)
        await anext(pieces)
        await written(drive, folder, *[b"newer"] * KEPT)
        with pytest.raises(Changed):
            async for _ in pieces:
                pass


@pytest.mark.both
@pytest.mark.parametrize("way", ["delete", "trash"])
async def test_they_go_with_the_file(school: School, drive: NativeDrive, folder: Ref, way: str) -> None:
    [*_, last] = await written(drive, folder, b"one", b"two", b"three")
    await put(drive, folder, "kept.bin", b"kept")
    if way == "delete":
        await drive.delete(last.ref)
    else:
        await drive.trash(last.ref)
        school.database.ahead = 60_000
        assert await native.empty(school.vault, school.database, 1000, 10) == 1
    await school.vault.sweep(100)
    assert await count(school) == [3, 1, 1]
    assert len(school.blobs()) == 1


async def test_they_go_with_the_person(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await written(drive, folder, b"one", b"two", b"three")
    async with school.database.read() as tx:
        assert (await native.inventory(tx, school.scope)).bytes == 11
    async with school.database.write() as tx:
        await school.vault.shred(tx, school.scope)
    for entry in made:
        with pytest.raises(DriveError):
            await get(drive, entry.ref, version=entry.version)
    async with school.database.write() as tx:
        await native.erase(tx, school.scope)
    await school.vault.sweep(100)
    assert await count(school) == [0, 0, 0]
    assert school.blobs() == []


async def test_a_lower_limit_holds_from_the_next_content_on(school: School, drive: NativeDrive, folder: Ref) -> None:
    [*_, last] = await written(drive, folder, b"one", b"two", b"three")
    assert await drive.quota() == (11, None)
    school.allowance = Allowance(versions=0)
    await written(school.drive(), folder, b"four")
    assert len(await drive.versions(last.ref)) == 1
    assert await drive.quota() == (4, None)
