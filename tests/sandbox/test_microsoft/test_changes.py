"""Folders, renaming, moving, deleting, restoring, copying on the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.sandbox.test_microsoft.client import Client

MAKE = {"@microsoft.graph.conflictBehavior": "rename"}
DATES = {"createdDateTime": "2020-01-02T03:04:05Z", "lastModifiedDateTime": "2021-02-03T04:05:06.7891234Z"}


async def names(client: Client, place: str = "root") -> list[str]:
    """What a folder holds."""
    listed = (await client.call("GET", f"/me/drive/{place}/children")).json
    return [one["name"] for one in listed["value"]]


async def test_make_a_folder(teacher: Client) -> None:
    made = await teacher.folder("Term 2", fileSystemInfo=DATES)
    assert made.status == 201
    assert made.json["folder"] == {"childCount": 0}
    assert made.json["fileSystemInfo"]["createdDateTime"] == DATES["createdDateTime"]
    assert (await teacher.folder("TERM 2")).error == (409, "nameAlreadyExists")
    assert (await teacher.folder("term 2", **MAKE)).json["name"] == "term 2 1"
    assert (await teacher.folder("term 2", **{"@name.conflictBehavior": "rename"})).json["name"] == "term 2 2"
    there = await teacher.folder("Term 2", **{"@microsoft.graph.conflictBehavior": "replace"})
    assert (there.status, there.json["id"]) == (200, made.json["id"])


async def test_a_folder_never_replaces_a_file(teacher: Client) -> None:
    reply = await teacher.folder("Welcome.txt", **{"@microsoft.graph.conflictBehavior": "replace"})
    assert reply.error == (409, "nameAlreadyExists")


async def test_unicode_names_of_one_look_are_one_name(teacher: Client) -> None:
    await teacher.folder("Café")
    assert (await teacher.folder("Cafe\u0301")).error == (409, "nameAlreadyExists")
    assert (await teacher.item("CAFE\u0301"))["name"] == "Café"


@pytest.mark.parametrize(
    "name",
    [
        "a:b",
        'a"b',
        "a*b",
        "a<b",
        "a>b",
        "a?b",
        "a/b",
        "a\\b",
        "a|b",
        " a",
        "a ",
        "~a",
        "~$a.docx",
        "a.",
        "CON",
        "aux",
        "com7",
        ".lock",
        "desktop.ini",
        "a_vti_b",
        "",
        "x" * 256,
        "tab\tname",
        "nul\x00",
    ],
)
async def test_names_that_onedrive_forbids(teacher: Client, name: str) -> None:
    assert (await teacher.folder(name)).error == (400, "invalidRequest")
    item = await teacher.item("Welcome.txt")
    reply = await teacher.call("PATCH", f"/me/drive/items/{item['id']}", json={"name": name})
    assert reply.error == (400, "invalidRequest")


@pytest.mark.parametrize("name", ["CONSOLE", "a.b..c", "#1 %", "com10", "-", "🙂", "a" * 255, "né\u0301"])
async def test_names_that_it_takes(teacher: Client, name: str) -> None:
    assert (await teacher.folder(name)).json["name"] == name


async def test_a_path_of_more_than_400_characters(teacher: Client) -> None:
    first = (await teacher.folder("a" * 200)).json
    second = (await teacher.folder("b" * 190, first["id"])).json
    assert (await teacher.folder("c" * 20, second["id"])).error == (400, "invalidRequest")
    moved = await teacher.call("PATCH", f"/me/drive/items/{second['id']}", json={"name": "b" * 210})
    assert moved.error == (400, "invalidRequest")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "file": {}},
        {"name": "x", "folder": {}, "file": {}},
        {"name": 7, "folder": {}},
        {"name": "x", "folder": {}, "colour": "red"},
        {"name": "x", "folder": {}, "@microsoft.graph.conflictBehavior": "merge"},
        {"folder": {}},
    ],
)
async def test_bodies_that_make_nothing(teacher: Client, body: dict[str, Any]) -> None:
    body_problem = await teacher.call("POST", "/me/drive/root/children", json=body)
    assert body_problem.error == (400, "invalidRequest")


async def test_a_body_that_is_no_json(teacher: Client) -> None:
    reply = await teacher.call("POST", "/me/drive/root/children", data=b"{nonsense")
    assert reply.status == 400


async def test_rename_keeps_the_content_and_moves_the_etag_on(teacher: Client) -> None:
    before = await teacher.item("Welcome.txt")
    reply = await teacher.call("PATCH", f"/me/drive/items/{before['id']}", json={"name": "WELCOME.txt"})
    after = reply.json
    assert (after["id"], after["name"], after["cTag"]) == (before["id"], "WELCOME.txt", before["cTag"])
    assert after["eTag"] != before["eTag"]
    assert after["fileSystemInfo"] == before["fileSystemInfo"]


async def test_move_by_id_and_by_path(teacher: Client) -> None:
    item, folder = await teacher.item("Welcome.txt"), await teacher.item("Marking")
    body = {
        "parentReference": {"driveId": teacher.drive, "id": folder["id"], "path": "", "driveType": ""},
        "name": "W.txt",
    }
    moved = (await teacher.call("PATCH", f"/me/drive/items/{item['id']}", json=body)).json
    assert moved["parentReference"]["path"].endswith("root:/Marking")
    assert (await teacher.item("Marking"))["size"] == item["size"]
    body = {"parentReference": {"path": "/drive/root:/Year%207%20Science"}}
    moved = (await teacher.call("PATCH", "/me/drive/root:/Marking/W.txt:", json=body)).json
    assert moved["parentReference"]["path"].endswith("root:/Year 7 Science")
    assert await names(teacher, "root:/Marking:") == []


async def test_a_folder_moves_with_all_it_holds(teacher: Client) -> None:
    folder, target = await teacher.item("Year 7 Science"), await teacher.item("Marking")
    size = folder["size"]
    body = {"parentReference": {"id": target["id"]}}
    await teacher.call("PATCH", f"/me/drive/items/{folder['id']}", json=body)
    assert (await teacher.item("Marking"))["size"] == size
    assert (
        await teacher.call("GET", "/me/drive/root:/Marking/Year 7 Science/Practicals/Iodine test.txt")
    ).status == 200


async def test_moves_that_cannot_be(teacher: Client, owner: Client) -> None:
    folder, below = await teacher.item("Year 7 Science"), await teacher.item("Year 7 Science/Practicals")
    item, root = await teacher.item("Welcome.txt"), (await teacher.call("GET", "/me/drive/root")).json
    theirs = (await owner.call("GET", "/me/drive/root")).json
    attempts: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
        (folder["id"], {"id": below["id"]}, (400, "invalidRequest")),
        (folder["id"], {"id": folder["id"]}, (400, "invalidRequest")),
        (folder["id"], {"id": item["id"]}, (400, "invalidRequest")),
        (folder["id"], {"id": "01NOSUCH"}, (404, "itemNotFound")),
        (folder["id"], {}, (400, "invalidRequest")),
        (folder["id"], {"colour": "red"}, (400, "invalidRequest")),
        (folder["id"], {"driveId": owner.drive, "id": theirs["id"]}, (403, "accessDenied")),
        (root["id"], {"id": below["id"]}, (403, "accessDenied")),
    ]
    for moved, reference, expected in attempts:
        reply = await teacher.call("PATCH", f"/me/drive/items/{moved}", json={"parentReference": reference})
        assert reply.error == expected, reference
    assert (await teacher.item("Year 7 Science")) | {"@odata.context": ""} == folder | {"@odata.context": ""}


async def test_a_taken_name_in_the_new_place(teacher: Client) -> None:
    await teacher.put("Marking/Welcome.txt", b"other")
    item, folder = await teacher.item("Welcome.txt"), await teacher.item("Marking")
    path, body = f"/me/drive/items/{item['id']}", {"parentReference": {"id": folder["id"]}}
    assert (await teacher.call("PATCH", path, json=body)).error == (409, "nameAlreadyExists")
    renamed = await teacher.call("PATCH", path, json={**body, "@microsoft.graph.conflictBehavior": "rename"})
    assert renamed.json["name"] == "Welcome 1.txt"
    replaced = await teacher.call(
        "PATCH", f"{path}?@microsoft.graph.conflictBehavior=replace", json={"name": "Welcome.txt"}
    )
    assert replaced.json["id"] == item["id"]
    assert await names(teacher, "root:/Marking:") == ["Welcome.txt"]


async def test_dates_alone_make_another_version(teacher: Client) -> None:
    before = await teacher.item("Welcome.txt")
    reply = await teacher.call("PATCH", "/me/drive/root:/Welcome.txt:", json={"fileSystemInfo": DATES})
    assert reply.json["fileSystemInfo"]["lastModifiedDateTime"] == "2021-02-03T04:05:06Z"
    assert reply.json["cTag"] == before["cTag"]
    assert reply.json["eTag"] != before["eTag"]


async def test_personal_drives_keep_milliseconds(owner: Client) -> None:
    reply = await owner.call("PATCH", "/me/drive/root:/Welcome.txt:", json={"fileSystemInfo": DATES})
    assert reply.json["fileSystemInfo"]["lastModifiedDateTime"] == "2021-02-03T04:05:06.789Z"


@pytest.mark.parametrize("verb", ["PATCH", "DELETE"])
async def test_if_match(teacher: Client, verb: str) -> None:
    item = await teacher.item("Welcome.txt")
    path, options = f"/me/drive/items/{item['id']}", {"json": {"name": "W.txt"}} if verb == "PATCH" else {}
    stale = await teacher.call(verb, path, headers={"If-Match": item["eTag"].replace(",1", ",7")}, **options)
    assert stale.error == (412, "resourceModified")
    fresh = await teacher.call(verb, path, headers={"If-Match": item["eTag"]}, **options)
    assert fresh.status in (200, 204)


async def test_delete_goes_to_the_bin_and_counts_as_used(teacher: Client) -> None:
    folder = await teacher.item("Year 7 Science")
    used = (await teacher.call("GET", "/me/drive")).json["quota"]["used"]
    assert (await teacher.call("DELETE", f"/me/drive/items/{folder['id']}")).status == 204
    quota = (await teacher.call("GET", "/me/drive")).json["quota"]
    assert (quota["used"], quota["deleted"]) == (used, folder["size"])
    for path in (f"items/{folder['id']}", "root:/Year 7 Science/Leaf.png"):
        assert (await teacher.call("GET", f"/me/drive/{path}")).error == (404, "itemNotFound")
    assert (await teacher.call("DELETE", f"/me/drive/items/{folder['id']}")).error == (404, "itemNotFound")
    assert (await teacher.folder("Year 7 Science")).status == 201


async def test_what_lies_in_a_binned_folder_is_gone_by_id_too(teacher: Client) -> None:
    leaf, folder = await teacher.item("Year 7 Science/Leaf.png"), await teacher.item("Year 7 Science")
    await teacher.call("DELETE", f"/me/drive/items/{folder['id']}")
    assert (await teacher.call("GET", f"/me/drive/items/{leaf['id']}")).error == (404, "itemNotFound")


async def test_permanent_delete_frees_the_space(teacher: Client) -> None:
    folder = await teacher.item("Shared resources")
    before = (await teacher.call("GET", "/me/drive")).json["quota"]
    blobs = len(list(teacher.box.store.blobs.iterdir()))
    assert (await teacher.call("POST", f"/me/drive/items/{folder['id']}/permanentDelete")).status == 204
    after = (await teacher.call("GET", "/me/drive")).json["quota"]
    assert (before["used"] - after["used"], after["deleted"]) == (folder["size"], 0)
    assert len(list(teacher.box.store.blobs.iterdir())) == blobs - 2


async def test_the_root_stays(teacher: Client) -> None:
    assert (await teacher.call("DELETE", "/me/drive/root")).error == (403, "accessDenied")
    assert (await teacher.call("PATCH", "/me/drive/root", json={"name": "x"})).error == (403, "accessDenied")


async def test_restore_on_personal_drives(owner: Client, teacher: Client) -> None:
    folder = await owner.item("Year 7 Science")
    await owner.call("DELETE", f"/me/drive/items/{folder['id']}")
    reply = await owner.call("POST", f"/me/drive/items/{folder['id']}/restore", json={"name": "Back"})
    assert (reply.json["id"], reply.json["name"]) == (folder["id"], "Back")
    assert (await owner.item("Back"))["size"] == folder["size"]
    assert (await owner.call("POST", f"/me/drive/items/{folder['id']}/restore")).error == (404, "itemNotFound")
    item = await teacher.item("Welcome.txt")
    await teacher.call("DELETE", f"/me/drive/items/{item['id']}")
    assert (await teacher.call("POST", f"/me/drive/items/{item['id']}/restore")).error == (400, "notSupported")


async def test_copy_a_file(teacher: Client) -> None:
    item, folder = await teacher.item("Year 7 Science/Leaf.png"), await teacher.item("Marking")
    body = {"parentReference": {"driveId": teacher.drive, "id": folder["id"]}, "name": "Copy.png"}
    reply = await teacher.call("POST", f"/me/drive/items/{item['id']}/copy", json=body)
    assert (reply.status, reply.body) == (202, b"")
    done = await teacher.call("GET", reply.headers["Location"])
    assert (done.status, done.json["status"]) == (200, "completed")
    copy = (await teacher.call("GET", f"/me/drive/items/{done.json['resourceId']}")).json
    assert (copy["name"], copy["file"]) == ("Copy.png", item["file"])
    await teacher.call("POST", f"/me/drive/items/{item['id']}/permanentDelete")
    assert len(await teacher.read("Marking/Copy.png")) == item["size"]


async def test_copy_a_folder_takes_a_while(teacher: Client) -> None:
    folder = await teacher.item("Year 7 Science")
    reply = await teacher.call("POST", f"/me/drive/items/{folder['id']}/copy", json={"name": "Year 8 Science"})
    first = await teacher.call("GET", reply.headers["Location"])
    assert (first.status, first.json["status"]) == (202, "inProgress")
    assert (await teacher.call("GET", reply.headers["Location"])).json["status"] == "completed"
    assert (await teacher.item("Year 8 Science"))["size"] == folder["size"]
    assert await names(teacher, "root:/Year 8 Science:") == await names(teacher, "root:/Year 7 Science:")


async def test_copies_that_meet_something(teacher: Client, owner: Client) -> None:
    for client, expected in ((teacher, 202), (owner, 409)):
        item = await client.item("Welcome.txt")
        path = f"/me/drive/items/{item['id']}/copy"
        assert (await client.call("POST", path, json={})).error == (409, "nameAlreadyExists")
        renamed = await client.call("POST", f"{path}?@microsoft.graph.conflictBehavior=rename", json={})
        assert renamed.status == expected, "personal drives take no notice of the conflict behaviour"
    assert "Welcome 1.txt" in await names(teacher)


async def test_a_file_is_not_copied_over_itself(teacher: Client) -> None:
    item = await teacher.item("Welcome.txt")
    path = f"/me/drive/items/{item['id']}/copy?@microsoft.graph.conflictBehavior=replace"
    assert (await teacher.call("POST", path, json={"name": "WELCOME.txt"})).error == (409, "nameAlreadyExists")
    assert (await teacher.call("POST", path, json={"childrenOnly": True})).error == (400, "notSupported")
    assert len(await teacher.read("Welcome.txt")) == item["size"]
    await teacher.put("Other.txt", b"other")
    assert (await teacher.call("POST", path, json={"name": "Other.txt"})).status == 202
    assert await teacher.read("Other.txt") == await teacher.read("Welcome.txt")


async def test_changes_at_once_lose_nothing(teacher: Client) -> None:
    item = await teacher.item("Welcome.txt")
    path = f"/me/drive/items/{item['id']}"
    bodies: list[dict[str, Any]] = [{"name": "W.txt"}, {"description": "d"}, {"fileSystemInfo": DATES}]
    await asyncio.gather(*(teacher.call("PATCH", path, json=body) for body in bodies))
    after = await teacher.item("W.txt")
    assert (after["description"], after["fileSystemInfo"]["createdDateTime"]) == ("d", DATES["createdDateTime"])
    assert after["eTag"].endswith(',4"')
    made = await asyncio.gather(*(teacher.folder("Same") for _ in range(5)))
    assert sorted(reply.status for reply in made) == [201, 409, 409, 409, 409]


async def test_copies_that_cannot_be(teacher: Client, owner: Client) -> None:
    folder, below = await teacher.item("Year 7 Science"), await teacher.item("Year 7 Science/Practicals")
    path = f"/me/drive/items/{folder['id']}/copy"
    theirs = (await owner.call("GET", "/me/drive/root")).json["id"]
    for reference, expected in (
        ({"id": below["id"]}, (400, "invalidRequest")),
        ({"id": "01NOSUCH"}, (404, "itemNotFound")),
        ({"driveId": owner.drive, "id": theirs}, (403, "accessDenied")),
    ):
        assert (await teacher.call("POST", path, json={"parentReference": reference})).error == expected
    assert (await teacher.call("GET", f"{teacher.box.url}/monitor/none")).error == (404, "itemNotFound")
