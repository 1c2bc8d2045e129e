"""about, drives, changes, userinfo; shared drives; and every method of the stand-in seen by the schema checker once."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.google.parameters import METHODS
from tests.contract.drive_schema import DriveChecker
from tests.sandbox.test_google.client import DOC, STUDENT, TEACHER, Client


async def test_about(drive: Client) -> None:
    await drive.put("a", b"12345")
    trashed = await drive.put("b", b"123")
    await drive.call("PATCH", f"/files/{trashed}", body={"trashed": True})
    about = (await drive.call("GET", "/about", fields="*")).json
    assert about["user"]["emailAddress"] == TEACHER
    assert about["user"]["me"]
    used = {"usage": "8", "usageInDrive": "8", "usageInDriveTrash": "3"}
    assert about["storageQuota"] == {"limit": str(15 * 1024**3), **used}
    assert about["exportFormats"][DOC]
    assert (await drive.call("GET", "/about", status=400)).reason == "required"


async def test_without_a_limit_there_is_no_limit_field(drive: Client) -> None:
    await drive.control("google", {"quota": {TEACHER: None}})
    quota = (await drive.call("GET", "/about", fields="storageQuota")).json["storageQuota"]
    assert "limit" not in quota
    await drive.put("a", b"1")


async def test_userinfo_tells_the_address(drive: Client) -> None:
    reply = await drive.call("GET", f"{drive.box.url}/oauth2/v3/userinfo")
    assert reply.json["email"] == TEACHER
    await drive.call("GET", f"{drive.box.url}/oauth2/v3/userinfo", headers={"Authorization": "Bearer x"}, status=401)


async def test_shared_drives_are_for_staff_and_asked_for(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    checker = DriveChecker()
    async with serve("google", tmp_path) as box:
        box.observers.append(checker)
        drive = await Client.sign_in(box, session)
        found = (await drive.call("GET", "/drives", fields="*")).json["drives"]
        assert [one["name"] for one in found] == ["Riverside Staff Room"]
        room = found[0]["id"]
        assert (await drive.call("GET", f"/drives/{room}", fields="*")).json == found[0]
        q = f"'{room}' in parents"
        assert (await drive.call("GET", "/files", q=q, status=404)).reason == "notFound"
        everywhere = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}
        assert await drive.names(q, **everywhere) == ["Timetable.csv"]
        assert "Timetable.csv" not in await drive.names("name='Timetable.csv'", supportsAllDrives=True)
        assert await drive.names("trashed=false", corpora="drive", driveId=room, **everywhere) == ["Timetable.csv"]
        made = await drive.call(
            "POST", "/files", body={"name": "n", "parents": [room]}, supportsAllDrives=True, fields="driveId,ownedByMe"
        )
        assert made.json == {"driveId": room}
        student = await Client.sign_in(box, session, STUDENT)
        assert (await student.call("GET", "/drives")).json["drives"] == []
        await student.call("GET", f"/drives/{room}", status=404)
        await student.call("GET", f"/files/{room}", supportsAllDrives=True, status=404)
    assert checker.problems == []


async def test_every_method_is_judged_by_the_schema(box: Sandbox, drive: Client) -> None:
    checker = DriveChecker()
    box.observers.append(checker)
    start = (await drive.call("GET", "/changes/startPageToken", fields="*")).json["startPageToken"]
    doc = (await drive.call("POST", "/files", body={"mimeType": DOC}, fields="*")).json["id"]
    await drive.call("GET", f"/files/{doc}/export", mimeType="text/plain")
    await drive.call("PATCH", f"/files/{doc}", body={"name": "x"}, fields="*")
    await drive.call("POST", f"/files/{doc}/copy", fields="*")
    name = (await drive.call("POST", f"/files/{doc}/download", mimeType="text/plain")).json["name"]
    await drive.call("GET", f"/operations/{name}", fields="*")
    await drive.call("GET", "/files", fields="*")
    await drive.call("GET", "/files/generateIds")
    await drive.call("GET", f"/files/{doc}", fields="*")
    body = {"type": "user", "role": "reader", "emailAddress": STUDENT}
    given = (await drive.call("POST", f"/files/{doc}/permissions", body=body, fields="*")).json["id"]
    await drive.call("GET", f"/files/{doc}/permissions", fields="*")
    await drive.call("GET", f"/files/{doc}/permissions/{given}", fields="*")
    await drive.call("PATCH", f"/files/{doc}/permissions/{given}", body={"role": "writer"}, fields="*")
    await drive.call("DELETE", f"/files/{doc}/permissions/{given}", status=204)
    file = await drive.put("two.txt", b"1")
    headers = {"Content-Type": "text/plain"}
    await drive.call("PATCH", f"/upload/drive/v3/files/{file}", data=b"2", headers=headers, uploadType="media")
    first = (await drive.call("GET", f"/files/{file}/revisions", fields="*")).json["revisions"][0]["id"]
    await drive.call("GET", f"/files/{file}/revisions/{first}", fields="*")
    await drive.call("PATCH", f"/files/{file}/revisions/{first}", body={"keepForever": True}, fields="*")
    await drive.call("DELETE", f"/files/{file}/revisions/{first}", status=204)
    await drive.call("DELETE", f"/files/{doc}", status=204)
    await drive.call("DELETE", "/files/trash", status=204)
    await drive.call("GET", "/about", fields="*")
    await drive.call("GET", "/drives", fields="*")
    await drive.call("GET", "/drives/none", status=404)
    await drive.call("GET", "/changes", pageToken=start, fields="*")
    assert {f"drive.{name}" for name in METHODS} <= set(checker.seen)
    assert checker.problems == []
