"""Forgetting one thing of a person who stays: it goes whole, nothing beside it, and a receipt says when for good."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from cache.catalog import objects
from cache.vault import Scope
from gateway.db.tables_erasure import erasure_state, erasures, journal_seen
from gateway.db.tables_files import cached_files, idempotency
from gateway.db.tables_work import items, jobs
from gateway.erasure.model import Asked, ErasureRefused, NothingThere, Target
from gateway.files.uploads import UploadSpec
from gateway.forgetting import Forgetting
from gateway.identity.errors import NotActive
from providers.drive import Entry, OnConflict, Ref
from providers.native import Allowance, NativeDrive
from providers.native import tables as native
from tests.conformance.base import put
from tests.gateway.erasure.conftest import DEAD_BY, LEO, MIA, World, set_role

OWN = Asked("leo")


def drive(world: World, scope: Scope = LEO) -> NativeDrive:
    return NativeDrive(world.vault, world.database, scope, allowance=Allowance(versions=10))


async def replaced(one: NativeDrive, parent: Ref, old: Entry, content: bytes) -> Entry:
    """A new version of a file."""
    what: dict[str, Any] = {"replaces": (old.ref, old.version), "on_conflict": OnConflict.REPLACE}
    return await put(one, parent, old.name, content, **what)


async def forget(world: World, made: Forgetting, target: Target) -> dict[str, Any]:
    """The receipt."""
    return await world.receipt(await made.eraser.begin_item(LEO, target, OWN, receipt=True))


async def count(world: World, table: Any, *where: Any) -> int:
    async with world.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(table).where(*where))).scalar_one())


@pytest.mark.both
async def test_a_folder_with_all_that_is_in_it(world: World) -> None:
    """Every version of every file, deep down; what lies beside it and what others have stays, and can be read."""
    mine, theirs = drive(world), drive(world, MIA)
    root = await mine.root()
    folder = (await mine.make_folder(root, "Diary")).ref
    deep = (await mine.make_folder(folder, "May")).ref
    file = await put(mine, deep, "Monday.txt", b"first")
    await replaced(mine, deep, file, b"second")
    kept = await put(mine, root, "Kept.txt", b"kept")
    other = await put(theirs, await theirs.root(), "Theirs.txt", b"theirs")
    before = len(world.blobs())
    made = await world.started()
    (part,) = await made.plans.item(LEO, Target("native", folder.id))
    assert (part.store, part.count, part.bytes) == ("native", 3, 11)
    receipt = await forget(world, made, Target("native", folder.id))
    assert [(one["store"], one["erased"], one["bytes"]) for one in receipt["erased"]] == [("native", 3, 11)]
    assert (receipt["scope"], receipt["kind"], receipt["keys_destroyed"]) == ("item", "native", False)
    assert receipt["backups"].startswith("Deleted, shredded by 2100-01-01.")
    assert len(world.blobs()) == before - 2
    for ref, one in ((kept.ref, mine), (other.ref, theirs)):
        async with one.read(ref) as opened:
            assert b"".join([piece async for piece in opened])
    assert await count(world, native.nodes, native.nodes.c.id.in_([folder.id, deep.id, file.ref.id])) == 0
    assert await world.state(LEO) == "active"
    with pytest.raises(NothingThere):
        await made.eraser.begin_item(LEO, Target("native", folder.id), OWN, receipt=True)


async def test_from_the_trash_and_never_the_top_folder(world: World) -> None:
    mine = drive(world)
    root = await mine.root()
    file = await put(mine, root, "Old.txt", b"old")
    await mine.trash(file.ref)
    made = await world.started()
    assert (await forget(world, made, Target("native", file.ref.id)))["erased"][0]["erased"] == 1
    with pytest.raises(NothingThere):
        await made.eraser.begin_item(LEO, Target("native", root.id), OWN, receipt=True)


async def test_an_older_version_and_not_the_file(world: World) -> None:
    mine = drive(world)
    root = await mine.root()
    old = await put(mine, root, "Essay.txt", b"first")
    new = await put(mine, root, "Essay.txt", b"second", replaces=(old.ref, old.version), on_conflict=OnConflict.REPLACE)
    made = await world.started()
    with pytest.raises(NothingThere):
        await made.eraser.begin_item(LEO, Target("version", new.ref.id, new.version), OWN, receipt=True)
    receipt = await forget(world, made, Target("version", old.ref.id, old.version))
    assert receipt["erased"][0]["bytes"] == 5
    assert [one.id for one in await mine.versions(new.ref)] == [new.version]


async def test_the_bytes_of_a_cached_copy_are_dead_in_backups_with_their_expiry_key_and_its_name_with_the_persons(
    world: World,
) -> None:
    made = await world.started()
    async with world.database.read() as tx:
        ends = (await tx.execute(select(cached_files.c.ends))).scalar_one()
    receipt = await forget(world, made, Target("cached", "copy of leo"))
    assert datetime.fromisoformat(receipt["backups_dead_by"]).timestamp() * 1000 == DEAD_BY
    bytes_dead = datetime.fromisoformat(receipt["contents_dead_by"]).timestamp() * 1000
    assert ends < bytes_dead <= ends + 300_000
    assert await count(world, cached_files) == 0
    assert world.blobs() == []


async def body() -> AsyncIterator[bytes]:
    yield b"some bytes"


async def test_an_upload_that_has_not_arrived(world: World) -> None:
    made = await world.started()
    uploads = made.eraser._things._uploads
    upload = await uploads.create(LEO, "native", UploadSpec("root", "A.txt", "text/plain", None, "rename"), 100, "w")
    await uploads.append(LEO, upload.id, 0, body())
    with pytest.raises(NothingThere):
        await made.eraser.begin_item(MIA, Target("upload", upload.id), Asked("mia"), receipt=True)
    receipt = await forget(world, made, Target("upload", upload.id))
    assert receipt["erased"] == [
        {"store": "uploads", "what": "Files on their way to a drive", "erased": 1, "bytes": 10}
    ]
    assert len(world.blobs()) == 1, "the cached copy"


async def job(world: World, name: str, *, kind: str = "transfer", ended: int | None = None) -> None:
    """A job of Leo's with three items."""
    async with world.database.write() as tx:
        row = {"tenant": "school", "person": "leo"}
        await tx.execute(
            insert(jobs).values(
                id=name, **row, kind=kind, mode="copy", state="done" if ended else "running", instruction="i",
                policy_version="p", priority=0, created=1, ended=ended,
            )
        )  # fmt: skip
        for n in range(3):
            await tx.execute(
                insert(items).values(id=f"{name}{n}", job=name, **row, kind="copy", state="ready", lane="lane")
            )


