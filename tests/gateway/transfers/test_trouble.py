"""What goes wrong on the way: lost answers make no twins, lost sessions no loss, changed files no mixture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.db.engine import Database
from gateway.db.tables_work import lanes
from gateway.jobs.model import ItemState, JobState
from gateway.jobs.service import lane
from gateway.transfers import Conflict
from providers.drive import Kind
from providers.errors import Busy, NameTaken, Offline, QuotaFull, SessionLost, Untrusted
from tests.gateway.transfers.filedrive import LOOSE, STRICT, UNIT, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House, open_house

pytestmark = pytest.mark.both


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("error", [Offline, SessionLost, Untrusted])
async def test_a_lost_answer_makes_no_twin(house: House, nth: int, error: type[Exception]) -> None:
    data = body("file", 10 * UNIT + 5)
    file = house.left.put("top", "file.bin", data)
    house.trip.fail("send", nth, error, after=True)
    view, _ = await house.do(house.order("copy", file))
    assert house.right.tree() == {"file.bin": data}
    assert view.counts.copied == 1


async def test_a_session_lost_after_its_file_was_made_is_found_again(house: House) -> None:
    data = body("file", 10 * UNIT)
    file = house.left.put("top", "file.bin", data)

    def lost() -> Exception:
        house.right.lose_sessions()
        return Offline()

    house.trip.fail("send", 3, lost, after=True)
    view, report = await house.do(house.order("move", file))
    assert house.right.tree() == {"file.bin": data}
    assert report["file.bin"].renamed_to is None
    assert house.left.trashed() == ["file.bin"]
    assert view.counts.copied == 1


async def test_a_session_lost_after_the_end_makes_no_second_of_a_name(database: Database, tmp_path: Path) -> None:
    """Where names are not unique nothing else would stop it."""
    async with open_house(database, tmp_path, left=STRICT, right=LOOSE) as house:
        data = body("file", 10 * UNIT)
        file = house.left.put("top", "file.bin", data)

        def lost() -> Exception:
            house.right.lose_sessions()
            return Offline()

        house.trip.fail("send", 3, lost, after=True)
        view, report = await house.do(house.order("move", file))
        assert house.right.tree() == {"file.bin": data}
        assert (view.counts.copied, report["file.bin"].renamed_to) == (1, None)
        assert house.left.trashed() == ["file.bin"]


async def test_a_name_taken_by_ones_own_lost_success_is_no_conflict(house: House) -> None:
    """A drive that was asked twice, because its first answer was lost, says that the name is taken: by that file."""
    data = body("file", 10 * UNIT)
    file = house.left.put("top", "file.bin", data)
    house.trip.fail("send", 3, NameTaken, after=True)
    view, report = await house.do(house.order("move", file, conflict=Conflict.FAIL))
    assert house.right.tree() == {"file.bin": data}
    assert (view.counts.copied, report["file.bin"].reason) == (1, None)
    assert house.left.trashed() == ["file.bin"]


async def test_a_session_lost_halfway_begins_again(house: House) -> None:
    data = body("file", 10 * UNIT)
    file = house.left.put("top", "file.bin", data)

    def lost() -> Exception:
        house.right.lose_sessions()
        return SessionLost()

    house.trip.fail("send", 2, lost)
    await house.do(house.order("copy", file))
    assert house.right.tree() == {"file.bin": data}


async def test_a_folder_whose_answer_was_lost_is_not_made_twice(house: House) -> None:
    top = house.left.folder("top", "Once")
    house.left.put(top, "in.txt", b"x")
    house.trip.fail("make_folder", 1, Offline, after=True)
    view, report = await house.do(house.order("copy", top))
    assert house.right.tree() == {"Once": {"in.txt": b"x"}}
    assert report["Once"].renamed_to is None
    assert view.counts.copied == 2


async def test_a_drive_without_unique_names_gets_no_second_of_a_name(database: Database, tmp_path: Path) -> None:
    async with open_house(database, tmp_path, left=STRICT, right=LOOSE) as house:
        file = house.left.put("top", "report.txt", b"new")
        top = house.left.folder("top", "Week")
        house.right.put("top", "report.txt", b"old")
        house.right.folder("top", "Week")
        house.trip.fail("make_folder", 1, Offline, after=True)
        house.trip.fail("send", 1, Offline, after=True)
        await house.do(house.order("copy", file, top))
        assert house.right.tree() == {"report.txt": b"old", "Week": {}, "report (2).txt": b"new", "Week (2)": {}}


async def test_a_file_that_changes_on_the_way_starts_again_whole(house: House) -> None:
    file = house.left.put("top", "draft.bin", body("first", 10 * UNIT))
    second = body("second", 6 * UNIT + 3)

    def changed() -> Exception:
        house.left.change(file, second)
        return Offline()

    house.trip.fail("piece", 6, changed)
    view, report = await house.do(house.order("move", file))
    assert house.right.tree() == {"draft.bin": second}
    assert (report["draft.bin"].size, view.bytes_total, view.bytes_done) == (len(second),) * 3
    assert house.right.sessions() == 0
    assert house.left.trashed() == ["draft.bin"]


async def test_a_file_that_never_rests_is_reported(house: House) -> None:
    file = house.left.put("top", "log.bin", body("0", UNIT))

    def changed() -> Exception:
        house.left.change(file, body(str(house.trip.calls["begin"]), UNIT))
        return Offline()

    for nth in range(1, 20):
        house.trip.fail("piece", nth, changed)
    view, report = await house.do(house.order("move", file))
    assert (view.state, report["log.bin"].reason) == (JobState.FAILED, "keeps_changing")
    assert house.right.tree() == {}
    assert house.left.trashed() == []


async def test_a_source_changed_after_it_was_copied_is_kept(house: House) -> None:
    file = house.left.put("top", "late.txt", b"first")

    def changed() -> Exception:
        house.left.change(file, b"second")
        return Offline()

    house.trip.fail("trash", 1, changed)
    _, report = await house.do(house.order("move", file))
    assert (report["late.txt"].state, report["late.txt"].reason) == (ItemState.COPIED, "source_changed")
    assert house.left.tree() == {"late.txt": b"second"}
    assert house.right.tree() == {"late.txt": b"first"}


@pytest.mark.parametrize("how", ["deleted", "changed"])
async def test_a_copy_that_is_gone_by_the_time_of_the_trash_keeps_its_source(house: House, how: str) -> None:
    """Between the proof and the removal there may be an outage of days: the proof is looked at once more."""
    file = house.left.put("top", "only.txt", b"the only one")

    def gone() -> Exception:
        (copy,) = [row["id"] for row in house.right._children("top")]
        if how == "changed":
            house.right.change(copy, b"another")
        else:
            house.right._db.execute("DELETE FROM items WHERE id=?", (copy,))
        return Offline()

    house.trip.fail("trash", 1, gone)
    _, report = await house.do(house.order("move", file))
    assert report["only.txt"].reason == "copy_gone"
    assert house.left.tree() == {"only.txt": b"the only one"}
    assert house.left.trashed() == []


@pytest.mark.parametrize("since", ["none", "another"])
async def test_a_spool_whose_key_died_is_made_anew_and_never_spliced(house: House, tmp_path: Path, since: str) -> None:
    """Also where its five minutes have another key by then."""
    document = house.left.put("top", "Plan", body("plan", 9 * UNIT), Kind.DOCUMENT, "application/doc")

    def forgotten() -> Exception:
        for key in (tmp_path / "expiry").rglob("*"):
            if key.is_file() and since == "none":
                key.unlink()
            elif key.is_file():
                key.write_bytes(bytes(range(32)))
        return Offline()

    house.trip.fail("send", 2, forgotten)
    view, _ = await house.do(house.order("move", document))
    assert view.counts.copied == 1
    assert house.trip.calls["read"] >= 1
    made = house.right.tree()["Plan.docx"]
    assert made.count(b"export ") == 1
    assert made.endswith(body("plan", 9 * UNIT))
    assert house.left.trashed() == ["Plan"]


async def test_a_full_drive_ends_its_items_with_the_reason(house: House) -> None:
    files = [house.left.put("top", f"{number}.txt", b"x") for number in range(3)]
    for nth in (2, 3):
        house.trip.fail("begin", nth, QuotaFull)
    view, report = await house.do(house.order("move", *files))
    assert sorted(item.reason or "" for item in report.values()) == ["", "quota_full", "quota_full"]
    assert len(house.left.trashed()) == 1
    assert (view.counts.copied, view.counts.failed) == (1, 2)


@pytest.mark.parametrize("verb", ["send", "begin", "read", "children", "stat"])
async def test_a_throttled_drive_parks_its_lane_and_costs_no_attempt(house: House, verb: str) -> None:
    top = house.left.folder("top", "Many")
    for number in range(4):
        house.left.put(top, f"{number}.bin", body(str(number), 6 * UNIT))
    order = house.order("copy", top)
    first = await house.transfers.check(order)
    begun = house.trip.calls[verb]
    for nth in (1, 2, 3, 4, 5, 6, 7, 8):
        house.trip.fail(verb, begun + nth, lambda: Busy(retry_after=0.05))
    async with house.database.write() as tx:
        job = await house.transfers.store(tx, order, first)
    async with house.working():
        view = await house.ended(job)
    assert (view.counts.found, view.counts.copied) == (5, 5)
    assert house.right.tree() == {"Many": {f"{n}.bin": body(str(n), 6 * UNIT) for n in range(4)}}


async def test_a_busy_source_halfway_is_waited_for_and_nothing_is_read_twice(house: House) -> None:
    data = body("long", 12 * UNIT)
    file = house.left.put("top", "long.bin", data)
    house.trip.fail("piece", 7, lambda: Busy(retry_after=0.1))
    await house.do(house.order("copy", file))
    assert house.right.tree() == {"long.bin": data}
    read = sum(int(span.split("-")[1]) - int(span.split("-")[0]) for _, span in house.trip.log)
    assert read <= len(data) + 4 * UNIT, "at most the running piece is read again"
    query = select(lanes.c.not_before).where(lanes.c.id == lane(SCHOOL, PERSON, "left"))
    async with house.database.read() as tx:
        assert (await tx.execute(query)).scalar_one() > 0


async def test_cancel_stops_both_legs_and_frees_what_is_held(house: House) -> None:
    files = [house.left.put("top", f"{n}.bin", body(str(n), 8 * UNIT)) for n in range(3)]
    document = house.left.put("top", "Plan", body("plan", UNIT), Kind.DOCUMENT, "application/doc")
    reading, stopped = asyncio.Event(), asyncio.Event()
    real = house.left._pieces

    async def stuck(*where: object) -> AsyncIterator[bytes]:
        async for piece in real(*where):  # type: ignore[arg-type]  # as the drive calls it
            yield piece
            reading.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

    house.left._pieces = stuck  # type: ignore[method-assign, assignment]  # a download that stalls
    async with house.working():
        job = await house.transfers.create(house.order("move", *files, document))
        await reading.wait()
        async with house.database.write() as tx:
            assert await house.jobs.cancel(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        async with asyncio.timeout(60):
            await stopped.wait()
        view = await house.ended(job)
    assert (view.state, view.counts.skipped, view.counts.found) == (JobState.CANCELLED, 4, 4)
    assert house.right.tree() == {}
    assert house.right.sessions() == 0
    assert house.left.trashed() == []
