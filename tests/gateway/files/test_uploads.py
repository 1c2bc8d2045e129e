"""Uploads as sealed parts: what was acknowledged is safe, whatever breaks, and never counted twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_files import upload_parts, uploads
from gateway.files import uploads as room
from gateway.files.uploads import NoUpload, Part, TooMuch, Upload, UploadBusy, Uploads, UploadSpec, WrongOffset
from tests.gateway.files.conftest import LEO, MIA, always_active

SPEC = UploadSpec("folder", "Essay.txt", "text/plain", None, "rename")


class Sent:
    """What was handed on to the job."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.upload: Upload | None = None

    async def __call__(self, tx: AsyncConnection, upload: Upload, parts: list[Part]) -> str:
        assert self.upload is None, "an upload is sent on once"
        self.upload, self.parts = upload, parts
        return "job"


@pytest.fixture
def sent() -> Sent:
    """Nothing yet."""
    return Sent()


@pytest.fixture
def room_of_uploads(vault: Vault, database: Database, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    """Uploads in parts of 100 kB."""
    monkeypatch.setattr(room, "PART", 100_000)
    return Uploads(vault, database, sent, always_active)


async def pieces(body: bytes, *, breaks: bool = False) -> AsyncIterator[bytes]:
    """A body in pieces of 30 kB, perhaps of a connection that breaks."""
    for at in range(0, len(body), 30_000):
        yield body[at : at + 30_000]
    if breaks:
        raise ConnectionResetError


async def content(vault: Vault, parts: list[Part]) -> bytes:
    """The parts' plaintext, in order."""
    whole = b""
    for part in parts:
        async with vault.open(LEO, part.object) as opened:
            whole += b"".join([piece async for piece in opened])
    return whole


async def test_in_parts_and_sent_on_once(room_of_uploads: Uploads, vault: Vault, sent: Sent) -> None:
    """The parts, in order, are the file."""
    body = os.urandom(350_000)
    upload = await room_of_uploads.create(LEO, "drive", SPEC, len(body), "word")
    after = await room_of_uploads.append(LEO, upload.id, 0, pieces(body))
    assert (after.offset, after.state, after.job) == (350_000, "sending", "job")
    assert [part.size for part in sent.parts] == [100_000, 100_000, 100_000, 50_000]
    assert await content(vault, sent.parts) == body
    with pytest.raises(UploadBusy):
        await room_of_uploads.append(LEO, upload.id, 350_000, pieces(b"more"))


async def test_a_broken_connection_keeps_what_arrived(room_of_uploads: Uploads, vault: Vault, sent: Sent) -> None:
    """HEAD tells the offset; the next request goes on there."""
    body = os.urandom(250_000)
    upload = await room_of_uploads.create(LEO, "drive", SPEC, len(body), "word")
    with pytest.raises(ConnectionResetError):
        await room_of_uploads.append(LEO, upload.id, 0, pieces(body[:130_000], breaks=True))
    now = await room_of_uploads.get(LEO, upload.id)
    assert now.offset == 130_000
    await room_of_uploads.append(LEO, upload.id, now.offset, pieces(body[now.offset :]))
    assert await content(vault, sent.parts) == body


async def test_offsets_lengths_and_owners(room_of_uploads: Uploads, sent: Sent) -> None:
    """A wrong offset, too many bytes, somebody else: refused, nothing stored."""
    upload = await room_of_uploads.create(LEO, "drive", SPEC, 10, "word")
    with pytest.raises(WrongOffset) as wrong:
        await room_of_uploads.append(LEO, upload.id, 5, pieces(b"x"))
    assert wrong.value.offset == 0
    with pytest.raises(TooMuch):
        await room_of_uploads.append(LEO, upload.id, 0, pieces(b"x" * 11))
    with pytest.raises(NoUpload):
        await room_of_uploads.get(MIA, upload.id)
    with pytest.raises(NoUpload):
        await room_of_uploads.append(MIA, upload.id, 0, pieces(b"x"))
    assert (await room_of_uploads.get(LEO, upload.id)).offset == 0
    assert sent.upload is None


async def test_length_announced_later(room_of_uploads: Uploads, sent: Sent) -> None:
    """A stream of unknown length ends when its length is told, with the last bytes or after them."""
    upload = await room_of_uploads.create(LEO, "drive", SPEC, None, "word")
    await room_of_uploads.append(LEO, upload.id, 0, pieces(b"a" * 50))
    assert sent.upload is None
    with pytest.raises(TooMuch):
        await room_of_uploads.append(LEO, upload.id, 50, pieces(b""), length=49)
    done = await room_of_uploads.append(LEO, upload.id, 50, pieces(b""), length=50)
    assert (done.state, done.length) == ("sending", 50)


async def test_a_complete_upload_cannot_be_given_up(room_of_uploads: Uploads, vault: Vault, sent: Sent) -> None:
    """Whoever looked a moment before and saw it unfinished: its parts are the only copy, and a job sends them on."""
    upload = await room_of_uploads.create(LEO, "drive", SPEC, 10, "word")
    await room_of_uploads.append(LEO, upload.id, 0, pieces(b"x" * 10))
    with pytest.raises(UploadBusy):
        await room_of_uploads.cancel(LEO, upload.id)
    assert await content(vault, sent.parts) == b"x" * 10


async def test_an_upload_that_has_ended_takes_nothing_more(room_of_uploads: Uploads, database: Database) -> None:
    """Also before the sweep has come by."""
    upload = await room_of_uploads.create(LEO, "drive", SPEC, 10, "word")
    async with database.write() as tx:
        await tx.execute(uploads.update().values(ends=1))
    with pytest.raises(NoUpload):
        await room_of_uploads.append(LEO, upload.id, 0, pieces(b"x"))


async def test_an_empty_file_is_complete_at_once(room_of_uploads: Uploads, sent: Sent) -> None:
    """No bytes, no parts, a job all the same."""
    upload = await room_of_uploads.create(LEO, "drive", SPEC, 0, "word")
    assert upload.state == "sending"
    assert sent.parts == []


async def test_two_requests_at_once(room_of_uploads: Uploads, vault: Vault, sent: Sent) -> None:
    """One of them is refused; the bytes are there once."""
    body = os.urandom(300_000)
    upload = await room_of_uploads.create(LEO, "drive", SPEC, len(body), "word")
    tries = [room_of_uploads.append(LEO, upload.id, 0, pieces(body)) for _ in range(2)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, UploadBusy) for one in done) == 1
    assert await content(vault, sent.parts) == body


