"""A process that dies over its work, at one step of it, and the next process, which finishes that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import func, select

from cache.expiry import MemoryExpiry
from gateway.db.tables_erasure import erasures
from gateway.erasure.model import DONE
from gateway.forgetting import Forgetting
from tests.gateway.erasure.conftest import ROOT, World
from tests.gateway.erasure.mortal import Killed, Life, Mortal, MortalDatabase
from tests.gateway.vaults import open_vault

Work = Callable[[Forgetting], Awaitable[object]]


async def lived(world: World, expiry: MemoryExpiry, life: Life, work: Work) -> bool:
    """A process that begins ``work`` and runs until it is done, or dead: whether it died."""
    database: Any = MortalDatabase(world.database, life)
    outside, world.outside = world.outside, Mortal(world.outside, life, ["give_back"])  # type: ignore[assignment]
    async with open_vault(world.database, world.folder, ROOT, expiry) as vault:
        blobs: Any = Mortal(vault._blobs, life, ["remove"])
        vault._blobs = vault._sweep._blobs = blobs
        vault._database = vault._sweep._database = vault._keyring._database = database
        made = world.process(database, vault)
        journal: Any = Mortal(made.restorer._journal, life, ["append_all"])
        made.restorer._journal = journal
        await world.started(made)
        life.counting = True
        with suppress(Killed):
            await work(made)
            while not life.over and await unfinished(world):
                await asyncio.sleep(0.005)
        died, life.over = life.over, True  # whatever still runs of it ends here
        for end in (made.eraser.close, made.restorer.close):
            with suppress(Killed):
                await end()
        world.made.clear()
    world.outside = outside
    return died


async def unfinished(world: World) -> int:
    async with world.database.read() as tx:
        return int((await tx.execute(select(func.count()).where(erasures.c.step != DONE))).scalar_one())


async def finished(world: World, sweep: Work) -> None:
    """The next process, which lives; ``sweep`` does what its sweeper would."""
    made = await world.started()
    for _ in range(1000):
        await sweep(made)
        if not await unfinished(world):
            break
        await asyncio.sleep(0.005)
    else:
        raise AssertionError("not finished")
    await world.close()
