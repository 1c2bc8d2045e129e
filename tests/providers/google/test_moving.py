"""Moves between drives and owners: looked at first, refused as what they are, so that a copy can take their place."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from providers.drive import Ref
from providers.errors import AcrossDrives, Changed, DriveError, Refused
from providers.google import GoogleDrive
from tests.conformance.base import get, names, put
from tests.providers.google.conftest import STUDENT, TEACHER, Open
from tests.providers.google.stand_in import google_at, refusal, resource
from tests.sandboxes import Running


@pytest.fixture
async def shared(drive: GoogleDrive) -> Ref:
    """The school's shared drive."""
    [space] = await drive.spaces()
    return space.root


async def test_a_file_moves_into_a_shared_drive_and_back(drive: GoogleDrive, folder: Ref, shared: Ref) -> None:
    made = await put(drive, folder, "plan.bin", b"plan")
    there = await drive.relocate(made.ref, shared, "plan b.bin", version=made.version)
    assert (there.ref, there.parent, there.name) == (Ref(shared.space, made.ref.id), shared, "plan b.bin")
    assert (await names(drive, folder), await get(drive, there.ref)) == ([], b"plan")
    back = await drive.relocate(there.ref, folder, None)
    assert (back.ref, back.parent, back.name) == (made.ref, folder, "plan b.bin")


async def test_a_folder_stays_in_its_drive(drive: GoogleDrive, folder: Ref, shared: Ref) -> None:
    inner = (await drive.make_folder(folder, "inner")).ref
    with pytest.raises(AcrossDrives) as refused:
        await drive.relocate(inner, shared, None)
    assert (refused.value.reason, refused.value.retryable) == ("across_drives", False)
    assert await names(drive, folder) == ["inner"]


async def test_who_does_not_own_it_leaves_it_where_it_is(
    google: Running, open_drive: Open, drive: GoogleDrive, folder: Ref
) -> None:
    student = open_drive(STUDENT)
    made = await put(drive, folder, "theirs.bin", b"t")
    await google.control("POST", "google", {"shared": {made.ref.id: {STUDENT: "writer"}}})
    with pytest.raises(AcrossDrives) as refused:
        await student.relocate(made.ref, await student.root(), None)
    assert refused.value.reason == "across_drives"
    assert (await drive.stat(made.ref)).parent == folder


async def test_a_member_who_may_only_read_moves_nothing_in_or_out(
    google: Running, drive: GoogleDrive, folder: Ref, shared: Ref
) -> None:
    mine, theirs = await put(drive, folder, "mine.bin", b"m"), await put(drive, shared, "theirs.bin", b"t")
    await google.control("POST", "google", {"members": {shared.space: {TEACHER: "reader"}}})
    try:
        with pytest.raises(AcrossDrives):
            await drive.relocate(theirs.ref, folder, None)
        with pytest.raises(Refused) as refused:
            await drive.relocate(mine.ref, shared, None)
        assert type(refused.value) is Refused, "a copy would not be let in either"
    finally:
        await google.control("POST", "google", {"members": {shared.space: {TEACHER: "organizer"}}})
    await drive.delete(theirs.ref)


class Google:
    """One item and two folders; counts what was changed."""

    def __init__(self, **item: Any) -> None:
        self.item, self.changed = item, 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.changed += request.method == "PATCH"
        if "1Id1" in request.path:
            return web.json_response(resource(**self.item))
        drive = {"driveId": "0Drive"} if "0Top" in request.path else {}
        may = {"canAddChildren": "0Top" not in request.path or "closed" not in request.path}
        return web.json_response(
            resource("top", mimeType="application/vnd.google-apps.folder", capabilities=may, **drive)
        )


HERE, THERE, CLOSED = Ref("", "1Other"), Ref("0Drive", "0Top"), Ref("0Drive", "0Top-closed")


@pytest.mark.parametrize(
    ("capabilities", "item", "parent", "kind", "reason"),
    [
        ({"canMoveItemOutOfDrive": False}, {}, THERE, AcrossDrives, "across_drives"),
        ({"canMoveItemOutOfDrive": True}, {"driveId": "0Old"}, THERE, None, None),
        ({"canMoveItemOutOfDrive": False}, {"driveId": "0Old"}, HERE, AcrossDrives, "across_drives"),
        ({"canMoveItemOutOfDrive": True}, {}, CLOSED, Refused, "canAddChildren"),
        ({"canMoveItemWithinDrive": False}, {}, HERE, Refused, "canMoveItemWithinDrive"),
        ({"canMoveItemWithinDrive": False, "canMoveItemOutOfDrive": True}, {}, THERE, None, None),
        ({"canAddMyDriveParent": False}, {"parents": None}, HERE, AcrossDrives, "across_drives"),
        ({"canAddMyDriveParent": True}, {"parents": None}, HERE, None, None),
        ({}, {}, HERE, None, None),
        ({}, {}, THERE, None, None),
    ],
)
async def test_capabilities_are_looked_at_first(
    capabilities: dict[str, bool],
    item: dict[str, Any],
    parent: Ref,
    kind: type[DriveError] | None,
    reason: str | None,
) -> None:
    google = Google(capabilities=capabilities, **item)
    async with google_at(google.answer) as drive:
        if kind is None:
            await drive.relocate(Ref("", "1Id1"), parent, None)
        else:
            with pytest.raises(kind) as refused:
                await drive.relocate(Ref("", "1Id1"), parent, None)
            assert (type(refused.value), refused.value.reason) == (kind, reason)
    assert google.changed == (kind is None)


async def test_another_version_is_not_moved() -> None:
    google = Google()
    async with google_at(google.answer) as drive:
        with pytest.raises(Changed):
            await drive.relocate(Ref("", "1Id1"), HERE, None, version="r0")
        with pytest.raises(Changed):
            await drive.relocate(Ref("", "1Id1"), None, "new name", version="r0")
    assert google.changed == 0


@pytest.mark.parametrize("reason", ["teamDrivesParentLimit", "crossDomainMoveRestriction", "cannotAddParent"])
async def test_what_google_finds_out_first_has_the_same_reason(reason: str) -> None:
    google = Google()

    async def answer(request: web.Request) -> web.StreamResponse:
        return refusal(403, reason) if request.method == "PATCH" else await google.answer(request)

    async with google_at(answer) as drive:
        with pytest.raises(AcrossDrives) as refused:
            await drive.relocate(Ref("", "1Id1"), THERE, None)
    assert refused.value.reason == "across_drives"
