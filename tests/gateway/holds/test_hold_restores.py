"""An older copy of the database is put back: a hold holds again, and what was released, or forgotten, stays so."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from cache.errors import Shredded
from cache.expiry import MemoryExpiry
from cache.keyrows import is_shredded
from gateway.db.tables_erasure import erasures
from gateway.db.tables_holds import holds
from gateway.erasure.model import DONE, Asked, Target
from gateway.holds import State
from providers.errors import NotFound
from providers.native.kept import page
from tests.gateway.erasure.conftest import LEO, World
from tests.gateway.holds.conftest import (
    drive,
    ended,
    exported,
    files,
    lived_in,
    opened,
    order,
    release,
    restored,
    snapshot,
)

MONDAY, TUESDAY = b"canary of monday", b"canary of tuesday" * 10_000
HELD = {"files/Diary/Monday.txt": MONDAY, "files/Diary/Tuesday.txt": TUESDAY}


async def settled(world: World) -> None:
    for _ in range(4):
        await world.holds.opening.sweep(10)


async def erased(world: World) -> None:
    async with world.database.read() as tx:
        left = select(func.count()).where(erasures.c.step != DONE)
    for _ in range(600):
        async with world.database.read() as tx:
            if not (await tx.execute(left)).scalar_one():
                return

        await asyncio.sleep(0.02)
    raise AssertionError("not finished")


@pytest.mark.both
async def test_a_hold_that_an_older_copy_does_not_know_holds_again(world: World, expiry: MemoryExpiry) -> None:
    """With all that it says, before the person who was forgotten since is forgotten again."""
    there = await files(world)
    await world.started()
    await lived_in(world)
    copy = await snapshot(world)
    hold = await opened(world, world.made[-1], order((there["folder"].ref.id,)))
    await ended(world, world.made[-1])
    async with restored(world, expiry, copy):
        await settled(world)
        await erased(world)
        found = await world.holds.get("school", hold.id)
        assert (found.state, found.order, found.by) == (State.OPEN, hold.order, "ada")
        assert await exported(world, found) == HELD
        assert await world.state(LEO) == "erased"
        with pytest.raises(Shredded):
            await world.vault.fields(LEO)


@pytest.mark.both
async def test_what_was_released_stays_released(world: World, expiry: MemoryExpiry) -> None:
    """Its key is dead before anybody is served."""
    await files(world)
    made = await world.started()
    hold = await opened(world, made, order())
    copy = await snapshot(world)
    await ended(world, made)
    await release(world, made, hold)
    async with restored(world, expiry, copy):
        async with world.database.read() as tx:
            assert await is_shredded(tx, hold.keeper)
        with pytest.raises(Shredded):
            await page(world.vault, world.database, hold.keeper)
        await settled(world)
        await erased(world)
        assert (await world.holds.get("school", hold.id)).state is State.RELEASED
        assert world.blobs() == []


@pytest.mark.both
async def test_a_held_file_that_was_deleted_since_is_held_and_deleted_again(world: World, expiry: MemoryExpiry) -> None:
    """And one that was deleted before the hold began is not held, though the copy still has it."""
    there = await files(world)
    made = await world.started()
    copy = await snapshot(world)
    gone = Target("native", there["other"].ref.id)
    await world.receipt(await made.eraser.begin_item(LEO, gone, Asked("leo"), receipt=True))
    hold = await opened(world, made, order())
    held = Target("native", there["folder"].ref.id)
    await world.receipt(await made.eraser.begin_item(LEO, held, Asked("leo"), receipt=True))
    async with restored(world, expiry, copy):
        await settled(world)
        await erased(world)
        kept = await exported(world, hold)  # of the trash, where the second deletion was faster than the hold
        assert {path.partition("/")[2]: data for path, data in kept.items()} == {
            path.partition("/")[2]: data for path, data in HELD.items()
        }
        for name in ("folder", "monday", "other"):
            with pytest.raises(NotFound):
                await drive(world).stat(there[name].ref)


@pytest.mark.both
async def test_words_that_the_copy_cannot_read_keep_everything(
    world: World, expiry: MemoryExpiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather too much than too little: the school sees that it must look at it now."""
    there = await files(world)
    made = await world.started()
    copy = await snapshot(world)
    record = made.restorer.record

    async def unreadable(line: Any, also: Any = None) -> Any:

        return await record(replace(line, note=base64.b64encode(b"x" * 80).decode()), also)

    monkeypatch.setattr(made.restorer, "record", unreadable)
    hold = await opened(world, made, order((there["folder"].ref.id,)))
    async with restored(world, expiry, copy):
        await settled(world)
        found = await world.holds.get("school", hold.id)
        assert (found.state, found.order.items, found.by) == (State.OPEN, None, None)
        assert found.order.review <= await world.database.now()
        assert len(await exported(world, found)) == 3


@pytest.mark.both
async def test_a_crash_between_the_journal_and_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is there, the row does not know: the next start makes it so."""
    await files(world)
    made = await world.started()
    hold = await opened(world, made, order())
    await release(world, made, hold)

    async def dies(_tx: Any, _line: Any) -> None:
        raise OSError

    replays: Any = made.restorer._replays
    monkeypatch.setitem(replays, "hold", dies)
    with pytest.raises(AssertionError):
        await opened(world, made, order(reference="8/26"))
    await world.close()
    await world.started()
    assert not world.restored
    await settled(world)
    async with world.database.read() as tx:
        states = sorted((await tx.execute(select(holds.c.state))).scalars())
    assert states == ["open", "released"]
