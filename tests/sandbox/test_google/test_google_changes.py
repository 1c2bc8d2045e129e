"""changes.list of the stand-in: what is new, what is gone or taken away, for whom, and which tokens are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_google.client import DRIVE, STUDENT, TEACHER, Client

EVERYWHERE = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


async def _start(drive: Client, **params: Any) -> str:
    return str((await drive.call("GET", "/changes/startPageToken", **params)).json["startPageToken"])


async def _since(drive: Client, token: str, **params: Any) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = (await drive.call("GET", "/changes", pageToken=token, **params)).json["changes"]
    return changes


async def test_changes_tell_what_is_new_and_what_is_gone(drive: Client) -> None:
    start = (await drive.call("GET", "/changes/startPageToken")).json["startPageToken"]
    kept, gone = await drive.put("kept", b"1"), await drive.put("gone", b"2")
    await drive.call("DELETE", f"/files/{gone}", status=204)
    seen, token = list[dict[str, Any]](), start
    for _ in range(5):
        page = (await drive.call("GET", "/changes", pageToken=token, pageSize=1)).json
        seen += page["changes"]
        if "newStartPageToken" in page:
            break
        token = page["nextPageToken"]
    assert [(one["fileId"], one["removed"]) for one in seen[-2:]] == [(kept, False), (gone, True)]
    assert "file" not in seen[-1]
    after = (await drive.call("GET", "/changes", pageToken=page["newStartPageToken"])).json
    assert after["changes"] == []
    quiet = (await drive.call("GET", "/changes", pageToken=start, includeRemoved=False)).json
    assert gone not in {one["fileId"] for one in quiet["changes"]}


async def test_changes_are_one_s_own(drive: Client, student: Client) -> None:
    start = (await student.call("GET", "/changes/startPageToken")).json["startPageToken"]
    gone = await drive.put("secret", b"1")
    await drive.call("DELETE", f"/files/{gone}", status=204)
    await drive.put("other", b"1")
    assert (await student.call("GET", "/changes", pageToken=start)).json["changes"] == []


@pytest.mark.parametrize("token", ["x", "-1", "999999999"])
async def test_a_changes_token_that_was_never_given_is_400(drive: Client, token: str) -> None:
    assert (await drive.call("GET", "/changes", pageToken=token, status=400)).reason == "invalid"


async def test_changes_need_a_token(drive: Client) -> None:
    assert (await drive.call("GET", "/changes", status=400)).reason == "required"


async def test_what_was_shared_comes_and_what_was_taken_away_is_removed(drive: Client, student: Client) -> None:
    file = await drive.put("given", b"1")
    start = await _start(student)
    body = {"type": "user", "role": "reader", "emailAddress": STUDENT}
    given = (await drive.call("POST", f"/files/{file}/permissions", body=body)).json["id"]
    [seen] = await _since(student, start)
    assert (seen["fileId"], seen["removed"]) == (file, False)
    assert await _since(student, start, restrictToMyDrive=True) == []
    await drive.call("DELETE", f"/files/{file}/permissions/{given}", status=204)
    [seen] = await _since(student, start)
    assert (seen["fileId"], seen["removed"]) == (file, True)
    await drive.call("POST", f"/files/{file}/permissions", body=body)
    assert [one["removed"] for one in await _since(student, start)] == [False]


async def test_shared_drives_are_followed_where_asked_for(drive: Client) -> None:
    room = drive.box.vendor.tree.add_drive("Room", "riverside", 1)  # type: ignore[attr-defined]  # Google's own
    start, own = await _start(drive, driveId=room, supportsAllDrives=True), await drive.put("own", b"1")
    made = await drive.call("POST", "/files", body={"name": "n", "parents": [room]}, supportsAllDrives=True)
    assert [one["fileId"] for one in await _since(drive, start)] == [own]
    assert {one["fileId"] for one in await _since(drive, start, **EVERYWHERE)} == {own, made.json["id"]}
    assert [one["fileId"] for one in await _since(drive, start, driveId=room, **EVERYWHERE)] == [made.json["id"]]
    assert [one["fileId"] for one in await _since(drive, start, restrictToMyDrive=True, **EVERYWHERE)] == [own]
    await drive.call("GET", "/changes", pageToken=start, driveId=room, supportsAllDrives=True, status=400)
    await drive.call("DELETE", f"/files/{made.json['id']}", supportsAllDrives=True, status=204)
    [gone] = await _since(drive, start, driveId=room, **EVERYWHERE)
    assert gone["removed"]


async def test_a_drive_that_is_won_and_lost_is_a_change_of_its_own(drive: Client, student: Client) -> None:
    room = drive.box.vendor.tree.add_drive("Room", "riverside", 1)  # type: ignore[attr-defined]  # Google's own
    start = await _start(student)
    await drive.control("google", {"members": {room: {STUDENT: "reader"}}})
    fields = "changes(changeType,driveId,removed,drive(name))"
    [seen] = [one for one in await _since(student, start, fields=fields, **EVERYWHERE) if one["changeType"] == "drive"]
    assert seen == {"changeType": "drive", "driveId": room, "removed": False, "drive": {"name": "Room"}}
    await drive.control("google", {"members": {room: {STUDENT: None}}})
    [seen] = await _since(student, start, fields=fields, **EVERYWHERE)
    assert seen == {"changeType": "drive", "driveId": room, "removed": True}
    await student.call("GET", "/changes/startPageToken", driveId=room, supportsAllDrives=True, status=404)


async def test_forgotten_tokens_are_refused_and_new_ones_work(drive: Client) -> None:
    start = await _start(drive)
    await drive.control("google", {"forget": True})
    assert (await drive.call("GET", "/changes", pageToken=start, status=400)).reason == "invalid"
    assert await _since(drive, await _start(drive)) == []


async def test_an_app_follows_only_its_own_files(drive: Client) -> None:
    narrow = await Client.sign_in(drive.box, drive.session, TEACHER, f"{DRIVE}.file", "narrow")
    start = await _start(narrow)
    await drive.put("other", b"1")
    own = await narrow.put("own", b"1")
    assert [one["fileId"] for one in await _since(narrow, start)] == [own]
