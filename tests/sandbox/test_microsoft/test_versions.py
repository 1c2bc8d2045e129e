"""Earlier versions of files, in school and personal drives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_microsoft.client import Client

DATES = {"fileSystemInfo": {"lastModifiedDateTime": "2020-01-02T03:04:05Z"}}


async def versions(client: Client, item: str) -> list[Any]:
    """The newest first."""
    return list((await client.call("GET", f"/me/drive/items/{item}/versions")).json["value"])


async def content(client: Client, item: str, version: str) -> bytes:
    """The bytes of an earlier version."""
    reply = await client.call("GET", f"/me/drive/items/{item}/versions/{version}/content")
    assert reply.status == 302
    return (await client.call("GET", reply.headers["Location"])).body


@pytest.mark.parametrize("name", ["teacher", "owner"])
async def test_every_new_content_keeps_the_old(teacher: Client, owner: Client, name: str) -> None:
    client = {"teacher": teacher, "owner": owner}[name]
    item = (await client.put("Essay.txt", b"one")).json["id"]
    assert [one["id"] for one in await versions(client, item)] == ["1.0"]
    await client.put("Essay.txt", b"two!")
    await client.fragment(await client.session("Essay.txt"), b"three", 0, 5)
    found = await versions(client, item)
    assert [(one["id"], one["size"]) for one in found] == [("3.0", 5), ("2.0", 4), ("1.0", 3)]
    assert [await content(client, item, one) for one in ("1.0", "2.0")] == [b"one", b"two!"]
    one = (await client.call("GET", f"/me/drive/items/{item}/versions/1.0")).json
    assert (one["size"], "lastModifiedBy" in one) == (3, True)
    current = await client.call("GET", f"/me/drive/items/{item}/versions/3.0/content")
    assert current.error == (400, "invalidRequest")
    assert (await client.call("GET", f"/me/drive/items/{item}/versions/9.0")).error == (404, "itemNotFound")


async def test_dates_after_the_upload_make_a_version_at_school_alone(teacher: Client, owner: Client) -> None:
    for client, expected in ((teacher, ["2.0", "1.0"]), (owner, ["1.0"])):
        item = (await client.put("Essay.txt", b"one")).json["id"]
        assert (await client.call("PATCH", f"/me/drive/items/{item}", json=DATES)).status == 200
        await client.call("PATCH", f"/me/drive/items/{item}", json={"name": "Renamed.txt"})
        assert [one["id"] for one in await versions(client, item)] == expected
    assert await content(teacher, (await teacher.item("Renamed.txt"))["id"], "1.0") == b"one"


async def test_restoring_makes_a_new_version_and_keeps_all(teacher: Client) -> None:
    item = (await teacher.put("Essay.txt", b"one")).json["id"]
    await teacher.put("Essay.txt", b"two!")
    before = await teacher.item("Essay.txt")
    path = f"/me/drive/items/{item}/versions"
    assert (await teacher.call("POST", f"{path}/1.0/restoreVersion")).status == 204
    assert await teacher.read("Essay.txt") == b"one"
    assert [one["id"] for one in await versions(teacher, item)] == ["3.0", "2.0", "1.0"]
    assert (await teacher.item("Essay.txt"))["cTag"] != before["cTag"]
    assert (await teacher.call("POST", f"{path}/3.0/restoreVersion")).error == (400, "invalidRequest")
    assert (await teacher.call("POST", f"{path}/7.0/restoreVersion")).error == (404, "itemNotFound")


async def test_only_files_have_versions(teacher: Client) -> None:
    assert (await teacher.call("GET", "/me/drive/root:/Marking:/versions")).error == (400, "invalidRequest")


async def test_too_many_versions_and_permanent_deletion_leave_no_bytes(teacher: Client) -> None:
    before = len(list(teacher.box.store.blobs.iterdir()))
    teacher.graph.kept.change(versions_kept=2)
    for number in range(5):
        item = (await teacher.put("Essay.txt", b"%d" % number)).json["id"]
    assert [one["id"] for one in await versions(teacher, item)] == ["5.0", "4.0", "3.0"]
    assert len(list(teacher.box.store.blobs.iterdir())) == before + 3
    await teacher.call("POST", f"/me/drive/items/{item}/permanentDelete")
    assert len(list(teacher.box.store.blobs.iterdir())) == before
