"""The trash has an end: nothing before it, everything after it, and never half a folder back."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from cache.errors import Suspended
from cache.vault import Scope
from providers import native
from providers.drive import Ref
from providers.errors import NotFound
from providers.native import NativeDrive
from providers.native.tables import nodes, parts, versions
from tests.conformance.base import get, names, put
from tests.providers.native.conftest import School

DAY = 24 * 60 * 60 * 1000
LIFE = 30 * DAY


async def empty(school: School, limit: int = 100) -> int:
    return await native.empty(school.vault, school.database, LIFE, limit)


async def count(school: School) -> list[int]:
    """Rows of nodes, versions and parts."""
    async with school.database.read() as tx:
        tables = (nodes, versions, parts)
        return [(await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


@pytest.mark.both
async def test_what_is_old_goes_with_every_byte(school: School, drive: NativeDrive, folder: Ref) -> None:
    old, kept = [await put(drive, folder, name, b"x" * 900_000) for name in ("old.bin", "kept.bin")]
    await drive.trash(old.ref)
    school.database.ahead = LIFE - 60_000
    recent = await put(drive, folder, "recent.bin", b"recent")
    await drive.trash(recent.ref)
    assert await empty(school) == 0
    school.database.ahead = LIFE + 60_000
    assert await empty(school) == 1
    await school.vault.sweep(100)
    with pytest.raises(NotFound):
        await drive.stat(old.ref)
    assert await get(drive, kept.ref) == b"x" * 900_000
    assert (await drive.restore(recent.ref)).name == "recent.bin"
    assert await count(school) == [4, 2, 4]
    assert len(school.blobs()) == 4
    assert await empty(school) == 0


@pytest.mark.both
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_folder_goes_in_steps_and_never_comes_back_in_half(
    school: School, drive: NativeDrive, folder: Ref, limit: int
) -> None:
    friend = await school.enrol(Scope("riverside", "mia"))
    theirs = await put(friend, await friend.root(), "theirs.txt", b"theirs")
    tree = await drive.make_folder(folder, "tree")
    for number in range(4):
        inner = await drive.make_folder(tree.ref, f"inner {number}")
        for other in range(2):
            await put(drive, inner.ref, f"leaf {other}", b"leaf")
    await drive.trash(tree.ref)
    await friend.trash(theirs.ref)
    school.database.ahead = LIFE + 60_000
    gone = await empty(school, limit)
    if gone < 14:
        with pytest.raises(NotFound):
            await drive.restore(tree.ref)
    for _ in range(100):
        gone += await empty(school, limit)
    assert gone == 14
    assert await names(drive, folder) == []
    assert await count(school) == [3, 0, 0]


async def test_restored_in_time_it_stays(school: School, drive: NativeDrive, folder: Ref) -> None:
    tree = await drive.make_folder(folder, "tree")
    leaf = await put(drive, tree.ref, "leaf.txt", b"leaf")
    await drive.trash(tree.ref)
    school.database.ahead = LIFE - 60_000
    await drive.restore(tree.ref)
    school.database.ahead = 2 * LIFE
    assert await empty(school) == 0
    assert await get(drive, leaf.ref) == b"leaf"


async def test_what_was_trashed_before_its_folder_ends_first(school: School, drive: NativeDrive, folder: Ref) -> None:
    tree = await drive.make_folder(folder, "tree")
    leaf = await put(drive, tree.ref, "leaf.txt", b"leaf")
    await drive.trash(leaf.ref)
    school.database.ahead = LIFE + 60_000
    assert await empty(school) == 1
    assert await names(drive, folder) == ["tree"]


async def test_the_forgotten_have_no_trash(school: School, drive: NativeDrive, folder: Ref) -> None:
    await drive.trash((await put(drive, folder, "old.bin", b"old")).ref)
    async with school.database.write() as tx:
        await school.vault.shred(tx, school.scope)
    school.database.ahead = LIFE + 60_000
    assert await empty(school) == 1
    assert (await count(school))[1:] == [0, 0]


async def test_it_needs_no_key(school: School, drive: NativeDrive, folder: Ref) -> None:
    """A key that is suspended holds up nobody's trash, not even its owner's."""
    friend = await school.enrol(Scope("riverside", "mia"))
    tree = await drive.make_folder(folder, "tree")
    await put(drive, tree.ref, "leaf", b"leaf")
    theirs = await put(friend, await friend.root(), "theirs.txt", b"theirs")
    await drive.trash(tree.ref)
    await friend.trash(theirs.ref)
    school.database.ahead = LIFE + 60_000
    async with school.database.write() as tx:
        await school.vault.suspend(tx, school.scope, 1)
    await school.vault.hasten()
    while await usable(school):
        await asyncio.sleep(0.01)
    assert [await empty(school), await empty(school)] == [2, 1]


async def usable(school: School) -> bool:
    try:
        await school.vault.fields(school.scope)
    except Suspended:
        return False
    return True
