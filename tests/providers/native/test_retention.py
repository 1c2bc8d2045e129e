"""Each school's own time for the trash, and its own number of older contents, also after it chose fewer."""

from __future__ import annotations

import dataclasses

import pytest

from cache.vault import Scope
from providers import native
from providers.drive import NewFile, OnConflict, Ref
from providers.native import Allowance, NativeDrive, Trimmer
from tests.conformance.base import get, put
from tests.providers.native.conftest import School
from tests.providers.native.test_trash import DAY, LIFE, count


@pytest.mark.both
async def test_a_schools_own_time_for_the_trash(school: School, drive: NativeDrive, folder: Ref) -> None:
    other = await school.enrol(Scope("hillcrest", "mia"))
    for one, parent in ((drive, folder), (other, await other.root())):
        await one.trash((await put(one, parent, "old.bin", b"old")).ref)
    school.database.ahead = 8 * DAY

    async def empty(lives: dict[str, int], life: int = LIFE) -> int:
        return await native.empty(school.vault, school.database, life, 100, lives)

    assert await empty({"hillcrest": 9 * DAY}) == 0
    assert await empty({"riverside": 9 * DAY, "hillcrest": 10 * DAY}, DAY) == 0
    assert await empty({"hillcrest": 7 * DAY}) == 1
    assert (await other.trashed()).entries == []
    assert len((await drive.trashed()).entries) == 1
    assert await empty({"hillcrest": 9 * DAY}, 7 * DAY) == 1


async def versions(drive: NativeDrive, parent: Ref, name: str, contents: int) -> Ref:
    """A file with so many contents."""
    ref = (await put(drive, parent, name, b"0")).ref
    for number in range(1, contents):
        text = str(number).encode()
        entry = await drive.stat(ref)
        new = NewFile(parent, name, "text/plain", 1, entry.modified, OnConflict.REPLACE)
        session = await drive.begin(new)
        await drive.send(session, 0, _once(text), 1, last=True)
    return ref


async def _once(content: bytes):  # type: ignore[no-untyped-def]
    yield content


@pytest.mark.both
async def test_older_contents_beyond_what_is_kept_go_file_by_file(school: School, folder: Ref) -> None:
    many = dataclasses.replace(school, allowance=Allowance(versions=9))
    drive, other = many.drive(), await many.enrol(Scope("hillcrest", "mia"))
    files = [await versions(drive, folder, f"{number}.txt", 4) for number in range(3)]
    theirs = await versions(other, await other.root(), "theirs.txt", 4)
    trimmer = Trimmer(school.vault, school.database)
    assert [await trimmer.step(9, {}, 2) for _ in range(4)] == [0, 0, 0, 0]
    done = [await trimmer.step(9, {"riverside": 1}, 2) for _ in range(3)]
    assert sum(done) == 3
    for ref in files:
        assert len(await drive.versions(ref)) == 2
        assert await get(drive, ref) == b"3"
    assert len(await other.versions(theirs)) == 4
    assert sum([await trimmer.step(0, {"riverside": 1}, 2) for _ in range(3)]) == 1
    assert len(await other.versions(theirs)) == 1
    assert (await count(school))[1:] == [7, 7]
