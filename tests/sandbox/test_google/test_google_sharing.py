"""Sharing in the stand-in: permissions of persons, links with and without keys, and the views they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from tests.sandbox.test_google.client import STUDENT, TEACHER, Client

KEYS = "X-Goog-Drive-Resource-Keys"


async def _share(drive: Client, file_id: str, role: str = "reader", **params: Any) -> dict[str, Any]:
    body = {"type": "user", "role": role, "emailAddress": STUDENT}
    given: dict[str, Any] = (
        await drive.call("POST", f"/files/{file_id}/permissions", body=body, fields="*", **params)
    ).json
    return given


async def test_what_is_shared_is_found_and_can_be_left(drive: Client, student: Client) -> None:
    folder = await drive.folder("Given")
    inner = await drive.put("inner.txt", b"1", folder)
    given = await _share(drive, folder, "writer")
    assert await student.names("sharedWithMe = true") == ["Given"]
    seen = await student.file(folder)
    assert seen["sharedWithMeTime"]
    assert seen["sharingUser"]["emailAddress"] == TEACHER
    assert (await student.file(inner))["capabilities"]["canModifyContent"]
    assert "sharedWithMeTime" not in await student.file(inner)
    roles = {one["role"] for one in (await drive.call("GET", f"/files/{inner}/permissions")).json["permissions"]}
    assert roles == {"owner", "writer"}
    await student.call("DELETE", f"/files/{folder}/permissions/{given['id']}", status=204)
    await student.call("GET", f"/files/{inner}", status=404)


async def test_roles_are_told_truthfully(drive: Client, student: Client) -> None:
    file = await drive.put("a.txt", b"1")
    for role, comments, edits in (("reader", False, False), ("commenter", True, False), ("writer", True, True)):
        await _share(drive, file, role)
        can = (await student.file(file, "capabilities"))["capabilities"]
        assert (can["canComment"], can["canEdit"], can["canShare"]) == (comments, edits, edits)
        assert not can["canTrash"]
        await student.call("PATCH", f"/files/{file}", body={"description": role}, status=200 if edits else 403)
        await student.call("GET", f"/files/{file}/permissions", status=200 if edits else 403)
    await student.call("PATCH", f"/files/{file}", body={"trashed": True}, status=403)
    await student.call("DELETE", f"/files/{file}", status=403)


async def test_what_cannot_be_shared(drive: Client) -> None:
    file = await drive.put("a.txt", b"1")
    owner = (await drive.call("GET", f"/files/{file}/permissions")).json["permissions"][0]["id"]
    path = f"/files/{file}/permissions"
    bodies = [{"type": "group", "role": "reader"}, {"type": "user", "role": "owner", "emailAddress": STUDENT}, {}]
    bodies += [{"type": "user", "role": "reader", "emailAddress": who} for who in ("no@body.example", TEACHER)]
    for body in bodies:
        assert (await drive.call("POST", path, body=body, status=400)).reason == "invalidSharingRequest"
    await drive.call("DELETE", f"{path}/{owner}", status=403)
    await drive.call("DELETE", f"{path}/none", status=404)


async def test_anyone_with_the_link(drive: Client, student: Client) -> None:
    folder = await drive.folder("Open")
    inner = await drive.put("inner.txt", b"1", folder)
    given = await drive.call("POST", f"/files/{folder}/permissions", body={"type": "anyone", "role": "reader"})
    assert given.json["id"] == "anyoneWithLink"
    assert (await student.file(inner, "name")) == {"name": "inner.txt"}
    assert await student.names(f"'{folder}' in parents") == ["inner.txt"]
    assert await student.names("name = 'inner.txt'") == [], "a link is no entry in a drive"
    assert await drive.names("visibility = 'anyoneWithLink'") == ["Open"]
    await drive.call("DELETE", f"/files/{folder}/permissions/anyoneWithLink", status=204)
    await student.call("GET", f"/files/{inner}", status=404)


async def test_a_link_with_a_key_needs_it_for_what_lies_below_too(drive: Client, student: Client) -> None:
    folder = await drive.folder("Old")
    inner = await drive.put("inner.txt", b"1", folder)
    await drive.control("google", {"links": {folder: "0-key"}})
    body = {"mimeType": "application/vnd.google-apps.shortcut", "shortcutDetails": {"targetId": folder}}
    made = await drive.call("POST", "/files", body=body, fields="shortcutDetails")
    assert made.json["shortcutDetails"]["targetResourceKey"] == "0-key"
    await student.call("GET", f"/files/{inner}", status=404)
    await student.call("GET", f"/files/{inner}", headers={KEYS: f"{inner}/0-key"}, status=404)
    await student.call("GET", f"/files/{inner}", headers={KEYS: f"x/y,{folder}/0-key"})


async def test_starred_viewed_and_recency_are_each_person_s_own(drive: Client, student: Client) -> None:
    first, second = await drive.put("first", b"1"), await drive.put("second", b"2")
    for file in (first, second):
        await _share(drive, file)
    await student.call("PATCH", f"/files/{first}", body={"starred": True, "viewedByMeTime": "2031-01-01T00:00:00Z"})
    assert await student.names("starred = true") == ["first"]
    assert await drive.names("starred = true") == []
    assert await student.names("trashed = false", orderBy="recency desc") == ["first", "second"]
    assert await student.names("viewedByMeTime > '2030-01-01T00:00:00'") == ["first"]
    assert await student.names("starred = false and sharedWithMe") == ["second"]
    mine = await drive.file(second, "viewedByMe,modifiedByMe,modifiedByMeTime,viewedByMeTime")
    assert mine["viewedByMe"]
    assert mine["modifiedByMe"]
    assert await student.file(second, "viewedByMe,modifiedByMe,modifiedByMeTime,viewedByMeTime") == {
        "viewedByMe": False,
        "modifiedByMe": False,
    }


KEYS_OF_ORDER = "createdTime folder modifiedByMeTime modifiedTime name name_natural quotaBytesUsed recency "
KEYS_OF_ORDER += "sharedWithMeTime starred viewedByMeTime"


@pytest.mark.parametrize("key", KEYS_OF_ORDER.split())
async def test_every_documented_order(drive: Client, key: str) -> None:
    for number, name in enumerate(("a10", "a2", "a1")):
        await drive.put(name, b"x" * number, modifiedTime=f"2026-01-0{number + 1}T00:00:00Z")
    up = await drive.names("trashed = false", orderBy=f"{key},name")
    down = await drive.names("trashed = false", orderBy=f"{key} desc,name desc")
    assert up == down[::-1]
    expected = {"name_natural": ["a1", "a2", "a10"], "name": ["a1", "a10", "a2"]}
    by_time = ("modifiedTime", "quotaBytesUsed", "createdTime", "recency")
    if key in expected or key in by_time[:2]:
        assert up == expected.get(key, ["a10", "a2", "a1"])


async def test_seeded_sharing(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with serve("google", tmp_path) as box:
        for person in box.people.all():
            drive = await Client.sign_in(box, session, person.email)
            assert {"Reading list.txt", "Exchange project"} <= set(await drive.names("sharedWithMe")), person.key
            assert "Rules.txt" in await drive.names("trashed = false", pageSize=1000)
        await _odd_things(box, session)


async def _odd_things(box: Sandbox, session: aiohttp.ClientSession) -> None:
    drive = await Client.sign_in(box, session)
    files = (await drive.call("GET", "/files", fields="files", pageSize=1000)).json["files"]
    by_name = {one["name"]: one for one in files}
    flagged, look = by_name["Flagged as malware.txt"]["id"], by_name["Only for looking at.txt"]
    reply = await drive.call("GET", f"/files/{flagged}", alt="media", acknowledgeAbuse=True, status=403)
    assert reply.reason == "cannotDownloadAbusiveFile"
    assert (look["capabilities"]["canDownload"], look["copyRequiresWriterPermission"]) == (False, True)
    await drive.call("GET", f"/files/{look['id']}", alt="media", status=403)
    await drive.call("POST", f"/files/{look['id']}/copy", status=403)
    document = by_name["Only for looking at (document)"]["id"]
    await drive.call("GET", f"/files/{document}/export", mimeType="text/plain", status=403)
    for name, status in (("Target out of reach", 404), ("Target in the trash", 200), ("Target deleted", 404)):
        await drive.call("GET", f"/files/{by_name[name]['shortcutDetails']['targetId']}", status=status)
    assert by_name["To circle two"]["shortcutDetails"]["targetId"] == by_name["Circle two"]["id"]
    old = by_name["Shortcut to an old linked folder"]["shortcutDetails"]
    await drive.call("GET", f"/files/{old['targetId']}", status=404)
    headers = {KEYS: f"{old['targetId']}/{old['targetResourceKey']}"}
    reply = await drive.call("GET", "/files", q=f"'{old['targetId']}' in parents", headers=headers)
    assert [one["name"] for one in reply.json["files"]] == ["In the old folder.txt"]