@pytest.mark.both
async def test_two_processes_at_once(vault: Vault, database: Database, sent: Sent) -> None:
    """The row's offset decides: the slower one's part is not kept."""
    first, second = (Uploads(vault, database, sent, always_active) for _ in range(2))
    upload = await first.create(LEO, "drive", SPEC, 1000, "word")
    done = await asyncio.gather(
        first.append(LEO, upload.id, 0, pieces(b"1" * 1000)),
        second.append(LEO, upload.id, 0, pieces(b"2" * 1000)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Upload) for one in done) == 1
    assert sum(isinstance(one, UploadBusy | WrongOffset) for one in done) == 1
    assert await content(vault, sent.parts) in (b"1" * 1000, b"2" * 1000)


async def test_cancel_destroy_and_sweep(room_of_uploads: Uploads, database: Database) -> None:
    """Given up, forgotten or too old: rows and parts are gone."""
    for _ in range(3):
        upload = await room_of_uploads.create(LEO, "drive", SPEC, 1000, "word")
        await room_of_uploads.append(LEO, upload.id, 0, pieces(b"x" * 10))
    await room_of_uploads.cancel(LEO, upload.id)
    async with database.write() as tx:
        await tx.execute(uploads.update().where(uploads.c.id != upload.id).values(ends=1))
    assert await room_of_uploads.sweep(1) == 1
    async with database.write() as tx:
        assert await room_of_uploads.destroy(tx, LEO) == 1
        assert (await tx.execute(select(func.count()).select_from(upload_parts))).scalar_one() == 0


@pytest.mark.parametrize(("took", "left"), [(23, 24), (0, 24)])
async def test_a_complete_upload_has_a_day_to_be_sent_on(
    room_of_uploads: Uploads, vault: Vault, sent: Sent, database: Database, monkeypatch: pytest.MonkeyPatch,
    took: int, left: int,
) -> None:  # fmt: skip
    """However late its last byte came: neither the parts nor the upload end before."""
    ahead, now = 0, database.now

    async def moved(tx: AsyncConnection | None = None) -> int:
        return await now(tx) + ahead

    monkeypatch.setattr(database, "now", moved)
    body = os.urandom(250_000)
    upload = await room_of_uploads.create(LEO, "drive", SPEC, len(body), "word")
    await room_of_uploads.append(LEO, upload.id, 0, pieces(body[:150_000]))
    ahead = took * 3_600_000
    await room_of_uploads.append(LEO, upload.id, 150_000, pieces(body[150_000:]))
    ahead = (took + left) * 3_600_000 - 60_000
    await vault.sweep(100)
    assert await room_of_uploads.sweep(100) == 0
    assert await content(vault, sent.parts) == body
    ahead += 120_000
    assert await room_of_uploads.sweep(100) == 1
