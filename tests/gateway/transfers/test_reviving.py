"""Jobs that are paused, resumed, and tried again: nothing is done twice, and the report still adds up."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from gateway.db.tables_work import items
from gateway.jobs.model import JobState
from providers.drive import Kind
from providers.errors import NotFound, Offline, QuotaFull
from tests.gateway.transfers.filedrive import UNIT, Trip, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House

pytestmark = pytest.mark.both


async def retry(house: House, job: str, person: str = PERSON) -> int:
    async with house.database.write() as tx:
        opened = await house.jobs.retry(tx, SCHOOL, person, job)
    house.jobs.wake(job)
    return opened


async def test_what_failed_is_tried_again_and_nothing_else(house: House) -> None:
    files = [house.left.put("top", f"{number}.txt", str(number).encode()) for number in range(4)]
    for nth in (2, 3):
        house.trip.fail("begin", nth, QuotaFull)
    async with house.working():
        job = await house.transfers.create(house.order("move", *files))
        assert (await house.ended(job)).counts.failed == 2
        begun = house.trip.calls["begin"]
        assert await retry(house, job, "somebody-else") == 0
        assert await retry(house, job) == 2
        view = await house.ended(job)
    assert (view.state, view.counts.found, view.counts.copied, view.counts.failed) == (JobState.DONE, 4, 4, 0)
    assert house.right.tree() == {f"{number}.txt": str(number).encode() for number in range(4)}
    assert (house.trip.calls["begin"] - begun, house.left.tree()) == (2, {})
    assert await retry(house, job) == 0


async def test_a_folder_that_failed_is_tried_again_with_all_below(house: House) -> None:
    top = house.left.folder("top", "Class")
    house.left.put(house.left.folder(top, "Inner"), "in.txt", b"in")
    house.trip.fail("make_folder", 1, QuotaFull)
    async with house.working():
        job = await house.transfers.create(house.order("move", top))
        assert (await house.ended(job)).counts.failed == 3
        assert await retry(house, job) == 3
        view = await house.ended(job)
    assert (view.state, view.counts.copied, view.counts.found) == (JobState.DONE, 3, 3)
    assert (house.right.tree(), house.left.tree()) == ({"Class": {"Inner": {"in.txt": b"in"}}}, {})


async def test_a_listing_that_failed_goes_on_and_the_folder_is_cleaned(house: House) -> None:
    top = house.left.folder("top", "Big")
    for number in range(7):
        house.left.put(top, f"{number}.txt", str(number).encode())
    house.left.trip = Trip()
    for nth in range(2, 50):  # the first page is listed, nothing after it
        house.left.trip.fail("children", nth, NotFound)
    async with house.working():
        job = await house.transfers.create(house.order("move", top))
        assert (await house.ended(job)).counts.failed == 1
        assert len(house.left.tree()["Big"]) == 4
        house.left.trip = Trip()
        assert await retry(house, job) == 1
        view = await house.ended(job)
    assert (view.counts.failed, view.counts.copied, view.counts.found) == (0, 8, 8)
    assert house.left.tree() == {}
    assert len(house.right.tree()["Big"]) == 7


async def test_what_can_never_be_done_keeps_its_reason(house: House) -> None:
    house.left.put(top := house.left.folder("top", "Mixed"), "a.txt", b"a")
    house.left.put(top, "Notes", kind=Kind.PACKAGE)
    real = house.left._entry
    harmful = frozenset({"malware"})

    def flagged(row: object) -> object:
        entry = real(row)  # type: ignore[arg-type]  # a row as the drive itself has it
        if entry.name == "a.txt":
            object.__setattr__(entry, "flags", harmful)
        return entry

    house.left._entry = flagged  # type: ignore[method-assign, assignment]  # the provider says so
    async with house.working():
        job = await house.transfers.create(house.order("copy", top))
        await house.ended(job)
        assert await retry(house, job) == 1
        view = await house.ended(job)
    report = await house.report(job)
    assert (report["Mixed/a.txt"].reason, report["Mixed/Notes"].reason) == ("malware", "unsupported")
    assert (view.counts.failed, view.counts.unsupported, view.counts.found) == (1, 1, 3)


async def test_a_paused_job_stands_still_and_goes_on_where_it_was(house: House) -> None:
    data = body("large", 24 * UNIT)
    files = [house.left.put("top", "large.bin", data), house.left.put("top", "small.bin", b"s")]
    arrived, go = asyncio.Event(), asyncio.Event()
    real = house.right.send

    async def slow(*what: object, **how: object) -> object:
        done = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        if house.trip.calls["send"] >= 3:
            arrived.set()
            await go.wait()
        return done

    house.right.send = slow  # type: ignore[method-assign, assignment]  # the provider takes its time
    async with house.working():
        job = await house.transfers.create(house.order("move", *files))
        await arrived.wait()
        async with house.database.write() as tx:
            assert await house.jobs.pause(tx, SCHOOL, PERSON, job)
            assert not await house.jobs.pause(tx, SCHOOL, PERSON, job)
        async with asyncio.timeout(10):
            while (held := await _running(house)) or house.trip.calls["send"] < 3:
                await asyncio.sleep(0.05 if held else 0)
        view = await house.jobs.get(SCHOOL, PERSON, job)
        assert view is not None
        assert (view.state, view.ended) == (JobState.PAUSED, None)
        sent = house.trip.calls["send"]
        go.set()
        await asyncio.sleep(0.3)
        assert house.trip.calls["send"] == sent, "nothing is taken up"
        async with house.database.write() as tx:
            assert await house.jobs.resume(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        view = await house.ended(job)
    assert (view.state, view.counts.copied) == (JobState.DONE, 2)
    assert house.right.tree() == {"large.bin": data, "small.bin": b"s"}
    assert house.trip.calls["begin"] == 2, "the upload under way was gone on with"


async def test_a_pause_that_nobody_saw_lets_go_of_the_piece_in_the_air(house: House) -> None:
    """Paused and resumed in one breath: the upload goes on from what has arrived, not from what is still held."""
    data = body("large", 24 * UNIT)
    file = house.left.put("top", "large.bin", data)
    held = asyncio.Event()
    real = house.right.send

    async def holds(*what: object, **how: object) -> object:
        done = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        if house.trip.calls["send"] == 2:
            held.set()
            await asyncio.Event().wait()
        return done

    house.right.send = holds  # type: ignore[method-assign, assignment]  # one answer never comes
    async with house.working():
        job = await house.transfers.create(house.order("move", file))
        await held.wait()
        async with house.database.write() as tx:
            assert await house.jobs.pause(tx, SCHOOL, PERSON, job)
            assert await house.jobs.resume(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        view = await house.ended(job)
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    assert (house.right.tree(), house.left.tree()) == ({"large.bin": data}, {})
    assert house.trip.calls["begin"] == 1, "in the same session"


async def _running(house: House) -> int:
    async with house.database.read() as tx:
        query = select(func.count()).where(items.c.state == "running")
        return int((await tx.execute(query)).scalar_one())


async def test_a_paused_job_can_be_cancelled(house: House) -> None:
    file = house.left.put("top", "a.txt", b"a")
    order = house.order("move", file)
    job = await house.transfers.create(order)
    async with house.database.write() as tx:
        assert await house.jobs.pause(tx, SCHOOL, PERSON, job)
    async with house.working():
        async with house.database.write() as tx:
            assert await house.jobs.cancel(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        view = await house.ended(job)
        assert await retry(house, job) == 0
    assert (view.state, view.counts.skipped, house.right.tree()) == (JobState.CANCELLED, 1, {})


async def test_a_retry_after_a_lost_answer_makes_no_twin(house: House) -> None:
    file = house.left.put("top", "a.bin", body("a", 6 * UNIT))
    for nth in range(1, 40):
        house.trip.fail("send", nth, Offline)
        house.trip.fail("progress", nth, Offline)
    async with house.working():
        job = await house.transfers.create(house.order("copy", file))
        assert (await house.ended(job)).counts.failed == 1
        house.trip._errors.clear()
        await retry(house, job)
        view = await house.ended(job)
    assert (view.counts.copied, house.right.tree()) == (1, {"a.bin": body("a", 6 * UNIT)})
