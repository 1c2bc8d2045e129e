"""Uploads: continued by anybody, acknowledged once, never half a file."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from providers import native
from providers.drive import Ref, UploadSession
from providers.errors import Changed, NameTaken, NotFound, Offline, Refused, SessionLost, TooLarge, Untrusted
from providers.native import Digests, NativeDrive
from providers.native.tables import parts, uploads, versions
from providers.native.traits import TRAITS
from tests.conformance.base import REPLACE, chunks, content, get, names, new_file, push, put
from tests.providers.native.conftest import School

DATA = content(1_300_000)
WEEK = 7 * 24 * 60 * 60 * 1000


async def rows(school: School) -> dict[str, int]:
    async with school.database.read() as tx:
        return {
            table.name: (await tx.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (parts, versions, uploads)
        }


async def test_a_file_is_kept_in_parts(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "large.bin", DATA)
    assert (await rows(school))["native_parts"] == 4
    for start, stop in ((399_999, 400_001), (400_000, 800_000), (1_299_999, None), (0, 1)):
        assert await get(drive, made.ref, start, stop) == DATA[start:stop]


@pytest.mark.both
async def test_two_senders_of_one_piece(school: School, drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "twice.bin", len(DATA)))
    senders = [school.drive() for _ in range(3)]
    told = await asyncio.gather(*(push(sender, session, DATA) for sender in senders))
    progress = await drive.progress(session)
    assert progress.done is not None
    assert [one.done for one in told] == [progress.done] * 3
    assert progress.done.hashes["sha256"] == hashlib.sha256(DATA).digest()
    assert await get(drive, progress.done.ref) == DATA
    await school.vault.sweep(100)
    assert len(school.blobs()) == (await rows(school))["native_parts"]


@pytest.mark.both
async def test_a_stopped_sender_that_wakes_up_spoils_nothing(school: School, drive: NativeDrive, folder: Ref) -> None:
    stopped, awake = asyncio.Event(), asyncio.Event()

    async def sleepy() -> AsyncIterator[bytes]:
        async for chunk in chunks(b"z" * 700_000):
            yield chunk
        stopped.set()
        await awake.wait()
        yield b"z" * 600_000

    session = await drive.begin(new_file(folder, "a.bin", len(DATA)))
    sleeper = asyncio.create_task(school.drive().send(session, 0, sleepy(), len(DATA), last=True))
    await stopped.wait()
    assert (await drive.progress(session)).offset == 400_000  # what it had acknowledged before it fell asleep
    taken_over = await push(drive, session, DATA, 400_000)
    awake.set()
    assert (await sleeper).done == taken_over.done
    assert taken_over.done is not None
    assert await get(drive, taken_over.done.ref) == b"z" * 400_000 + DATA[400_000:]
    assert taken_over.done.hashes["sha256"] == hashlib.sha256(b"z" * 400_000 + DATA[400_000:]).digest()
    assert len(school.blobs()) == (await rows(school))["native_parts"] == 4


async def test_a_part_that_broke_off_is_not_acknowledged(drive: NativeDrive, folder: Ref) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks(DATA[:900_000]):
            yield chunk
        raise Offline

    session = await drive.begin(new_file(folder, "broken.bin", len(DATA)))
    with pytest.raises(Offline):
        await drive.send(session, 0, broken(), len(DATA), last=True)
    assert (await drive.progress(session)).offset == 800_000
    assert (await push(drive, session, DATA, 800_000)).done is not None


@pytest.mark.parametrize("extra", [-1, 1, 400_000])
async def test_a_source_that_breaks_its_promise(school: School, drive: NativeDrive, folder: Ref, extra: int) -> None:
    session = await drive.begin(new_file(folder, "promise.bin", None))
    with pytest.raises(Untrusted):
        await drive.send(session, 0, chunks(content(900_000 + extra)), 900_000, last=True)
    assert (await drive.progress(session)).offset == 800_000
    await drive.abort(session)
    await school.vault.sweep(100)
    assert school.blobs() == []
    assert await rows(school) == {"native_parts": 0, "native_versions": 0, "native_uploads": 1}, "that it was given up"
    school.database.ahead = WEEK + 1000
    assert await native.tidy(school.vault, school.database, 10) == 1
    assert (await rows(school))["native_uploads"] == 0


async def test_an_empty_piece_that_is_not_empty(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "promise.bin", None))
    with pytest.raises(Untrusted):
        await drive.send(session, 0, chunks(b"x"), 0, last=True)
    assert await names(drive, folder) == []


async def test_the_announced_size_is_kept_to(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "ten.bin", 10))
    for length, last in ((11, True), (11, False), (9, True)):
        with pytest.raises(ValueError):
            await drive.send(session, 0, chunks(DATA[:length]), length, last=last)
    with pytest.raises(TooLarge):
        await drive.send(session, 0, chunks(b""), TRAITS.max_size + 1, last=False)
    assert (await drive.progress(session)).offset == 0


async def test_a_file_that_could_not_be_made_is_made_when_it_can(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "name.bin", 5))
    rival = await put(drive, folder, "NAME.bin", b"rival")
    with pytest.raises(NameTaken):
        await drive.send(session, 0, chunks(b"12345"), 5, last=True)
    with pytest.raises(NameTaken):
        await drive.progress(session)
    await drive.delete(rival.ref)
    done = (await drive.progress(session)).done
    assert done is not None
    assert await get(drive, done.ref) == b"12345"


async def test_the_folder_may_go_meanwhile(school: School, drive: NativeDrive, folder: Ref) -> None:
    inner = await drive.make_folder(folder, "inner")
    session = await drive.begin(new_file(inner.ref, "a.bin", 5))
    await drive.trash(inner.ref)
    with pytest.raises(NotFound):
        await drive.send(session, 0, chunks(b"12345"), 5, last=True)
    await drive.abort(session)
    await school.vault.sweep(10)
    assert school.blobs() == []


async def test_an_id_made_beforehand_makes_no_twin(school: School, drive: NativeDrive, folder: Ref) -> None:
    first = await put(drive, folder, "a.bin", DATA, id="f" * 32)
    assert first.ref.id == "f" * 32
    second = await put(school.drive(), folder, "a.bin", DATA, id="f" * 32)
    assert (second.ref, second.version) == (first.ref, first.version)
    assert await names(drive, folder) == ["a.bin"]
    with pytest.raises(NameTaken):
        await put(drive, folder, "other.bin", b"other bytes", id="f" * 32)
    with pytest.raises(Refused):
        await put(drive, folder, "other.bin", b"other bytes", id="../x")


async def test_an_id_that_somebody_else_has(school: School, drive: NativeDrive, folder: Ref) -> None:
    await put(drive, folder, "a.bin", b"mine", id="e" * 32)
    other = await school.enrol(Scope("riverside", "mia"))
    with pytest.raises(NameTaken):
        await put(other, await other.root(), "a.bin", b"theirs", id="e" * 32)
    assert await names(other, await other.root()) == []


async def test_what_is_replaced_is_destroyed(school: School, drive: NativeDrive, folder: Ref) -> None:
    await put(drive, folder, "a.bin", DATA)
    made = await put(drive, folder, "A.bin", b"new", on_conflict=REPLACE)
    await school.vault.sweep(100)
    assert len(school.blobs()) == 1
    assert made.name == "a.bin"
    assert (await rows(school))["native_versions"] == 1


async def test_a_running_read_of_a_replaced_file_says_so(drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    async with drive.read(made.ref) as read:
        pieces = aiter(read)
        await anext(pieces)
        await put(drive, folder, "a.bin", b"new", on_conflict=REPLACE)
        with pytest.raises(Changed):
            async for _ in pieces:
                pass


async def test_the_hash_is_the_same_with_and_without_memory(school: School, folder: Ref) -> None:
    shared = Digests()
    for name, keep in (("a", True), ("b", False)):
        drive = school.drive(digests=shared)
        session = await drive.begin(new_file(folder, name, len(DATA)))
        progress = await push(drive, session, DATA, piece=300_000, pieces=3)
        other = school.drive(digests=shared if keep else None)
        progress = await push(other, session, DATA, progress.offset, piece=300_000)
        assert progress.done is not None
        assert progress.done.hashes["sha256"] == hashlib.sha256(DATA).digest()


@pytest.mark.both
async def test_an_abandoned_upload_ends_after_a_week(school: School, drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "late.bin", len(DATA)))
    await push(drive, session, DATA, piece=300_000, pieces=2)
    done = await put(drive, folder, "done.bin", b"done")
    assert await native.tidy(school.vault, school.database, 10) == 0
    school.database.ahead = WEEK + 1000
    with pytest.raises(SessionLost):
        await drive.progress(session)
    assert await native.tidy(school.vault, school.database, 10) == 2
    await school.vault.sweep(10)
    assert len(school.blobs()) == 1
    assert await get(drive, done.ref) == b"done"


@pytest.mark.both
async def test_a_file_made_in_the_last_moment_is_not_tidied_away(
    school: School, drive: NativeDrive, folder: Ref, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await drive.begin(new_file(folder, "late.bin", len(DATA)))
    blocker = await put(drive, folder, "late.bin", b"first")
    with pytest.raises(NameTaken):
        await push(drive, session, DATA)
    await drive.delete(blocker.ref)
    honest, made = school.database.write, []

    @asynccontextmanager
    async def write() -> AsyncIterator[AsyncConnection]:
        """The upload's end, told before its time was over, is committed just before the sweeper's own change."""
        monkeypatch.setattr(school.database, "write", honest)
        school.database.ahead = 0
        made.append((await drive.progress(session)).done)
        school.database.ahead = WEEK + 1000
        async with honest() as tx:
            yield tx

    school.database.ahead = WEEK + 1000
    monkeypatch.setattr(school.database, "write", write)
    await native.tidy(school.vault, school.database, 10)
    await school.vault.sweep(10)
    assert made[0] is not None
    assert await get(drive, made[0].ref) == DATA


async def test_a_session_of_somebody_else_or_of_nobody(school: School, drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "mine.bin", 5))
    other = await school.enrol(Scope("riverside", "mia"))
    nonsense = UploadSession("native", b"\xff\0nonsense", session.spec)
    for thief, stolen in ((other, session), (drive, nonsense)):
        with pytest.raises(SessionLost):
            await thief.progress(stolen)
        with pytest.raises(SessionLost):
            await thief.send(stolen, 0, chunks(b"12345"), 5, last=True)
        await thief.abort(stolen)
    assert (await push(drive, session, b"12345")).done is not None


async def test_after_an_abort_the_finished_file_stays(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "done.bin", 5))
    done = (await push(drive, session, b"12345")).done
    await drive.abort(session)
    assert done is not None
    assert await get(drive, done.ref) == b"12345"


async def test_a_success_that_was_deleted_since_is_not_reported(drive: NativeDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "done.bin", 5))
    done = (await push(drive, session, b"12345")).done
    assert done is not None
    await drive.delete(done.ref)
    with pytest.raises(SessionLost):
        await drive.progress(session)
