"""kill -9 at every step of opening a hold, of an erasure that a hold keeps something back of, and of a release.

The next start finishes it: what is held is never lost before it is released, and never there after.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import func, insert, select

from cache.catalog import objects
from cache.expiry import MemoryExpiry
from cache.keyrows import is_shredded
from cache.model import Scope
from gateway.db.tables_erasure import erasures
from gateway.db.tables_holds import holds
from gateway.db.tables_people import persons
from gateway.erasure import eraser
from gateway.erasure.model import Asked, Target
from gateway.forgetting import Forgetting
from gateway.holds import Hold, State
from tests.gateway.erasure.conftest import World
from tests.gateway.erasure.deaths import finished, lived
from tests.gateway.erasure.mortal import Life
from tests.gateway.holds.conftest import drive, exported, files, opened, order
from tests.gateway.vaults import enrol
from tests.soak import stride

MOST = 400
STRIDES = {"sqlite": 5, "postgresql": 13}
HELD = {"files/Diary/Monday.txt": b"canary of monday", "files/Diary/Tuesday.txt": b"canary of tuesday" * 10_000}


class Story:
    """One death: a person of its own, what they have, and the hold on their folder."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.scope = Scope("school", name)
        self.hold: Hold
        self.folder = ""

    async def make(self, *, held: bool) -> None:
        """The person, the files, and where ``held`` the hold."""
        world = self.world
        async with world.database.write() as tx:
            row = {"id": self.scope.subject, "school": "school", "state": "active", "role": "student"}
            await tx.execute(insert(persons).values(**row))
        await enrol(world.database, world.vault, "school", self.scope.subject)
        self.folder = (await files(world, self.scope))["folder"].ref.id
        made = await world.started()
        what = order((self.folder,), person=self.scope.subject)
        if held:
            self.hold = await opened(world, made, what)
        else:
            self.hold = await world.holds.open(made.approvals, "school", "ada", what)
            assert self.hold.approval is not None
            await made.approvals.approve("school", "zoe", self.hold.approval)
        await world.close()


async def hold(story: Story, made: Forgetting) -> None:
    await settled(story.world, made)


async def person(story: Story, made: Forgetting) -> None:
    await made.eraser.begin(story.scope)


async def item(story: Story, made: Forgetting) -> None:
    who = str(story.scope.subject)
    await made.eraser.begin_item(story.scope, Target("native", story.folder), Asked(who), receipt=True)


async def release(story: Story, made: Forgetting) -> None:
    asked = await story.world.holds.release(made.approvals, "school", "ada", story.hold.id)
    assert asked.release is not None
    await made.orders.approve("school", "zoe", asked.release)
    await made.approvals.sweep(10)


async def settled(world: World, made: Forgetting) -> None:
    """What the sweeper does beside everything."""
    for _ in range(3):
        await made.approvals.sweep(10)
        await world.holds.opening.sweep(10)


ACTS: dict[str, Callable[[Story, Forgetting], Awaitable[None]]] = {
    "hold": hold, "person": person, "item": item, "release": release
}  # fmt: skip


@pytest.mark.both
@pytest.mark.parametrize("act", ACTS)
async def test_death_at_every_step(
    world: World, act: str, expiry: MemoryExpiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eraser, "LEASE", 0)
    for last in range(1, MOST, stride(STRIDES[world.database.dialect])):
        story = Story(world, f"{act}{last}")
        await story.make(held=act != "hold")
        died = await lived(world, expiry, Life(last), partial(ACTS[act], story))
        await finished(world, partial(settled, world))
        await right(story, act)
        if not died:
            assert last > 8
            return
    raise AssertionError("it never ends")


async def right(story: Story, act: str) -> None:
    """Held is held, released is gone, and of the person nothing is left but that."""
    world = story.world
    async with world.database.read() as tx:
        begun = select(erasures.c.scope).where(erasures.c.person == story.scope.subject)
        scopes = set((await tx.execute(begun)).scalars())
        state = (await tx.execute(select(holds.c.state).where(holds.c.id == story.hold.id))).scalar_one()
        dead = await is_shredded(tx, story.scope)
        let_go = await is_shredded(tx, story.hold.keeper)
        mine = select(objects.c.id).where(objects.c.subject == story.scope.subject)
        own = set((await tx.execute(mine)).scalars())
        theirs = select(objects.c.id).where(objects.c.subject == story.hold.keeper.owner)
        kept = set((await tx.execute(theirs)).scalars())
    if "released" in scopes:
        assert state == State.RELEASED
        assert kept == set()
        assert let_go
    else:
        assert state == State.OPEN
        assert not let_go
        assert len(kept) == 2
        assert await exported(world, story.hold) == HELD
    assert dead == ("person" in scopes)
    if dead:
        assert own == set()
    elif "item" in scopes:
        assert len(own) == 1
    else:
        assert len(own) == 3
        assert (await drive(world, story.scope).root()).id
    await nothing_else(world)


async def nothing_else(world: World) -> None:
    """No sealed bytes but those that a row needs. What a death left between a blob and its row ends after an hour."""
    async with world.database.read() as tx:
        query = select(func.coalesce(objects.c.blob, objects.c.id))
        needed = set((await tx.execute(query)).scalars())
    for path in world.blobs():
        if path.name not in needed:
            os.utime(path, (0, 0))
    while await world.vault.sweep(1000):
        pass
    assert {path.name for path in world.blobs()} == needed
