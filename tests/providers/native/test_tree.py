"""The tree: names, cycles, races, the trash, and walls between people."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from cache.vault import Scope
from providers.drive import Kind, OnConflict, Ref
from providers.errors import Changed, DriveError, NameRefused, NameTaken, NotFound, Refused, Unsupported
from providers.native import NativeDrive
from providers.native.tables import nodes
from providers.verbs import HasQuota
from tests.conformance.base import everything, get, names, put
from tests.providers.native.conftest import School


@pytest.mark.both
async def test_two_folders_of_one_name_at_once(school: School, folder: Ref) -> None:
    drives = [school.drive() for _ in range(6)]
    made = await asyncio.gather(*(drive.make_folder(folder, "Unit") for drive in drives), return_exceptions=True)
    assert sum(isinstance(one, NameTaken) for one in made) == 5
    assert await names(drives[0], folder) == ["Unit"]


@pytest.mark.both
async def test_free_names_at_once(school: School, folder: Ref) -> None:
    drives = [school.drive() for _ in range(5)]
    await asyncio.gather(*(drive.make_folder(folder, "Unit.v1", OnConflict.RENAME) for drive in drives))
    expected = ["Unit (2).v1", "Unit (3).v1", "Unit (4).v1", "Unit (5).v1", "Unit.v1"]
    assert await names(drives[0], folder) == expected


@pytest.mark.both
async def test_files_of_one_name_at_once(school: School, folder: Ref) -> None:
    drives = [school.drive() for _ in range(4)]
    made = await asyncio.gather(*(put(drive, folder, "a.txt", b"x") for drive in drives), return_exceptions=True)
    assert sum(isinstance(one, NameTaken) for one in made) == 3
    assert await names(drives[0], folder) == ["a.txt"]


@pytest.mark.both
async def test_two_drives_make_one_root(school: School) -> None:
    roots = await asyncio.gather(*(school.drive().root() for _ in range(4)))
    assert len(set(roots)) == 1
    async with school.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(nodes))).scalar() == 1


async def test_a_folder_does_not_go_into_itself(drive: NativeDrive, folder: Ref) -> None:
    one = await drive.make_folder(folder, "one")
    two = await drive.make_folder(one.ref, "two")
    three = await drive.make_folder(two.ref, "three")
    for target in (one, two, three):
        with pytest.raises(Refused):
            await drive.relocate(one.ref, target.ref, None)
    assert await names(drive, folder) == ["one"]


@pytest.mark.both
async def test_two_moves_at_once_make_no_ring(school: School, drive: NativeDrive, folder: Ref) -> None:
    one, two = await drive.make_folder(folder, "one"), await drive.make_folder(folder, "two")
    done = await asyncio.gather(
        school.drive().relocate(one.ref, two.ref, None),
        school.drive().relocate(two.ref, one.ref, None),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Refused) for result in done) == 1
    assert len(await names(drive, folder)) == 1


async def test_the_root_stays(drive: NativeDrive, folder: Ref) -> None:
    root = await drive.root()
    with pytest.raises(Refused):
        await drive.trash(root)
    with pytest.raises(Refused):
        await drive.delete(root)
    with pytest.raises(Refused):
        await drive.relocate(root, folder, "x")
    assert (await drive.stat(root)).may == {"read", "write"}


async def test_names_that_look_alike_collide(drive: NativeDrive, folder: Ref) -> None:
    await drive.make_folder(folder, "Café")
    for twin in ("Cafe\u0301", "CAFÉ", "café"):
        with pytest.raises(NameTaken):
            await drive.make_folder(folder, twin)
    await drive.make_folder(folder, "Cafe")


async def test_a_name_may_change_its_case(drive: NativeDrive, folder: Ref) -> None:
    made = await drive.make_folder(folder, "unit")
    assert (await drive.relocate(made.ref, None, "UNIT")).name == "UNIT"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "line\nbreak", "x" * 256, "\ud800"])
async def test_names_that_are_refused(drive: NativeDrive, folder: Ref, name: str) -> None:
    with pytest.raises(NameRefused):
        await drive.make_folder(folder, name)


async def test_a_folders_version_changes_when_it_does(drive: NativeDrive, folder: Ref) -> None:
    made = await drive.make_folder(folder, "unit")
    moved = await drive.relocate(made.ref, None, "unit 2", version=made.version)
    assert moved.version != made.version
    for stale in (
        drive.relocate(made.ref, None, "x", version=made.version),
        drive.trash(made.ref, version=made.version),
    ):
        with pytest.raises(Changed):
            await stale
    with pytest.raises(Changed):
        await drive.delete(made.ref, version=made.version)
    assert await names(drive, folder) == ["unit 2"]


async def test_out_of_the_trash(drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "essay.txt", b"draft")
    await drive.trash(made.ref)
    assert (await drive.stat(made.ref)).flags == {"trashed"}
    await put(drive, folder, "essay.txt", b"other")
    back = await drive.restore(made.ref)
    assert (back.name, back.flags) == ("essay (2).txt", frozenset())
    assert await get(drive, back.ref) == b"draft"
    assert (await drive.restore(made.ref)).name == "essay (2).txt"


async def test_nothing_goes_on_below_the_trash(drive: NativeDrive, folder: Ref) -> None:
    tree = await drive.make_folder(folder, "tree")
    inner = await drive.make_folder(tree.ref, "inner")
    leaf = await put(drive, inner.ref, "leaf.txt", b"leaf")
    await drive.trash(tree.ref)
    assert (await drive.stat(leaf.ref)).flags == {"trashed"}
    for late in (
        drive.make_folder(inner.ref, "x"),
        drive.children(inner.ref),
        drive.relocate(leaf.ref, folder, None),
        drive.children(tree.ref),
        put(drive, tree.ref, "x", b"x"),
    ):
        with pytest.raises(NotFound):
            await late
    await drive.restore(tree.ref)
    assert await names(drive, inner.ref) == ["leaf.txt"]


@pytest.mark.both
async def test_delete_takes_every_byte_along(school: School, drive: NativeDrive, folder: Ref) -> None:
    tree = await drive.make_folder(folder, "tree")
    for number in range(5):
        inner = await drive.make_folder(tree.ref, f"inner {number}")
        await put(drive, inner.ref, "leaf.bin", b"x" * 500_000)
    kept = await put(drive, folder, "kept.bin", b"kept")
    await drive.delete(tree.ref)
    await school.vault.sweep(100)
    assert len(school.blobs()) == 1
    assert await get(drive, kept.ref) == b"kept"
    async with school.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(nodes))).scalar() == 3


async def test_a_large_folder_goes_in_steps(drive: NativeDrive, folder: Ref, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.native.drive._AT_ONCE", 2)
    tree = await drive.make_folder(folder, "tree")
    made = [await drive.make_folder(tree.ref, f"{number}") for number in range(7)]
    await drive.delete(tree.ref)
    for entry in made:
        with pytest.raises(NotFound):
            await drive.stat(entry.ref)


@pytest.mark.both
async def test_nobody_sees_anothers_drive(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "mine.txt", b"mine")
    session_of_mine = (await drive.root()).id
    for scope in (Scope("riverside", "mia"), Scope("hillcrest", "leo"), Scope("riverside", None)):
        other = await school.enrol(scope)
        assert (await other.root()).id != session_of_mine
        assert await everything(other, await other.root()) == []
        for attempt in (
            other.stat(made.ref),
            other.children(folder),
            other.trash(made.ref),
            other.relocate(made.ref, None, "stolen"),
            other.make_folder(folder, "x"),
            put(other, folder, "x", b"x"),
            get(other, made.ref),
            drive.relocate(made.ref, await other.root(), None),
        ):
            with pytest.raises(NotFound):
                await attempt
        await other.delete(made.ref)
    assert await get(drive, made.ref) == b"mine"


@pytest.mark.parametrize("cursor", ["", "!!", "AAAA", "MQ", "x" * 500, "é"])
async def test_a_cursor_that_is_none(drive: NativeDrive, folder: Ref, cursor: str) -> None:
    with pytest.raises(ValueError):
        await drive.children(folder, cursor)


async def test_a_cursor_survives_changes(drive: NativeDrive, folder: Ref) -> None:
    made = [(await drive.make_folder(folder, str(number))).ref for number in range(7)]
    first = await drive.children(folder)
    await drive.delete(first.entries[-1].ref)
    rest = await drive.children(folder, first.cursor)
    last = await drive.children(folder, rest.cursor)
    seen = [entry.ref for page in (first, rest, last) for entry in page.entries]
    assert sorted(seen, key=str) == sorted(made, key=str)
    assert last.cursor is None


async def test_files_have_no_exports_and_folders_no_bytes(drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.txt", b"x")
    with pytest.raises(Unsupported):
        await get(drive, made.ref, export="pdf")
    with pytest.raises(Unsupported):
        await get(drive, folder)
    with pytest.raises(NotFound):
        await drive.children(made.ref)
    with pytest.raises(DriveError):
        await drive.make_folder(made.ref, "x")


async def test_times_without_a_zone_are_refused(drive: NativeDrive, folder: Ref) -> None:
    with pytest.raises(ValueError):
        await put(drive, folder, "a.txt", b"x", modified=datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None))


async def test_the_quota_counts_bytes(drive: NativeDrive, folder: Ref) -> None:
    assert isinstance(drive, HasQuota)
    assert await drive.quota() == (0, None)
    await put(drive, folder, "a.bin", b"12345")
    assert await drive.quota() == (5, None)


async def test_names_and_content_are_nowhere_in_the_clear(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "canary-name.txt", b"canary-content" * 9000, media_type="text/canary")
    assert made.kind is Kind.FILE
    await school.database._inner.checkpoint()
    for path in school.folder.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        assert b"canary" not in raw, path.name
        assert "canary".encode("utf-16-le") not in raw, path.name