async def test_a_report_of_a_job_that_has_ended(world: World) -> None:
    await job(world, "ended", ended=5)
    await job(world, "runs")
    made = await world.started()
    with pytest.raises(ErasureRefused) as refused:
        await made.eraser.begin_item(LEO, Target("report", "runs"), OWN, receipt=True)
    assert refused.value.code == "job_runs"
    assert (await forget(world, made, Target("report", "ended")))["erased"][0]["store"] == "jobs"
    assert await count(world, jobs) == 1
    assert await count(world, items) == 3


async def test_everything_temporary(world: World) -> None:
    """And nothing that is kept."""
    mine = drive(world)
    await put(mine, await mine.root(), "Kept.txt", b"kept")
    await job(world, "plan", kind="preflight", ended=5)
    async with world.database.write() as tx:
        row = {"person": "leo", "school": "school", "request": b"r" * 32, "owner": "o", "ends": 2**50}
        await tx.execute(insert(idempotency).values(**row, key=b"a" * 32, status=202))
        await tx.execute(insert(idempotency).values(**row, key=b"b" * 32))
    made = await world.started()
    receipt = await forget(world, made, Target("temporary"))
    erased = {one["store"]: one["erased"] for one in receipt["erased"]}
    assert erased == {"cached": 1, "plans": 1, "answers": 1}
    assert await count(world, idempotency) == 1, "what is being answered now"
    assert await count(world, objects, objects.c.life == "kept") == 1
    assert len(world.blobs()) == 1


async def test_nobody_elses_and_not_while_being_forgotten(world: World) -> None:
    made = await world.started()
    with pytest.raises(NothingThere):
        await made.eraser.begin_item(MIA, Target("cached", "copy of leo"), Asked("mia"), receipt=True)
    await set_role(world, LEO, state="erasing")
    with pytest.raises(NotActive):
        await made.eraser.begin_item(LEO, Target("cached", "copy of leo"), OWN, receipt=True)
    assert await count(world, cached_files) == 1


@pytest.mark.both
async def test_a_restored_copy_forgets_it_again(world: World) -> None:
    """The line names it by random ids alone."""
    mine = drive(world)
    root = await mine.root()
    file = await put(mine, root, "Diary.txt", b"canary")
    made = await world.started()
    await forget(world, made, Target("native", file.ref.id))
    assert "Diary" not in world.journal.read_text()
    await world.close()
    async with world.database.write() as tx:  # an older copy: neither the erasure nor its line has been seen
        await tx.execute(delete(erasures))
        await tx.execute(delete(journal_seen))
        await tx.execute(update(erasure_state).values(applied=0, generation=1))
    again = await put(mine, root, "Diary.txt", b"canary")
    async with world.database.write() as tx:
        await tx.execute(update(native.versions).where(native.versions.c.node == again.ref.id).values(node=file.ref.id))
        await tx.execute(update(native.nodes).where(native.nodes.c.id == again.ref.id).values(id=file.ref.id))
    await world.started()
    async with world.database.read() as tx:
        row = (await tx.execute(select(erasures))).mappings().one()
    assert json.loads(row["target"] or "{}") in ({"kind": "native", "id": file.ref.id}, {})
    await world.done(row["id"])
    assert await count(world, native.nodes, native.nodes.c.id == file.ref.id) == 0
