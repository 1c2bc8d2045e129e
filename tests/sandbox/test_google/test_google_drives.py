"""Shared drives of the stand-in: roles that are told and kept, moves across drives, limits, trash and restore."""

from __future__ import annotations

from typing import Any

import pytest

from providers.sandbox.google.planter import START
from providers.sandbox.google.vendor import Google
from tests.sandbox.test_google.client import FOLDER, STUDENT, TEACHER, Client

ALL: dict[str, Any] = {"supportsAllDrives": True}
ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer")


@pytest.fixture
def room(drive: Client) -> str:
    """A shared drive of the teacher's school; the student is no member."""
    assert isinstance(drive.box.vendor, Google)
    return drive.box.vendor.tree.add_drive("Room", "riverside", START)


async def _make(drive: Client, parent: str, name: str = "n", **more: Any) -> str:
    body = {"name": name, "parents": [parent], **more}
    return str((await drive.call("POST", "/files", body=body, **ALL)).json["id"])


async def _move(drive: Client, file: str, old: str, new: str, *, status: int = 200) -> Any:
    return await drive.call("PATCH", f"/files/{file}", body={}, addParents=new, removeParents=old, status=status, **ALL)


async def _join(drive: Client, room: str, role: str) -> None:
    body = {"type": "user", "role": role, "emailAddress": STUDENT}
    await drive.call("POST", f"/files/{room}/permissions", body=body, **ALL)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_do_what_its_capabilities_say(drive: Client, student: Client, room: str, role: str) -> None:
    file, folder = await _make(drive, room), await _make(drive, room, "f", mimeType=FOLDER)
    home = (await student.call("GET", "/files/root", fields="id")).json["id"]
    await _join(drive, room, role)
    path = f"/files/{file}"
    can = (await student.call("GET", path, fields="capabilities", **ALL)).json["capabilities"]
    inside = (await student.call("GET", f"/files/{room}", fields="capabilities", **ALL)).json["capabilities"]
    shown = (await student.call("GET", f"/drives/{room}", fields="capabilities")).json["capabilities"]
    level = ROLES.index(role)
    assert (can["canComment"], can["canEdit"], can["canTrash"], can["canDelete"]) == (
        level >= 1,
        level >= 2,
        level >= 3,
        level >= 4,
    )
    assert shown["canManageMembers"] == (level == 4)
    for allowed, method, place, more in (
        (inside["canAddChildren"], "POST", "/files", {"body": {"parents": [room]}}),
        (can["canRename"], "PATCH", path, {"body": {"name": "x"}}),
        (can["canMoveItemWithinDrive"], "PATCH", path, {"body": {}, "addParents": folder, "removeParents": room}),
        (can["canTrash"], "PATCH", path, {"body": {"trashed": True}}),
        (can["canUntrash"], "PATCH", path, {"body": {"trashed": level < 3}}),
        (can["canMoveItemOutOfDrive"], "PATCH", path, {"body": {}, "addParents": home, "removeParents": folder}),
    ):
        await student.call(method, place, status=200 if allowed else 403, **more, **ALL)
    await student.call("DELETE", path, status=204 if can["canDelete"] else 403, **ALL)


async def test_a_file_goes_into_a_shared_drive_and_out_again(drive: Client, student: Client, room: str) -> None:
    home = (await drive.call("GET", "/files/root", fields="id")).json["id"]
    file = await drive.put("a.txt", b"1")
    await _move(drive, file, home, room)
    inside = (await drive.call("GET", f"/files/{file}", fields="*", **ALL)).json
    assert (inside["driveId"], inside["parents"]) == (room, [room])
    assert not {"owners", "ownedByMe", "shared"} & set(inside)
    await _join(drive, room, "organizer")
    theirs = (await student.call("GET", "/files/root", fields="id")).json["id"]
    await _move(student, file, room, theirs)
    assert (await student.file(file))["ownedByMe"]
    await drive.call("GET", f"/files/{file}", status=404)
    assert (await student.call("GET", f"/files/{file}", alt="media")).body == b"1"


