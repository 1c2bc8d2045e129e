"""Forgetting a person's drive: counted, gone, and never begun again."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from cache.inventory import Held
from cache.vault import Scope
from providers import native
from providers.drive import Ref
from providers.errors import DriveError, NotFound
from providers.native import Inventory, NativeDrive
from providers.native.tables import nodes
from tests.conformance.base import content, get, names, new_file, push, put
from tests.providers.native.conftest import School

DATA = content(900_000)


@pytest.mark.both
async def test_a_forgotten_person_leaves_nothing(school: School, drive: NativeDrive, folder: Ref) -> None:
    friend = await school.enrol(Scope("riverside", "mia"))
    theirs = await put(friend, await friend.root(), "theirs.txt", b"theirs")
    made = await put(drive, folder, "essay.txt", DATA)
    await drive.trash((await put(drive, folder, "old.txt", b"old")).ref)
    session = await drive.begin(new_file(folder, "half.bin", len(DATA)))
    await push(drive, session, DATA, piece=400_000, pieces=1)
    async with school.database.read() as tx:
        assert await native.inventory(tx, school.scope) == Inventory(2, 1, len(DATA) + 3 + 400_000, 1)
    async with school.database.write() as tx:
        await school.vault.shred(tx, school.scope)
    async with school.database.write() as tx:
        assert await native.erase(tx, school.scope) == 3
        assert await native.inventory(tx, school.scope) == Inventory(0, 0, 0, 0)
    await school.vault.sweep(100)
    assert len(school.blobs()) == 1
    for attempt in (drive.stat(made.ref), drive.root(), drive.progress(session), put(drive, folder, "x", b"x")):
        with pytest.raises(DriveError):
            await attempt
    assert await get(friend, theirs.ref) == b"theirs"
    async with school.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(nodes))).scalar() == 2


async def test_a_drive_held_open_begins_nothing_new_for_the_forgotten(
    school: School, drive: NativeDrive, folder: Ref
) -> None:
    late = school.drive()
    async with school.database.write() as tx:
        await native.erase(tx, school.scope)
        await school.vault.shred(tx, school.scope)
    for one in (drive, late):
        with pytest.raises(NotFound):
            await one.make_folder(folder, "x")
    async with school.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(nodes))).scalar() == 0


async def test_a_process_that_has_not_heard_of_it_makes_no_root(school: School) -> None:
    late = school.drive()
    await school.vault.fields(school.scope)
    await school.keyring.watch.close()
    async with school.database.write() as tx:
        await school.twin().shred(tx, school.scope)
    with pytest.raises(NotFound):
        await late.root()
    async with school.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(nodes))).scalar() == 0


@pytest.mark.both
async def test_a_school_that_leaves(school: School, drive: NativeDrive, folder: Ref) -> None:
    friend = await school.enrol(Scope("riverside", "mia"))
    abroad = await school.enrol(Scope("hillcrest", "leo"))
    for one in (drive, friend, abroad):
        await put(one, await one.root(), "a.txt", b"a")
    async with school.database.write() as tx:
        assert (await native.inventory(tx, Scope("riverside", None))).files == 2
        assert await native.erase(tx, Scope("riverside", None)) == 3
    assert await names(abroad, await abroad.root()) == ["a.txt"]


def test_every_column_says_what_it_holds() -> None:
    columns = [column for table in native.metadata.tables.values() for column in table.columns]
    assert len(columns) > 25
    for column in columns:
        assert isinstance(column.info.get("held"), Held), f"{column.table.name}.{column.name}"
