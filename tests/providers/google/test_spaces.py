"""Shared drives as spaces of their own, and files that only an old link's resource key opens."""

from __future__ import annotations

import secrets

import pytest

from providers.drive import OnConflict, Ref
from providers.errors import NotFound
from providers.google import GoogleDrive
from providers.verbs import HasSpaces, supports
from tests.conformance.base import MORE_THAN_SIMPLE, content, everything, get, names, put
from tests.providers.google.conftest import STUDENT, Open
from tests.sandboxes import Running


@pytest.fixture
async def room(drive: GoogleDrive) -> Ref:
    """A fresh folder in the school's shared drive."""
    spanning = supports(drive, HasSpaces)
    assert spanning is not None
    [space] = await spanning.spaces()
    assert space.name == "Riverside Staff Room"
    made = await drive.make_folder(space.root, secrets.token_hex(8))
    assert (made.ref.space, made.parent) == (space.root.space, space.root)
    return made.ref


async def test_a_shared_drive_is_listed_and_read(drive: GoogleDrive) -> None:
    [space] = await drive.spaces()
    [table] = [entry for entry in await everything(drive, space.root) if entry.name == "Timetable.csv"]
    assert table.ref.space == space.root.space
    assert (await drive.stat(table.ref)) == table
    assert await get(drive, table.ref) == b"period,mon,tue\n1,7b,8a\n"
    assert (await drive.stat(space.root)).parent is None


async def test_students_have_no_shared_drive(open_drive: Open) -> None:
    assert list(await open_drive(STUDENT).spaces()) == []


@pytest.mark.parametrize("size", [0, 5, MORE_THAN_SIMPLE])
async def test_files_go_into_a_shared_drive(drive: GoogleDrive, room: Ref, size: int) -> None:
    data = content(size, seed=3)
    made = await put(drive, room, "plan.bin", data)
    assert (made.ref.space, made.parent) == (room.space, room)
    assert await get(drive, made.ref) == data
    again = await put(drive, room, "plan.bin", b"new", on_conflict=OnConflict.REPLACE)
    assert again.ref == made.ref
    assert await names(drive, room) == ["plan.bin"]


async def test_items_move_inside_a_shared_drive(drive: GoogleDrive, room: Ref) -> None:
    inner = (await drive.make_folder(room, "inner")).ref
    made = await put(drive, room, "plan.bin", b"plan")
    moved = await drive.relocate(made.ref, inner, "plan b.bin", version=made.version)
    assert (moved.ref, moved.parent, moved.name) == (made.ref, inner, "plan b.bin")
    assert await names(drive, room) == ["inner"]
    copied = await drive.copy(moved.ref, room, "copy.bin")
    assert (copied.ref.space, await get(drive, copied.ref)) == (room.space, b"plan")
    await drive.trash(moved.ref)
    assert await names(drive, inner) == []
    assert (await drive.restore(moved.ref)).parent == inner
    await drive.delete(inner)
    assert await names(drive, room) == ["copy.bin"]


async def test_an_old_link_needs_its_resource_key(
    google: Running, open_drive: Open, drive: GoogleDrive, folder: Ref
) -> None:
    student = open_drive(STUDENT)
    made = await put(drive, folder, "old worksheet.bin", b"leaf")
    await google.control("POST", "google", {"links": {made.ref.id: "0-key"}})
    assert (await drive.stat(made.ref)).ref.key == "0-key"
    for without in (made.ref, Ref("", made.ref.id, "0-other")):
        with pytest.raises(NotFound):
            await student.stat(without)
        with pytest.raises(NotFound):
            await get(student, without)
    ref = Ref("", made.ref.id, "0-key")
    entry = await student.stat(ref)
    assert (entry.ref, entry.parent) == (ref, None)
    assert await get(student, ref) == b"leaf"
    assert await get(student, ref, 1, 3) == b"ea"
    mine = await student.copy(ref, await student.root(), f"{secrets.token_hex(4)}.bin")
    assert await get(student, mine.ref) == b"leaf"


async def test_a_folder_shared_by_an_old_link_is_listed(
    google: Running, open_drive: Open, drive: GoogleDrive, folder: Ref
) -> None:
    await put(drive, folder, "leaf.bin", b"leaf")
    await google.control("POST", "google", {"links": {folder.id: "0-key"}})
    assert await names(open_drive(STUDENT), Ref("", folder.id, "0-key")) == ["leaf.bin"]