async def test_folders_move_in_with_all_that_lies_below_and_only_by_organizers(
    drive: Client, student: Client, room: str
) -> None:
    folder = await student.folder("Folder")
    inner = await student.put("inner.txt", b"1", await student.folder("Below", folder))
    home = (await student.call("GET", "/files/root", fields="id")).json["id"]
    await _join(drive, room, "writer")
    refused = await _move(student, folder, home, room, status=403)
    assert refused.reason == "teamDrivesFolderMoveInNotSupported"
    await drive.control("google", {"members": {room: {STUDENT: "organizer"}}})
    await _move(student, folder, home, room)
    seen = (await drive.call("GET", f"/files/{inner}", fields="driveId,ownedByMe", **ALL)).json
    assert seen == {"driveId": room}
    usage = (await student.call("GET", "/about", fields="storageQuota")).json["storageQuota"]["usage"]
    assert usage == "0", "what lies in a shared drive is nobody's"


async def test_an_editor_does_not_move_what_is_another_s(drive: Client, student: Client, room: str) -> None:
    file = await drive.put("a.txt", b"1")
    await drive.control("google", {"shared": {file: {STUDENT: "writer"}}})
    await _join(drive, room, "writer")
    home = (await drive.call("GET", "/files/root", fields="id")).json["id"]
    assert not (await student.file(file, "capabilities"))["capabilities"]["canMoveItemOutOfDrive"]
    assert (await _move(student, file, home, room, status=403)).reason == "fileWriterTeamDriveMoveInDisabled"


async def test_a_full_shared_drive(drive: Client, room: str) -> None:
    await drive.control("google", {"limits": {room: 3}})
    folder = await drive.folder("Folder")
    await drive.put("inner.txt", b"1", folder)
    await _make(drive, room)
    home = (await drive.call("GET", "/files/root", fields="id")).json["id"]
    assert (await _move(drive, folder, home, room, status=403)).reason == "teamDriveFileLimitExceeded"
    last = await _make(drive, room)
    body = {"name": "n", "parents": [room]}
    refused = await drive.call("POST", "/files", body=body, status=403, **ALL)
    assert refused.reason == "teamDriveFileLimitExceeded"
    assert (await drive.call("POST", f"/files/{last}/copy", status=403, **ALL)).reason == "teamDriveFileLimitExceeded"
    await drive.call("DELETE", f"/files/{last}", status=204, **ALL)
    await _make(drive, room)


async def test_trash_and_restore_of_its_items(drive: Client, student: Client, room: str) -> None:
    folder = await _make(drive, room, "Old", mimeType=FOLDER)
    inner = await _make(drive, folder, "inner")
    everywhere = {**ALL, "includeItemsFromAllDrives": True, "corpora": "drive", "driveId": room}
    await drive.call("PATCH", f"/files/{folder}", body={"trashed": True}, **ALL)
    assert sorted(await drive.names("trashed = true", **everywhere)) == ["Old", "inner"]
    told = await drive.call("GET", f"/files/{inner}", fields="trashed,explicitlyTrashed", **ALL)
    assert told.json == {"trashed": True, "explicitlyTrashed": False}
    told = await drive.call("GET", f"/files/{folder}", fields="explicitlyTrashed,trashedTime,trashingUser", **ALL)
    assert told.json["explicitlyTrashed"]
    assert told.json["trashingUser"]["emailAddress"] == TEACHER
    await drive.call("PATCH", f"/files/{folder}", body={"trashed": False}, **ALL)
    assert await drive.names("trashed = true", **everywhere) == []
    await drive.call("PATCH", f"/files/{folder}", body={"trashed": True}, **ALL)
    await _join(drive, room, "writer")
    await student.call("DELETE", "/files/trash", driveId=room, status=403)
    await drive.call("DELETE", "/files/trash", driveId=room, status=204)
    await drive.call("GET", f"/files/{inner}", status=404, **ALL)


async def test_members_come_and_go(drive: Client, student: Client, room: str) -> None:
    await _join(drive, room, "reader")
    assert [one["name"] for one in (await student.call("GET", "/drives")).json["drives"]] == ["Room"]
    path = f"/files/{room}/permissions"
    await student.call(
        "POST", path, body={"type": "user", "role": "reader", "emailAddress": TEACHER}, status=403, **ALL
    )
    shown = (await drive.call("GET", path, fields="permissions(id,emailAddress,permissionDetails)", **ALL)).json
    [mine] = [one for one in shown["permissions"] if one["emailAddress"] == STUDENT]
    assert mine["permissionDetails"] == [{"permissionType": "member", "role": "reader", "inherited": False}]
    await drive.call("DELETE", f"{path}/{mine['id']}", status=204, **ALL)
    assert (await student.call("GET", "/drives")).json["drives"] == []
