"""Items: what they look like, how they are addressed, and what $select and $expand leave of them."""

from __future__ import annotations

import pytest

from tests.sandbox.test_microsoft.client import Client

LEAF = "Year 7 Science/Leaf.png"


async def test_me_and_its_drives(teacher: Client) -> None:
    me = (await teacher.call("GET", "/me")).json
    assert (me["mail"], me["displayName"]) == (teacher.email, "Amira Haddad")
    drive = (await teacher.call("GET", "/me/drive")).json
    assert (drive["id"], drive["driveType"], drive["quota"]["state"]) == (teacher.drive, "business", "normal")
    assert [one["id"] for one in (await teacher.call("GET", "/me/drives")).json["value"]] == [teacher.drive]
    by_id = (await teacher.call("GET", f"/drives/{teacher.drive}?$select=id,quota")).json
    assert set(by_id) == {"@odata.context", "id", "quota"}


async def test_a_school_drive_hashes_with_quickxor_alone(teacher: Client) -> None:
    assert set((await teacher.item(LEAF))["file"]["hashes"]) == {"quickXorHash"}


async def test_a_personal_drive_gives_sha_hashes_too(owner: Client) -> None:
    item = await owner.item(LEAF)
    assert set(item["file"]["hashes"]) == {"quickXorHash", "sha1Hash", "sha256Hash"}
    assert item["id"].startswith(owner.drive.upper() + "!")


async def test_one_item_by_every_address(teacher: Client) -> None:
    item = await teacher.item(LEAF)
    folder = item["parentReference"]["id"]
    addresses = [
        f"/me/drive/items/{item['id']}",
        f"/drives/{teacher.drive}/items/{item['id']}",
        f"/me/drive/root:/{LEAF}:",
        f"/drives/{teacher.drive}/root:/{LEAF.upper()}",
        f"/me/drive/items/{folder}:/Leaf.png:",
        f"/me/drive/items/{folder}:/Leaf.png",
        f"/me/drive/items/{folder}%3A/Leaf.png%3A",
    ]
    assert [(await teacher.call("GET", one)).json["id"] for one in addresses] == [item["id"]] * len(addresses)
    assert item["parentReference"]["path"] == f"/drives/{teacher.drive}/root:/Year 7 Science"


async def test_the_root(teacher: Client) -> None:
    root = (await teacher.call("GET", "/me/drive/root")).json
    assert root["root"] == {}
    assert root["folder"]["childCount"] == 5
    assert set(root["parentReference"]) == {"driveId", "driveType"}
    seen = (await teacher.call("GET", f"/me/drive/items/{root['id']}")).json
    assert seen == root


async def test_select_gives_just_what_was_selected(teacher: Client) -> None:
    reply = await teacher.call("GET", f"/me/drive/root:/{LEAF}?$select=id,size")
    assert set(reply.json) == {"@odata.context", "id", "size"}
    reply = await teacher.call("GET", f"/me/drive/root:/{LEAF}?select=id,@microsoft.graph.downloadUrl")
    assert set(reply.json) == {"@odata.context", "id", "@microsoft.graph.downloadUrl"}


async def test_expand(teacher: Client) -> None:
    reply = await teacher.call("GET", "/me/drive/root:/Shared resources?$expand=children,thumbnails")
    assert [one["name"] for one in reply.json["children"]] == ["Empty.txt", "Safety film.bin"]
    assert reply.json["thumbnails"] == []


async def test_a_notebook_is_a_package_without_content(teacher: Client) -> None:
    item = await teacher.item("Class notebook")
    assert item["package"] == {"type": "oneNote"}
    assert "folder" not in item
    for verb in ("content", "children"):
        assert (await teacher.call("GET", f"/me/drive/items/{item['id']}/{verb}")).error == (400, "invalidRequest")


async def test_if_none_match_spares_the_answer(teacher: Client) -> None:
    item = await teacher.item(LEAF)
    reply = await teacher.call("GET", f"/me/drive/items/{item['id']}", headers={"If-None-Match": item["eTag"]})
    assert (reply.status, reply.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/me/drive/items/01NOSUCH", 404, "itemNotFound"),
        ("/me/drive/root:/Year 7 Science/none.txt:", 404, "itemNotFound"),
        ("/me/drive/root:/Year 7 Science/Leaf.png/below:", 404, "itemNotFound"),
        ("/drives/b!nothing/root", 404, "itemNotFound"),
        ("/me/drive/root:/Marking:/nonsense", 400, "BadRequest"),
        ("/me/nonsense", 400, "BadRequest"),
        ("/drives/", 400, "BadRequest"),
        ("/me/drive/root:/a%2Fb:", 400, "invalidRequest"),
        ("/me/drive/root?$select=id,colour", 400, "invalidRequest"),
        ("/me/drive/root?$expand=versions", 400, "invalidRequest"),
        ("/me/drive/root?$selekt=id", 400, "invalidRequest"),
        ("/me/drive/root?select=id&$select=name", 400, "invalidRequest"),
        ("/me/drive/root/createUploadSession", 405, "methodNotAllowed"),
    ],
)
async def test_what_is_not_there_or_not_understood(teacher: Client, path: str, status: int, code: str) -> None:
    assert (await teacher.call("GET", path)).error == (status, code)


async def test_another_persons_drive_is_closed(teacher: Client, owner: Client) -> None:
    assert (await teacher.call("GET", f"/drives/{owner.drive}/root")).error == (403, "accessDenied")
    item = await owner.item(LEAF)
    assert (await teacher.call("GET", f"/me/drive/items/{item['id']}")).error == (404, "itemNotFound")


async def test_the_log_names_no_items(teacher: Client) -> None:
    await teacher.item(LEAF)
    await teacher.session("Secret plan.txt")
    reply = await teacher.call("GET", f"{teacher.box.url}/_sandbox/requests")
    text = reply.body.decode()
    assert "/v1.0/item/path/createUploadSession" in text
    assert "Secret" not in text
    assert "Leaf" not in text
