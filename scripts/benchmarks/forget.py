"""The row about forgetting: a person with very many files, from the request until nothing can be read, and until it is
all gone from disk. The gateway's own rooms on its embedded defaults, in this process; nobody is connected.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from benchmarks import targets
from benchmarks.inside import Inside
from benchmarks.rows import Measured, Row
from benchmarks.usage import Elsewhere
from benchmarks.world import World
from cache.catalog import objects
from cache.errors import Missing, Shredded
from cache.model import Scope
from gateway.api.services import Services
from gateway.app import deployment
from gateway.db.tables_erasure import erasures
from gateway.identity.people import Claims
from gateway.ids import new_id
from providers.drive import Ref
from providers.native import tables as native
from tests.conformance.base import put
from tests.gateway.api.live import settings

OBJECTS = 100_000
CONTENT = bytes(4096)
AT_ONCE = 2_000
_NOBODY = "http://127.0.0.1:9"
PATIENCE = 300.0
"""Seconds after which the row is given up."""


async def _person(services: Services) -> Scope:
    """Somebody of the first school who has just signed in."""
    issuer = services.settings.identity_providers[0].issuer
    school = services.schools.find(issuer, "riverside")
    assert school is not None
    claims = Claims(issuer, "benchmark", "student", "16_17", "Somebody", None, "en", 0)
    return Scope(school.id, await services.people.arrive(school, claims))


async def _plant(services: Services, scope: Scope, blobs: Path) -> str:
    """One file as the drive stores it, and as many like it: rows of their own, sealed bytes of their own on disk.

    The one file's object, by which is seen when nothing can be read any more.
    """
    drive = await services.drives._drive(scope, "native")  # noqa: SLF001  # without a ledger entry for each
    made = await put(drive, Ref("", (await drive.root()).id), "A file.bin", CONTENT)
    tables = (native.nodes, native.versions, native.parts, objects)
    async with services.database.read() as tx:
        part = (await tx.execute(select(native.parts))).mappings().one()
        which = (
            native.nodes.c.id == made.ref.id, native.versions.c.node == made.ref.id,
            native.parts.c.version == part["version"], objects.c.id == part["object"],
        )  # fmt: skip
        rows = [
            dict((await tx.execute(select(table).where(one))).mappings().one())
            for table, one in zip(tables, which, strict=True)
        ]
    sealed = await asyncio.to_thread((blobs / part["object"][:2] / part["object"]).read_bytes)
    for at in range(1, OBJECTS, AT_ONCE):
        copies = list(_copies(rows, min(AT_ONCE, OBJECTS - at)))
        await asyncio.to_thread(_store, blobs, [one[3]["id"] for one in copies], sealed)
        async with services.database.write() as tx:
            for table, some in zip(tables, zip(*copies, strict=True), strict=True):
                await tx.execute(insert(table), list(some))
    return str(part["object"])


def _copies(rows: list[dict[str, Any]], count: int) -> Iterator[tuple[dict[str, Any], ...]]:
    node, version, part, item = rows
    for _ in range(count):
        file, content, blob = new_id(), new_id(), new_id()
        yield (
            {**node, "id": file, "version": content, "name_index": None},
            {**version, "id": content, "node": file},
            {**part, "version": content, "object": blob},
            {**item, "id": blob},
        )


def _store(blobs: Path, names: list[str], sealed: bytes) -> None:
    for name in names:
        shelf = blobs / name[:2]
        shelf.mkdir(exist_ok=True)
        (shelf / name).write_bytes(sealed)


async def _until_unreadable(services: Services, scope: Scope, item: str) -> float:
    """When the first read failed because the keys were dead."""
    while True:
        try:
            async with services.vault.open(scope, item) as pieces:
                async for _ in pieces:
                    pass
        except (Shredded, Missing):
            return time.monotonic()
        await asyncio.sleep(0.01)


async def _until_gone(services: Services, erasure: str) -> float:
    """When blobs and rows were gone and the database's log was empty."""
    query = select(erasures.c.step).where(erasures.c.id == erasure)
    async with asyncio.timeout(PATIENCE):
        while True:
            async with services.database.read() as tx:
                step = (await tx.execute(query)).scalar_one()
            if step in ("erased", "done"):
                return time.monotonic()
            await asyncio.sleep(0.05)


async def _measure(world: World) -> Measured:
    result, elsewhere = Measured("objects/s"), Elsewhere()
    folder = world.folder / "forget"
    boxes = dict.fromkeys(("google", "microsoft", "launchpad"), _NOBODY)
    async with deployment(settings(folder, 0, boxes)) as made:
        services, blobs = made.services, folder / "gateway" / "blobs"
        scope = await _person(services)
        item = await _plant(services, scope, blobs)
        before, started, inside = time.process_time(), time.monotonic(), Inside()
        reading = asyncio.create_task(_until_unreadable(services, scope, item))
        begun = await services.eraser.begin(scope)
        assert begun is not None
        unreadable, gone = await asyncio.gather(reading, _until_gone(services, begun.id))
        result.cpu_s = {"ours": time.process_time() - before}
        result.limit = inside.told("SQLite and the removing of files")
        left = await asyncio.to_thread(lambda: sum(path.is_file() for path in blobs.rglob("*")))
        assert left == 0, f"{left} blobs are left"
    result.ours = OBJECTS / (gone - started)
    result.notes.append(f"unreadable after {unreadable - started:.2f} s, gone after {gone - started:.1f} s")
    result.notes += elsewhere.told(result.cpu_s["ours"])
    result.judged(targets.forgetting(unreadable - started, result.ours))
    return result


FORGET = Row(
    "forget",
    f"a person with {OBJECTS:,} files is forgotten, SQLite and a folder",
    "unreadable within 1.5 s, gone from disk at ≥ 5,000 objects/s",
    _measure,
)
