"""Changes: kept for a month, then refused; gone with the person; the trash and its end among them."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from cache.vault import Scope
from providers import native
from providers.drive import Ref
from providers.errors import Changed, NotFound
from providers.native import Allowance, NativeDrive
from providers.native.tables import gone
from tests.conformance.base import REPLACE, put
from tests.conformance.changing import since
from tests.conformance.trashing import in_trash
from tests.providers.native.conftest import School

DAY = 24 * 60 * 60 * 1000


async def rows(school: School) -> int:
    async with school.database.read() as tx:
        return (await tx.execute(select(func.count()).select_from(gone))).scalar_one()


@pytest.mark.both
async def test_a_cursor_is_good_for_a_month(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", b"a")
    start = (await drive.changes()).cursor
    await drive.delete(made.ref)
    school.database.ahead = 29 * DAY
    await native.tidy(school.vault, school.database, 10)
    assert (await since(drive, start))[0] == {made.ref: None}
    school.database.ahead = 30 * DAY + 60_000
    with pytest.raises(Changed) as changed:
        await drive.changes(start)
    assert changed.value.reason == "resync"
    await native.tidy(school.vault, school.database, 10)
    assert await rows(school) == 1, "not before every cursor that may still tell of it is too old"
    school.database.ahead = 32 * DAY
    await native.tidy(school.vault, school.database, 10)
    assert await rows(school) == 0


async def test_a_reader_who_lags_behind_is_as_old_as_where_it_began(
    school: School, drive: NativeDrive, folder: Ref
) -> None:
    start = (await drive.changes()).cursor
    for number in range(7):
        await drive.make_folder(folder, str(number))
    school.database.ahead = 20 * DAY
    first = await drive.changes(start)
    assert first.more
    school.database.ahead = 31 * DAY
    with pytest.raises(Changed):
        await drive.changes(first.cursor)


async def test_a_cursor_from_the_time_after_a_restored_backup(school: School, drive: NativeDrive, folder: Ref) -> None:
    ahead = (await drive.changes()).cursor
    friend = await school.enrol(Scope("riverside", "mia"))
    await friend.root()
    with pytest.raises(Changed):
        await friend.changes(ahead)
    with pytest.raises(NotFound):
        await drive.changes(None, "another space")


async def test_each_item_is_told_once_and_the_oldest_first(school: School, folder: Ref) -> None:
    drive = NativeDrive(school.vault, school.database, school.scope)
    start = (await drive.changes()).cursor
    first, second = [await put(drive, folder, f"{n}.bin", b"x") for n in range(2)]
    await put(drive, folder, "0.bin", b"new", on_conflict=REPLACE)
    await drive.trash(second.ref)
    await drive.restore(second.ref)
    told = await drive.changes(start)
    assert [change.ref for change in told.items] == [first.ref, second.ref]
    assert not told.more


@pytest.mark.both
async def test_they_go_with_the_person(school: School, drive: NativeDrive, folder: Ref) -> None:
    friend = await school.enrol(Scope("riverside", "mia"))
    for one in (drive, friend):
        await one.trash((await put(one, await one.root(), "a.bin", b"a")).ref)
    async with school.database.write() as tx:
        await native.erase(tx, school.scope)
    assert await rows(school) == 1
    with pytest.raises(NotFound):
        await drive.changes()


async def test_the_trash_states_its_end_and_keeps_to_it(school: School, folder: Ref) -> None:
    school.allowance = Allowance(trash_days=30)
    drive = school.drive()
    made = await put(drive, folder, "a.bin", b"a")
    before = await school.database.now()
    await drive.trash(made.ref)
    [there] = await in_trash(drive)
    assert there.ends is not None
    assert before <= there.ends.timestamp() * 1000 - 30 * DAY <= await school.database.now()
    assert (await drive.stat(made.ref)).ends == there.ends
    assert (await drive.stat(folder)).ends is None
    school.database.ahead = 30 * DAY + 60_000
    assert await in_trash(drive) == []
    with pytest.raises(NotFound):
        await drive.restore(made.ref)


async def test_what_has_no_folder_any_more_comes_back_to_the_top(
    school: School, drive: NativeDrive, folder: Ref
) -> None:
    tree = await drive.make_folder(folder, "tree")
    leaf = await put(drive, tree.ref, "leaf.bin", b"leaf")
    await drive.trash(leaf.ref)
    await drive.trash(tree.ref)
    assert {entry.ref for entry in await in_trash(drive)} == {leaf.ref, tree.ref}
    back = await drive.restore(leaf.ref)
    assert (back.parent, back.flags) == (await drive.root(), frozenset())
