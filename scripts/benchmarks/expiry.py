"""The rows about expiry: a million cached copies that end at the same moment, and somebody who asks meanwhile.

The rows are written before the gateway starts, as filling the cache writes them; a share of them has its sealed bytes
on disk. The gateway is a process of its own; nothing in it is told that it is being measured.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Column, insert, select
from tour import Browser

from benchmarks import targets
from benchmarks.asking import asking, told
from benchmarks.postgresql import postgresql
from benchmarks.rows import Measured, Row
from benchmarks.usage import Elsewhere, measured
from benchmarks.world import TEACHER, World, gateway, profile
from cache.catalog import graves, objects
from cache.keys import bucket_of, new_key
from cache.model import Scope
from cache.sealing import FORMAT, SEGMENT, Sealer, stream_aad
from gateway.app import deployment
from gateway.db.engine import Database
from gateway.db.tables_files import cached_files
from gateway.ids import new_id
from tests.gateway.api.live import settings

COPIES = 1_000_000
ON_DISK = 20
"""One copy of so many has its sealed bytes on disk."""
PEOPLE = 1_000
SIZE = 4096
FACTS = f'{{"item": "{64 * "i"}", "name": "{40 * "n"}", "media_type": "application/pdf"}}'
AT_ONCE = 5_000
HOUR = 3_600_000
LOOK = 1.0
IDLE = 10.0
"""Seconds of asking when everything is over."""
PATIENCE = 3_600.0
"""Seconds after which the row is given up."""


async def _plant(world: World, folder: Path, url: str, blobs: Path) -> None:
    """The copies: a row of the vault and one of the index each. Their end was a second ago."""
    boxes = {"google": world.origin("google"), "microsoft": world.origin("microsoft"), "launchpad": world.launchpad}
    chosen = settings(folder, 0, boxes).model_copy(update={"database_url": SecretStr(url)})
    async with deployment(chosen) as made:
        vault, database = made.services.vault, made.services.database
        school = made.services.schools.find(world.launchpad, "riverside")
        assert school is not None
        people = {}
        for scope in [Scope(school.id, new_id()) for _ in range(PEOPLE)]:
            async with database.write() as tx:
                await vault.enrol(tx, scope)
            people[scope.owner] = (await vault.fields(scope)).seal("cached_files", "facts", "a copy", FACTS)
        ends = await database.now() - 1000
        for _ in range(0, COPIES, AT_ONCE):
            names = [secrets.token_hex(16) for _ in range(AT_ONCE)]
            rows = zip(*_rows(names, school.id, people, ends), strict=True)
            await asyncio.to_thread(_store, blobs, school.id, names[::ON_DISK])
            async with database.write() as tx:
                for table, some in zip((objects, cached_files), rows, strict=True):
                    await tx.execute(insert(table), list(some))


def _rows(
    names: list[str], school: str, people: Mapping[str, bytes], ends: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    sealed = {"life": "cache", "format": FORMAT, "segment": SEGMENT, "key_version": 1, "expiry_version": 1}
    same = {"size": SIZE, "stored": ends - HOUR, "ends": ends}
    for name, (person, facts) in zip(names, cycle(people.items()), strict=False):
        yield (
            {
                **sealed, **same, "id": name, "tenant": school, "subject": person, "bucket": bucket_of(ends),
                "box": secrets.token_bytes(60), "used": ends - HOUR,
            },
            {
                **same, "id": new_id(), "school": school, "person": person, "drive": person, "object": name,
                "lookup": secrets.token_bytes(32), "facts": facts,
            },
        )  # fmt: skip


def _store(blobs: Path, school: str, names: list[str]) -> None:
    for name in names:
        sealer, shelf = Sealer(new_key(), stream_aad(school, name)), blobs / name[:2]
        shelf.mkdir(parents=True, exist_ok=True)
        (shelf / name).write_bytes(b"".join([*sealer.update(bytes(SIZE)), sealer.finish()]))


async def _gone(url: str) -> float:
    """When no copy was left: no row of either table, no blob to delete."""
    async with asyncio.timeout(PATIENCE), Database(url, beside=True) as database:
        for first in (objects.c.ends, cached_files.c.ends, graves.c.since):
            await _none(database, first)
    return time.monotonic()


async def _none(database: Database, first: Column[int]) -> None:
    """Wait until the table is empty. ``first``: an indexed column, so that a look costs next to nothing."""
    while True:
        async with database.read() as tx:
            if (await tx.execute(select(first).order_by(first).limit(1))).first() is None:
                return
        await asyncio.sleep(LOOK)


@asynccontextmanager
async def _database(kind: str, folder: Path) -> AsyncIterator[str]:
    with postgresql() if kind == "postgresql" else nullcontext(f"sqlite:///{folder / 'expiry.db'}") as url:
        yield url


async def _measure(kind: str, world: World) -> Measured:
    result, folder = Measured("ms"), world.folder / f"expiry-{kind}"
    folder.mkdir()
    async with _database(kind, folder) as url, AsyncExitStack() as stack:
        blobs = folder / "gateway" / "blobs"
        await _plant(world, folder, url, blobs)
        elsewhere, started = Elsewhere(), time.monotonic()
        served, address = await gateway(world, stack, folder, {"FILE_ACCESS_DATABASE_URL": url})
        browser = await stack.enter_async_context(Browser(address))
        async with measured({"ours": served.pid}) as cost, profile(served) as seen:
            await browser.sign_in("riverside", TEACHER.partition("@")[0])
            async with asking(browser) as waits:
                gone = await _gone(url)
        remarks = elsewhere.told(cost.cpu["ours"])
        async with asking(browser) as idle:
            await asyncio.sleep(IDLE)
        left = await asyncio.to_thread(lambda: sum(path.is_file() for path in blobs.rglob("*")))
        assert left == 0, f"{left} blobs are left"
    result.ours, result.cpu_s = targets.percentile(waits, 0.99) * 1000, cost.cpu
    result.notes += [f"{COPIES:,} copies were gone after {gone - started:.0f} s, {COPIES / (gone - started):,.0f}/s"]
    result.notes += [told(waits), f"when nothing ends: {told(idle)}", *remarks]
    result.judged(targets.expiring(result.ours), seen[0])
    return result


def _row(name: str, kind: str, called: str) -> Row:
    words = f"{COPIES:,} cached copies end at once on {called}, every {ON_DISK}th with its sealed bytes on disk"
    return Row(name, f"{words}; GET /v1/me every 50 ms meanwhile", "p99 ≤ 50 ms", partial(_measure, kind))


ROWS = (_row("expiry", "postgresql", "PostgreSQL"), _row("expiry-sqlite", "sqlite", "SQLite"))
