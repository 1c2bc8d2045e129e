"""Who has lost an item touches nothing at a drive that its next owner needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from gateway.db.tables_work import items
from gateway.jobs.model import JobState
from providers.drive import Progress
from providers.errors import DriveError, NameTaken, Offline, Refused
from tests.gateway.transfers.filedrive import UNIT, body
from tests.gateway.transfers.support import House

pytestmark = pytest.mark.both


async def taken_over(house: House) -> None:
    """What is at work belongs to a process that is dead already: nobody holds it for long."""
    async with house.database.write() as tx:
        other = {"owner": "another process", "attempt": items.c.attempt + 1}
        await tx.execute(update(items).where(items.c.state == "running").values(**other))


@pytest.mark.parametrize("error", [NameTaken, Refused])
async def test_the_session_of_its_next_owner_is_not_ended(house: House, error: type[DriveError]) -> None:
    """A piece that is refused would end the session with the item, if the item were still this worker's."""
    data = body("large", 24 * UNIT)
    file = house.left.put("top", "large.bin", data)
    real = house.right.send

    async def refused(*what: object, **how: object) -> object:
        done = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        if house.trip.calls["send"] == 2:
            await taken_over(house)
            raise error
        return done

    house.right.send = refused  # type: ignore[method-assign, assignment]  # amid a piece
    async with house.working():
        view = await house.ended(await house.transfers.create(house.order("move", file)))
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    assert (house.right.tree(), house.left.tree()) == ({"large.bin": data}, {})
    assert (house.trip.calls["begin"], house.trip.calls["abort"]) == (1, 0), "it went on where it was"


async def test_the_file_that_its_next_owner_finds_is_not_taken_away(house: House) -> None:
    """What seems to have arrived otherwise than it was sent is trashed, if the item is still this worker's."""
    data = body("small", 3 * UNIT)
    file = house.left.put("top", "small.bin", data)
    real = house.right.send

    async def lied_to(*what: object, **how: object) -> Progress:
        progress = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        if progress.done is None or house.trip.calls["lie"]:
            return progress
        house.trip.call("lie")
        await taken_over(house)
        return replace(progress, done=replace(progress.done, size=1))

    house.right.send = lied_to  # type: ignore[method-assign]  # the answer to the last piece
    async with house.working():
        view = await house.ended(await house.transfers.create(house.order("move", file)))
    assert house.trip.calls["lie"] == 1
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    assert (house.right.tree(), house.left.tree()) == ({"small.bin": data}, {})
    assert house.right.trashed() == []


async def test_what_is_in_the_trash_has_not_arrived(house: House) -> None:
    """The answer to the last piece is lost, and somebody trashes the file before it is asked for: it is sent again."""
    data = body("small", 3 * UNIT)
    file = house.left.put("top", "small.bin", data)
    real = house.right.send

    async def trashed(*what: object, **how: object) -> Progress:
        progress = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        if progress.done is None or house.trip.calls["lost"]:
            return progress
        house.trip.call("lost")
        await house.right.trash(progress.done.ref)
        raise Offline

    house.right.send = trashed  # type: ignore[method-assign]  # the answer to the last piece
    async with house.working():
        view = await house.ended(await house.transfers.create(house.order("move", file)))
    assert house.trip.calls["lost"] == 1
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    assert house.right.tree() == {"small.bin": data}, "it is not only in the trash, on both sides"
