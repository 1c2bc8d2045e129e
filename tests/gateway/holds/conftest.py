"""The world of erasures, with files in Leo's drive and holds on them."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, insert, select

from cache.vault import Scope
from gateway.forgetting import Forgetting
from gateway.holds import Handing, Hold, Order, State
from gateway.holds.handing import Part
from gateway.ledger import Event, Ledger
from providers.drive import Entry, Ref
from providers.native import Allowance, NativeDrive
from providers.native import tables as native
from tests.conformance.base import put
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.erasure.conftest import (
    LEO,
    ROOT,
    World,
    expiry,
    schema,
    soon,
    vault,
    world,
)
from tests.gateway.vaults import SCHEMA, open_vault

__all__ = ["database", "database_url", "expiry", "pytest_generate_tests", "schema", "soon", "vault", "world"]
LATER = 4_000_000_000_000
TABLES = [table for metadata in (*SCHEMA, native.metadata) for table in metadata.sorted_tables]


def drive(world: World, scope: Scope = LEO) -> NativeDrive:
    return NativeDrive(world.vault, world.database, scope, allowance=Allowance(versions=2))


def order(items: tuple[str, ...] | None = None, **more: Any) -> Order:
    what: dict[str, Any] = {"person": "leo", "basis": "Section 12", "authority": "District Court", "reference": "7/26"}
    return Order(items=items, review=LATER, **{**what, **more})


async def files(world: World, scope: Scope = LEO) -> dict[str, Entry]:
    """A folder with two files in it, and one beside it."""
    one = drive(world, scope)
    root = await one.root()
    folder = await one.make_folder(root, "Diary")
    return {
        "folder": folder,
        "monday": await put(one, folder.ref, "Monday.txt", b"canary of monday"),
        "tuesday": await put(one, folder.ref, "Tuesday.txt", b"canary of tuesday" * 10_000),
        "other": await put(one, root, "Other.txt", b"canary of another"),
    }


async def proposed(world: World, made: Forgetting, what: Order) -> Hold:
    """Asked for by one administrator."""
    return await world.holds.open(made.approvals, "school", "ada", what)


async def approved(world: World, made: Forgetting, what: Order) -> Hold:
    """By both, and begun as far as nothing but its approval does."""
    hold = await proposed(world, made, what)
    assert hold.approval is not None
    await made.approvals.approve("school", "zoe", hold.approval)
    await made.approvals.sweep(10)
    return await world.holds.get("school", hold.id)


async def opened(world: World, made: Forgetting, what: Order) -> Hold:
    """It holds, and has all that it keeps."""
    hold = await approved(world, made, what)
    for _ in range(250):
        await world.holds.opening.sweep(10)
        found = await world.holds.get("school", hold.id)
        if found.state is State.OPEN:
            return found
        await asyncio.sleep(0.02)  # something else goes on still
    raise AssertionError(found.state)


async def release(world: World, made: Forgetting, hold: Hold) -> dict[str, Any]:
    """By both; the second receipt."""
    asked = await world.holds.release(made.approvals, "school", "ada", hold.id)
    assert asked.release is not None
    _, secret = await made.orders.approve("school", "zoe", asked.release)
    assert secret is not None
    await made.approvals.sweep(10)
    return await world.statement(secret)


async def exported(world: World, hold: Hold) -> Mapping[str, bytes]:
    """What an administrator takes away: content by path; the manifest agrees with it."""
    found = await world.holds.get("school", hold.id)
    part = Part(found, 1, 1, 1)
    whole = b"".join([piece async for piece in Handing(world.vault, world.database).pieces(part)])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        told = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(told.pop("manifest.json"))
    assert {one["path"]: one["size"] for one in manifest["files"]} == {name: len(data) for name, data in told.items()}
    assert (manifest["hold"], manifest["basis"]) == (hold.id, found.order.basis)
    return told


async def read(world: World, ref: Ref, scope: Scope = LEO) -> bytes:
    """As their owner."""
    async with drive(world, scope).read(ref) as found:
        return b"".join([piece async for piece in found])


async def ended(world: World, made: Forgetting, scope: Scope = LEO) -> dict[str, Any]:
    """A person forgets themselves; the receipt."""
    begun = await made.eraser.begin(scope)
    assert begun is not None
    return await world.receipt(begun)


async def lived_in(world: World) -> None:
    """The school has entries of its own in its ledger, as every school has soon."""
    told = Event("school.settings", "ada", None, None, "p1", {"history_days": 30})
    await Ledger(world.vault, world.database).record("school", told)


async def snapshot(world: World) -> tuple[list[tuple[Table, list[dict[str, Any]]]], Path]:
    """A copy of the whole database and of all blobs."""
    async with world.database.read() as tx:
        rows = [(table, [dict(row) for row in (await tx.execute(select(table))).mappings()]) for table in TABLES]
    copy = world.folder / "copied-blobs"
    shutil.copytree(world.folder / "blobs", copy)
    return rows, copy


@asynccontextmanager
async def restored(
    world: World, expiry: Any, copy: tuple[list[tuple[Table, list[dict[str, Any]]]], Path]
) -> AsyncIterator[Forgetting]:
    """A new process over an older copy: everything but the journal as it was."""
    rows, blobs = copy
    await world.close()
    async with world.database.write() as tx:
        for table, _ in reversed(rows):
            await tx.execute(delete(table))
        for table, some in rows:
            if some:
                await tx.execute(insert(table), some)
    shutil.rmtree(world.folder / "blobs")
    shutil.copytree(blobs, world.folder / "blobs")
    before = world.vault
    async with open_vault(world.database, world.folder, ROOT, expiry) as again:
        world.vault = again
        made = await world.started(world.process(vault=again))
        assert world.restored
        yield made
        await world.close()
        world.vault = before
