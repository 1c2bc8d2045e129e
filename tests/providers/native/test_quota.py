"""A person's quota: refused before more is stored, also where several upload at once; room comes back."""

from __future__ import annotations

import asyncio

import pytest

from cache.vault import Scope
from providers.drive import Progress, Ref
from providers.errors import QuotaFull
from providers.native import Allowance, NativeDrive
from tests.conformance.base import REPLACE, chunks, get, names, new_file, push, put
from tests.providers.native.conftest import School

LIMIT = 1_000_000


@pytest.fixture
def drive(school: School) -> NativeDrive:
    school.allowance = Allowance(bytes=LIMIT)
    return school.drive()


async def test_it_tells_its_limit(drive: NativeDrive, folder: Ref) -> None:
    await put(drive, folder, "a.bin", b"12345")
    assert await drive.quota() == (5, LIMIT)


async def test_a_file_that_fits_exactly_and_one_byte_more(school: School, drive: NativeDrive, folder: Ref) -> None:
    with pytest.raises(QuotaFull):
        await drive.begin(new_file(folder, "large.bin", LIMIT + 1))
    made = await put(drive, folder, "all.bin", b"x" * LIMIT)
    with pytest.raises(QuotaFull):
        await drive.begin(new_file(folder, "more.bin", 1))
    assert await get(drive, (await put(drive, folder, "empty.bin", b"")).ref) == b""
    friend = await school.enrol(Scope("riverside", "mia"))
    await put(friend, await friend.root(), "theirs.bin", b"x" * LIMIT)
    await drive.trash(made.ref)
    with pytest.raises(QuotaFull):
        await put(drive, folder, "more.bin", b"x")
    await drive.delete(made.ref)
    await put(drive, folder, "more.bin", b"x" * LIMIT)


async def test_a_size_that_is_not_known_is_refused_on_the_way(school: School, drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "stream.bin", None))
    assert (await drive.send(session, 0, chunks(b"x" * 600_000), 600_000, last=False)).offset == 600_000
    stored = school.blobs()
    with pytest.raises(QuotaFull):
        await drive.send(session, 600_000, chunks(b"x" * 600_000), 600_000, last=True)
    assert school.blobs() == stored
    assert await names(drive, folder) == []
    assert (await drive.progress(session)).offset == 600_000
    done = await drive.send(session, 600_000, chunks(b"x" * 400_000), 400_000, last=True)
    assert done.done is not None
    assert await drive.quota() == (LIMIT, LIMIT)


@pytest.mark.both
async def test_several_uploads_at_once_do_not_pass_it_together(school: School, drive: NativeDrive, folder: Ref) -> None:
    together, begun = asyncio.Event(), list[int]()

    async def upload(number: int) -> Progress:
        one = school.drive()
        session = await one.begin(new_file(folder, f"{number}.bin", 300_000))
        begun.append(number)
        if len(begun) == 6:
            together.set()
        await together.wait()
        return await push(one, session, b"x" * 300_000)

    ended = await asyncio.gather(*(upload(number) for number in range(6)), return_exceptions=True)
    assert sum(isinstance(one, QuotaFull) for one in ended) == 3
    assert len(await names(drive, folder)) == 3
    assert await drive.quota() == (900_000, LIMIT)
    await school.vault.sweep(100)
    assert len(school.blobs()) == 3


async def test_older_versions_count_until_they_are_destroyed(school: School, folder: Ref) -> None:
    school.allowance = Allowance(versions=1, bytes=LIMIT)
    drive = school.drive()
    for _ in range(2):
        await put(drive, folder, "a.bin", b"x" * 300_000, on_conflict=REPLACE)
    assert await drive.quota() == (600_000, LIMIT)
    await put(drive, folder, "a.bin", b"x" * 300_000, on_conflict=REPLACE)
    assert await drive.quota() == (600_000, LIMIT)


async def test_an_upload_that_is_given_up_makes_room(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "half.bin", LIMIT))
    await push(drive, session, b"x" * LIMIT, piece=400_000, pieces=2)
    with pytest.raises(QuotaFull):
        await drive.begin(new_file(folder, "other.bin", LIMIT))
    await drive.abort(session)
    await put(drive, folder, "other.bin", b"x" * LIMIT)
