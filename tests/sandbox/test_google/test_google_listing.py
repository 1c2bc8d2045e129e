"""files.list: the query language, paging, order, selectors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_google.client import FOLDER, TEACHER, Client

SHORTCUT = "application/vnd.google-apps.shortcut"


async def _shelf(drive: Client) -> dict[str, str]:
    folder = await drive.folder("Plants")
    ids = {
        "folder": folder,
        "leaf": await drive.put("Leaf notes.txt", b"leaf", folder, modifiedTime="2026-01-02T00:00:00Z"),
    }
    ids["root"] = await drive.put("Root's end.txt", b"root!", folder, description="deep in soil")
    ids["slash"] = await drive.put("back\\slash.txt", b"", folder, properties={"unit": "3"})
    body = {"name": "To leaf", "mimeType": SHORTCUT, "parents": [folder], "shortcutDetails": {"targetId": ids["leaf"]}}
    ids["short"] = (await drive.call("POST", "/files", body=body)).json["id"]
    await drive.call("PATCH", f"/files/{ids['slash']}", body={"trashed": True})
    await drive.call("PATCH", f"/files/{ids['root']}", body={"starred": True})
    return ids


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("'{folder}' in parents", ["Leaf notes.txt", "Root's end.txt", "To leaf", "back\\slash.txt"]),
        ("trashed=false and ('{folder}' in parents)", ["Leaf notes.txt", "Root's end.txt", "To leaf"]),
        ("trashed=false and ('{folder}' in parents) and (name='leaf NOTES.txt')", ["Leaf notes.txt"]),
        (f"('root' in parents) and (mimeType='{FOLDER}' or mimeType='{SHORTCUT}')", ["Plants"]),
        ("name = 'Root\\'s end.txt'", ["Root's end.txt"]),
        ("name = 'back\\\\slash.txt'", ["back\\slash.txt"]),
        ("name contains 'lea'", ["Leaf notes.txt", "To leaf"]),
        ("name contains 'eaf'", []),
        ("name contains 'no leaf'", ["Leaf notes.txt"]),
        ("name != 'Plants' and not name contains 'leaf' and trashed = false", ["Root's end.txt"]),
        ("fullText contains 'soil'", ["Root's end.txt"]),
        ("fullText contains 'soi'", []),
        ("fullText contains '\"deep in\"'", ["Root's end.txt"]),
        ("fullText contains '\"in deep\"'", []),
        ("mimeType contains 'text/'", ["Leaf notes.txt", "Root's end.txt", "back\\slash.txt"]),
        ("mimeType != 'text/plain' and mimeType != 'application/vnd.google-apps.shortcut'", ["Plants"]),
        ("modifiedTime < '2026-02-01T00:00:00'", ["Leaf notes.txt"]),
        ("modifiedTime > '2026-02-01T00:00:00' and mimeType='text/plain' and trashed=false", ["Root's end.txt"]),
        ("starred = true", ["Root's end.txt"]),
        ("trashed = true", ["back\\slash.txt"]),
        ("trashed != true and starred != true and mimeType = 'text/plain'", ["Leaf notes.txt"]),
        ("properties has {{ key='unit' and value='3' }}", ["back\\slash.txt"]),
        ("properties has {{ key='unit' and value='4' }}", []),
        ("shortcutDetails.targetId = '{leaf}'", ["To leaf"]),
        ("sharedWithMe and name contains 'leaf'", []),
        ("sharedWithMe = true", []),
        (f"'{TEACHER}' in owners and name = 'Plants'", ["Plants"]),
        ("'me' in writers and name = 'Plants'", ["Plants"]),
        ("'nobody@else.example' in readers", []),
        ("name = 'a' or name = 'Plants' or trashed = true", ["Plants", "back\\slash.txt"]),
        ("(name = 'Plants' or name = 'To leaf') and mimeType = 'application/vnd.google-apps.folder'", ["Plants"]),
    ],
)
async def test_query(drive: Client, q: str, names: list[str]) -> None:
    ids = await _shelf(drive)
    assert sorted(await drive.names(q.format(**ids) if "{" in q else q)) == sorted(names)


@pytest.mark.parametrize(
    "q",
    [
        "name",
        "name =",
        "name = Plants",
        "name = 'open",
        "(trashed = false",
        "trashed = 'false'",
        "trashed = false)",
        "colour = 'red'",
        "'x' in children",
        "name > 'a'",
        "name = 'a' and",
        "name = 'a' name = 'b'",
        "modifiedTime > 'yesterday'",
        "properties has { key='unit' }",
        "starred contains true",
        "name = 'it's'",
    ],
)
async def test_malformed_query_is_400(drive: Client, q: str) -> None:
    assert (await drive.call("GET", "/files", q=q, status=400)).reason in ("invalid", "badRequest")


async def test_pages_hold_everything_once_and_tokens_belong_to_their_query(drive: Client) -> None:
    folder = await drive.folder("Many")
    for number in range(7):
        await drive.put(f"{number}.txt", b"", folder)
    q, seen, token = f"'{folder}' in parents", list[str](), ""
    while True:
        params: dict[str, Any] = {"pageToken": token} if token else {}
        page = (await drive.call("GET", "/files", q=q, pageSize=3, orderBy="name desc", **params)).json
        assert len(page["files"]) <= 3
        seen += [file["name"] for file in page["files"]]
        if "nextPageToken" not in page:
            break
        token = page["nextPageToken"]
    assert seen == [f"{number}.txt" for number in reversed(range(7))]
    assert (await drive.call("GET", "/files", q="trashed=false", pageToken=token, status=400)).reason == "invalid"
    assert (await drive.call("GET", "/files", q=q, pageToken="W10=", status=400)).reason == "invalid"


async def test_a_page_token_survives_a_change_in_between(drive: Client) -> None:
    folder = await drive.folder("Moving")
    ids = [await drive.put(f"{number}.txt", b"", folder) for number in range(4)]
    params: dict[str, Any] = {"q": f"'{folder}' in parents", "orderBy": "name", "pageSize": 2}
    first = (await drive.call("GET", "/files", **params)).json
    await drive.call("DELETE", f"/files/{ids[0]}", status=204)
    second = (await drive.call("GET", "/files", **params, pageToken=first["nextPageToken"])).json
    assert [file["name"] for file in first["files"] + second["files"]] == ["0.txt", "1.txt", "2.txt", "3.txt"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("name", ["A", "b", "c.txt"]),
        ("folder,name desc", ["b", "A", "c.txt"]),
        ("modifiedTime", ["c.txt", "A", "b"]),
        ("quotaBytesUsed desc,name", ["c.txt", "A", "b"]),
    ],
)
async def test_order(drive: Client, order: str, names: list[str]) -> None:
    await drive.put("c.txt", b"longest", modifiedTime="2001-01-01T00:00:00Z")
    for name in ("A", "b"):
        await drive.folder(name)
    assert await drive.names("'root' in parents", orderBy=order) == names


async def test_unknown_order_is_400(drive: Client) -> None:
    assert (await drive.call("GET", "/files", orderBy="colour", status=400)).reason == "invalid"


async def test_default_fields_are_google_s(drive: Client) -> None:
    file_id = await drive.put("plain.txt", b"1")
    listed = (await drive.call("GET", "/files", q="name='plain.txt'")).json
    assert listed == {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [{"kind": "drive#file", "id": file_id, "name": "plain.txt", "mimeType": "text/plain"}],
    }
    assert set((await drive.call("GET", f"/files/{file_id}", fields="")).json) == {"kind", "id", "name", "mimeType"}


async def test_selectors(drive: Client) -> None:
    file_id = await drive.put("one.txt", b"12345")
    path = f"/files/{file_id}"
    assert (await drive.call("GET", path, fields="size,owners/emailAddress")).json == {
        "size": "5",
        "owners": [{"emailAddress": TEACHER}],
    }
    assert (await drive.call("GET", path, fields="capabilities(canTrash),trashed")).json == {
        "capabilities": {"canTrash": True},
        "trashed": False,
    }
    everything = (await drive.call("GET", path, fields="*")).json
    assert everything["version"] == "1"
    assert everything["headRevisionId"]
    assert not {"teamDriveId", "shortcutDetails"} & set(everything)
    wanted = "kind,nextPageToken,incompleteSearch,files(id,imageMediaMetadata,teamDriveId,shortcutDetails(targetId))"
    assert (await drive.call("GET", "/files", fields=wanted)).json["files"] == [{"id": file_id}]


@pytest.mark.parametrize(
    "fields", ["colour", "files", "id,", "owners(colour)", "id(x)", "(id)", "id)", "a b", "owners("]
)
async def test_bad_selector_is_400(drive: Client, fields: str) -> None:
    assert (await drive.call("GET", "/files/root", fields=fields, status=400)).reason == "invalidParameter"


@pytest.mark.parametrize(
    "params",
    [
        {"pageSize": 0},
        {"pageSize": 1001},
        {"pageSize": "many"},
        {"colour": "red"},
        {"supportsAllDrives": "maybe"},
        {"pageToken": "!"},
    ],
)
async def test_bad_parameter_is_400(drive: Client, params: dict[str, Any]) -> None:
    await drive.call("GET", "/files", status=400, **params)


async def test_parent_that_is_not_there_is_404(drive: Client) -> None:
    assert (await drive.call("GET", "/files", q="'nothing' in parents", status=404)).reason == "notFound"


async def test_what_lies_in_a_trashed_folder_is_trashed(drive: Client) -> None:
    folder = await drive.folder("Old")
    inner = await drive.put("inner.txt", b"", await drive.folder("Older", folder))
    await drive.call("PATCH", f"/files/{folder}", body={"trashed": True})
    assert await drive.names("name='inner.txt' and trashed=false") == []
    assert await drive.file(inner, "trashed,explicitlyTrashed") == {"trashed": True, "explicitlyTrashed": False}


async def test_one_name_twice(drive: Client) -> None:
    first, second = await drive.put("Same.txt", b"1"), await drive.put("Same.txt", b"2")
    assert first != second
    assert await drive.names("name='Same.txt'") == ["Same.txt", "Same.txt"]
