"""files: create, get, update, copy, delete, generateIds; who may do what; what is refused and how."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_google.client import DOC, DRIVE, FOLDER, STUDENT, TEACHER, Client

SHORTCUT = "application/vnd.google-apps.shortcut"
SHEET = "application/vnd.google-apps.spreadsheet"


async def test_a_folder_is_made_once_per_request(drive: Client) -> None:
    body = {"name": "Übung", "mimeType": FOLDER, "parents": ["root"], "description": "x", "folderColorRgb": "#112233"}
    made = (await drive.call("POST", "/files", body=body, fields="*")).json
    assert made["name"] == "Übung"
    assert made["folderColorRgb"] == "#112233"
    assert made["parents"] == [(await drive.file("root"))["id"]]
    assert not {"md5Checksum", "size", "headRevisionId"} & set(made)
    assert made["capabilities"]["canAddChildren"]


async def test_an_empty_body_makes_an_untitled_empty_file(drive: Client) -> None:
    made = (await drive.call("POST", "/files", fields="name,size,mimeType,md5Checksum")).json
    assert made == {
        "name": "Untitled",
        "size": "0",
        "mimeType": "application/octet-stream",
        "md5Checksum": "d41d8cd98f00b204e9800998ecf8427e",
    }


async def test_times_are_kept_to_the_millisecond(drive: Client) -> None:
    body = {"name": "t", "modifiedTime": "2026-11-23T10:53:50.116407136Z", "createdTime": "2026-11-22T12:00:00+02:00"}
    made = (await drive.call("POST", "/files", body=body, fields="modifiedTime,createdTime")).json
    assert made == {"modifiedTime": "2026-11-23T10:53:50.116Z", "createdTime": "2026-11-22T10:00:00.000Z"}


async def test_rename_and_move_in_one_request(drive: Client) -> None:
    source, target = await drive.folder("From"), await drive.folder("To")
    file_id = await drive.put("small.txt", b"1", source)
    before = await drive.file(file_id)
    path = f"/files/{file_id}"
    body = {"name": "moved.txt", "modifiedTime": "2026-01-01T00:00:00Z"}
    await drive.call("PATCH", path, body=body, addParents=target, removeParents=source, supportsAllDrives=True)
    after = await drive.file(file_id)
    assert (after["name"], after["parents"]) == ("moved.txt", [target])
    assert after["modifiedTime"] == "2026-01-01T00:00:00.000Z"
    assert int(after["version"]) > int(before["version"])
    assert after["headRevisionId"] == before["headRevisionId"]
    assert await drive.names(f"'{source}' in parents") == []


async def test_moves_that_cannot_be(drive: Client) -> None:
    outer = await drive.folder("Outer")
    inner = await drive.folder("Inner", outer)
    file_id = await drive.put("f.txt", b"", outer)
    path = f"/files/{file_id}"
    assert (await drive.call("PATCH", path, addParents=inner, status=403)).reason == "cannotAddParent"
    assert (await drive.call("PATCH", path, removeParents=outer, status=403)).reason == "cannotRemoveParent"
    refused = await drive.call("PATCH", f"/files/{outer}", addParents=inner, removeParents="root", status=403)
    assert refused.reason == "cyclicParent"
    refused = await drive.call("PATCH", path, addParents=file_id, removeParents=outer, status=403)
    assert refused.reason == "parentNotAFolder"
    assert (await drive.call("PATCH", path, addParents="gone", removeParents=outer, status=404)).reason == "notFound"
    assert (await drive.file(file_id))["parents"] == [outer]
    await drive.call("PATCH", path, addParents=outer)  # where it is already
    await drive.call("PATCH", path, body={"name": "g"}, addParents=outer, removeParents=outer)  # as rclone renames
    assert (await drive.file(file_id))["parents"] == [outer]


async def test_trash_and_restore(drive: Client) -> None:
    file_id = await drive.put("bin.txt", b"1")
    await drive.call("PATCH", f"/files/{file_id}", body={"trashed": True}, fields="")
    found = await drive.file(file_id)
    assert found["trashed"]
    assert found["trashedTime"]
    await drive.call("PATCH", f"/files/{file_id}", body={"trashed": False})
    restored = await drive.file(file_id)
    assert not restored["trashed"]
    assert "trashedTime" not in restored


async def test_delete_takes_the_content_and_the_bytes_along(box: Sandbox, drive: Client) -> None:
    folder = await drive.folder("Gone")
    inner = await drive.put("inner.txt", b"12345", await drive.folder("Deeper", folder))
    assert len(list(box.store.blobs.iterdir())) == 1
    await drive.call("DELETE", f"/files/{folder}", status=204)
    assert (await drive.call("GET", f"/files/{inner}", status=404)).reason == "notFound"
    assert list(box.store.blobs.iterdir()) == []


async def test_empty_trash_leaves_the_rest(drive: Client) -> None:
    kept, folder = await drive.put("kept.txt", b"1"), await drive.folder("Old")
    inner = await drive.put("inner.txt", b"1", folder)
    await drive.call("PATCH", f"/files/{folder}", body={"trashed": True})
    await drive.call("DELETE", "/files/trash", status=204)
    await drive.file(kept)
    await drive.call("GET", f"/files/{inner}", status=404)


async def test_copy_is_on_its_own(box: Sandbox, drive: Client) -> None:
    source, target = await drive.put("a.txt", b"same bytes"), await drive.folder("Copies")
    body = {"name": "copy.txt", "parents": [target], "modifiedTime": "2026-01-01T00:00:00Z"}
    copied = (await drive.call("POST", f"/files/{source}/copy", body=body, fields="*")).json
    assert copied["id"] != source
    assert copied["modifiedTime"] == "2026-01-01T00:00:00.000Z"
    assert copied["sha256Checksum"] == (await drive.file(source))["sha256Checksum"]
    await drive.call("DELETE", f"/files/{source}", status=204)
    assert (await drive.call("GET", f"/files/{copied['id']}", alt="media")).body == b"same bytes"


async def test_copies_of_documents_and_shortcuts_but_not_of_folders(drive: Client) -> None:
    folder = await drive.folder("No copy")
    assert (await drive.call("POST", f"/files/{folder}/copy", status=403)).reason == "cannotCopyFile"
    doc = (await drive.call("POST", "/files", body={"name": "Doc", "mimeType": DOC})).json["id"]
    copied = (await drive.call("POST", f"/files/{doc}/copy")).json
    assert (copied["name"], copied["mimeType"]) == ("Copy of Doc", DOC)
    body = {"name": "s", "mimeType": SHORTCUT, "shortcutDetails": {"targetId": folder}}
    shortcut = (await drive.call("POST", "/files", body=body)).json["id"]
    twin = (await drive.call("POST", f"/files/{shortcut}/copy", fields="shortcutDetails")).json
    assert twin["shortcutDetails"] == {"targetId": folder, "targetMimeType": FOLDER}


async def test_a_generated_id_is_good_for_one_file(drive: Client) -> None:
    ids = (await drive.call("GET", "/files/generateIds", count=2)).json["ids"]
    assert len(set(ids)) == 2
    made = (await drive.call("POST", "/files", body={"name": "once", "id": ids[0]})).json
    assert made["id"] == ids[0]
    assert (
        await drive.call("POST", "/files", body={"name": "twice", "id": ids[0]}, status=409)
    ).reason == "fileIdInUse"
    assert (await drive.call("POST", "/files", body={"id": "1" + "x" * 32}, status=400)).reason == "invalid"
    assert (await drive.call("POST", "/files", body={"id": ids[1], "mimeType": SHEET}, status=400)).reason == "invalid"
    assert (await drive.call("POST", f"/files/{ids[0]}/copy", body={"id": ids[1]})).json["id"] == ids[1]


@pytest.mark.parametrize("params", [{"count": 0}, {"count": 1001}, {"space": "moon"}])
async def test_generate_ids_has_limits(drive: Client, params: dict[str, Any]) -> None:
    await drive.call("GET", "/files/generateIds", status=400, **params)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"colour": "red"}, 400, "badRequest"),
        ({"name": 7}, 400, "invalid"),
        ({"starred": "yes"}, 400, "invalid"),
        ({"parents": "root"}, 400, "invalid"),
        ({"modifiedTime": "yesterday"}, 400, "invalid"),
        ({"modifiedTime": "2026-13-01T00:00:00Z"}, 400, "invalid"),
        ({"md5Checksum": "0"}, 403, "fieldNotWritable"),
        ({"size": "1"}, 403, "fieldNotWritable"),
        ({"parents": ["root", "root"]}, 403, "multipleParentsNotAllowed"),
        ({"parents": ["nowhere"]}, 404, "notFound"),
        ({"parents": [1]}, 403, "multipleParentsNotAllowed"),
        ({"mimeType": SHORTCUT}, 400, "badRequest"),
        ({"mimeType": SHORTCUT, "shortcutDetails": {"targetId": "gone"}}, 404, "notFound"),
    ],
)
async def test_bad_bodies(drive: Client, body: dict[str, Any], status: int, reason: str) -> None:
    assert (await drive.call("POST", "/files", body=body, status=status)).reason == reason
    assert await drive.names("'root' in parents") == []


@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b"\xff"])
async def test_a_body_that_is_no_object_is_400(drive: Client, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await drive.call("POST", "/files", data=data, headers=headers, status=400)).reason == "parseError"


async def test_update_does_not_take_parents(drive: Client) -> None:
    file_id = await drive.put("f", b"")
    for body in ({"parents": ["root"]}, {"id": "x"}, {"createdTime": "2026-01-01T00:00:00Z"}):
        assert (await drive.call("PATCH", f"/files/{file_id}", body=body, status=403)).reason == "fieldNotWritable"


async def test_properties_are_merged_and_null_removes(drive: Client) -> None:
    file_id = await drive.put("f", b"", properties={"a": "1", "b": "2"})
    await drive.call("PATCH", f"/files/{file_id}", body={"properties": {"a": None, "c": "3"}})
    assert (await drive.file(file_id))["properties"] == {"b": "2", "c": "3"}


async def test_the_root_stays(drive: Client) -> None:
    root = (await drive.file("root"))["id"]
    for method, body in (("DELETE", None), ("PATCH", {"trashed": True}), ("PATCH", {"name": "x"})):
        refused = await drive.call(method, f"/files/{root}", body=body, status=403)
        assert refused.reason == "insufficientFilePermissions"


async def test_a_reader_reads_and_no_more(box: Sandbox, drive: Client, student: Client) -> None:
    folder = await drive.folder("Shared")
    file_id = await drive.put("sheet.txt", b"read me", folder)
    assert (await student.call("GET", f"/files/{file_id}", status=404)).reason == "notFound"
    tree = box.vendor.tree  # type: ignore[attr-defined]  # Google's own part
    tree.put({**tree.get(folder), "shared": {STUDENT: {"role": "reader", "at": 1, "by": TEACHER}}})
    assert await student.names("sharedWithMe") == ["Shared"]
    assert (await student.call("GET", f"/files/{file_id}", alt="media")).body == b"read me"
    seen = await student.file(file_id)
    assert (seen["ownedByMe"], seen["capabilities"]["canEdit"], seen["shared"]) == (False, False, True)
    assert seen["owners"][0]["emailAddress"] == TEACHER
    for method, body in (("PATCH", {"name": "mine"}), ("PATCH", {"trashed": True}), ("DELETE", None)):
        refused = await student.call(method, f"/files/{file_id}", body=body, status=403)
        assert refused.reason == "insufficientFilePermissions"
    refused = await student.call("POST", "/files", body={"parents": [folder]}, status=403)
    assert refused.reason == "insufficientFilePermissions"
    copied = (await student.call("POST", f"/files/{file_id}/copy", fields="ownedByMe,parents")).json
    assert copied == {"ownedByMe": True, "parents": [(await student.file("root"))["id"]]}


async def test_drive_file_sees_only_what_the_app_made(
    box: Sandbox, session: aiohttp.ClientSession, drive: Client
) -> None:
    others = await drive.put("others.txt", b"1")
    narrow = await Client.sign_in(box, session, TEACHER, f"{DRIVE}.file", app="picker")
    mine = await narrow.put("mine.txt", b"2")
    assert await narrow.names("trashed=false") == ["mine.txt"]
    assert (await narrow.call("GET", f"/files/{others}", status=404)).reason == "notFound"
    assert (await narrow.file(mine))["isAppAuthorized"]
    assert (await narrow.call("GET", "/drives", status=403)).reason == "insufficientPermissions"


async def test_scopes(box: Sandbox, session: aiohttp.ClientSession) -> None:
    reader = await Client.sign_in(box, session, TEACHER, f"{DRIVE}.readonly")
    assert await reader.names("trashed=false") == []
    assert (await reader.call("POST", "/files", body={}, status=403)).reason == "insufficientPermissions"
    other = await Client.sign_in(box, session, TEACHER, "openid email")
    assert (await other.call("GET", "/files", status=403)).reason == "insufficientPermissions"


async def test_without_a_token(drive: Client) -> None:
    for value in ("", "Bearer ", "Bearer wrong", "Basic eDp5"):
        refused = await drive.call("GET", "/files", headers={"Authorization": value}, status=401)
        assert refused.reason == "authError"
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_what_is_no_method_is_refused_in_the_envelope(drive: Client) -> None:
    assert (await drive.call("GET", "/nothing", status=404)).reason == "notFound"
    assert (await drive.call("PUT", "/files", status=405)).json["error"]["code"] == 405


async def test_odd_names_come_back_as_they_went(drive: Client) -> None:
    for name in (" lead", "trail. ", "a/b", "nul\u0000", "CON", "🌱" * 50, "e\u0301", "\ud83c"):
        file_id = (await drive.call("POST", "/files", body={"name": name})).json["id"]
        assert (await drive.file(file_id, "name"))["name"] == name
