"""Uploads from a browser, safe in sealed parts, are sent on to their drive and verified like any transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cache.model import Life, Scope
from gateway.files.uploads import Part, Upload, UploadSpec
from gateway.jobs.model import ItemState, JobState
from providers.drive import NewFile, Ref, UploadSession
from providers.errors import Offline
from tests.gateway.transfers.filedrive import UNIT, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House

pytestmark = pytest.mark.both
MINE = Scope(SCHOOL, PERSON)


async def parts_of(house: House, *bodies: bytes) -> list[Part]:
    """Sealed parts, as an upload leaves them behind."""
    made: list[Part] = []
    ends = await house.database.now() + 3_600_000
    for data in bodies:
        async with house.vault.put(MINE, Life.PART, ends) as writer:
            await writer.write(data)
            sealed = await writer.finish()
            async with house.database.write() as tx:
                await writer.commit(tx)
        made.append(Part(sealed.id, sealed.size))
    return made


async def send_on(
    house: House,
    parts: Sequence[Part],
    name: str,
    conflict: str = "rename",
    *,
    convert: bool = False,
    modified: str | None = None,
) -> str:
    """The job of an upload that is complete."""
    spec = UploadSpec(str(Ref("", "top")), name, "text/plain", modified, conflict, convert)
    size = sum(part.size for part in parts)
    upload = Upload("u" * 32, SCHOOL, PERSON, "right", "i" * 32, spec, size, size, "sending", None, 0)
    async with house.database.write() as tx:
        job = await house.transfers.send_on(tx, upload, parts)
    house.jobs.wake(job)
    return job


async def test_an_upload_becomes_a_document_where_that_was_asked_for(house: House) -> None:
    house.right.traits = replace(house.right.traits, converts=frozenset({"text/plain"}))
    async with house.working():
        for convert in (True, False):
            job = await send_on(house, await parts_of(house, b"words"), "Essay.txt", convert=convert)
            view = await house.ended(job)
            [item] = (await house.report(job)).values()
            assert (view.state, item.reason) == (JobState.DONE, "converted" if convert else None)
    assert {row["name"]: row["kind"] for row in house.right._children("top")} == {
        "Essay": "document", "Essay.txt": "file"
    }  # fmt: skip


async def test_parts_arrive_as_one_file_and_are_destroyed(house: House) -> None:
    bodies = [body("one", 5 * UNIT + 3), body("two", 7), body("three", 9 * UNIT)]
    parts = await parts_of(house, *bodies)
    house.trip.fail("send", 2, Offline)
    house.trip.fail("send", 4, Offline, after=True)
    async with house.working():
        job = await send_on(house, parts, "a:b.txt")
        view = await house.ended(job)
    [item] = (await house.report(job)).values()
    assert house.right.tree() == {"a‛：b.txt": b"".join(bodies)}
    assert (view.kind, view.state, view.bytes_done) == ("upload", JobState.DONE, sum(map(len, bodies)))
    assert (item.state, item.renamed_to) == (ItemState.COPIED, "a‛：b.txt")
    assert item.destination is not None
    async with house.database.read() as tx:
        assert await house.vault.held(tx, MINE) == []


@pytest.mark.parametrize("stated", [None, "2026-01-02T03:04:05+00:00"])
async def test_a_drive_is_told_whether_anybody_stated_a_time(house: House, stated: str | None) -> None:
    begin, told = house.right.begin, list[NewFile]()

    async def noted(new: NewFile) -> UploadSession:
        told.append(new)
        return await begin(new)

    house.right.begin = noted  # type: ignore[method-assign]  # to see what it is told
    async with house.working():
        job = await send_on(house, await parts_of(house, b"words"), "notes.txt", modified=stated)
        assert (await house.ended(job)).state is JobState.DONE
    [new] = told
    assert new.dated is (stated is not None)
    assert stated in (None, new.modified.isoformat())


async def test_an_empty_upload_arrives(house: House) -> None:
    async with house.working():
        view = await house.ended(await send_on(house, [], "empty.txt"))
    assert view.state is JobState.DONE
    assert house.right.tree() == {"empty.txt": b""}


async def test_a_taken_name_is_refused_or_numbered(house: House) -> None:
    house.right.put("top", "there.txt", b"old")
    async with house.working():
        refused = await send_on(house, await parts_of(house, b"new"), "there.txt", "fail")
        assert (await house.ended(refused)).state is JobState.FAILED
        assert (await house.report(refused))["there.txt"].reason == "name_taken"
        await house.ended(await send_on(house, await parts_of(house, b"newer"), "there.txt"))
    assert house.right.tree() == {"there.txt": b"old", "there (2).txt": b"newer"}


async def test_parts_that_are_gone_are_said_to_be_lost(house: House) -> None:
    parts = await parts_of(house, b"one", b"two")
    async with house.database.write() as tx:
        await house.vault.destroy(tx, MINE, [parts[1].object])
    async with house.working():
        job = await send_on(house, parts, "lost.txt")
        view = await house.ended(job)
    assert view.state is JobState.FAILED
    assert (await house.report(job))["lost.txt"].reason == "source_lost"
    assert house.right.tree() == {}
    assert house.right.sessions() == 0
