"""Children in pages, search, and changes since a token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_microsoft.client import Client, Reply


async def pages(client: Client, path: str) -> list[list[dict[str, Any]]]:
    """All pages of a collection, by following the links."""
    found, reply = [], await client.call("GET", path)
    while True:
        found.append(reply.json["value"])
        if "@odata.nextLink" not in reply.json:
            return found
        reply = await follow(client, reply.json["@odata.nextLink"])


async def follow(client: Client, link: str) -> Reply:
    """A link as the server wrote it."""
    return await client.call("GET", link, headers={"Authorization": f"Bearer {client.token}"})


async def many(client: Client, count: int) -> str:
    """A folder with so many folders in it; its id."""
    parent = (await client.folder("Many")).json["id"]
    for number in range(count):
        await client.folder(f"f{number:03}", parent)
    return str(parent)


async def test_two_hundred_to_a_page(teacher: Client) -> None:
    parent = await many(teacher, 203)
    found = await pages(teacher, f"/me/drive/items/{parent}/children")
    assert [len(page) for page in found] == [200, 3]
    assert [one["name"] for page in found for one in page] == [f"f{number:03}" for number in range(203)]


async def test_top_select_and_order_hold_on_every_page(teacher: Client) -> None:
    parent = await many(teacher, 5)
    found = await pages(teacher, f"/me/drive/items/{parent}/children?$top=2&$select=name&$orderby=name desc")
    assert found == [[{"name": "f004"}, {"name": "f003"}], [{"name": "f002"}, {"name": "f001"}], [{"name": "f000"}]]


async def test_expanded_thumbnails_as_a_picker_asks_for_them(teacher: Client) -> None:
    listed = (await teacher.call("GET", "/me/drive/root/children?$expand=thumbnails&$top=999")).json["value"]
    assert {one["name"] for one in listed} >= {"Class notebook", "Marking", "Welcome.txt"}
    assert all(one["thumbnails"] == [] for one in listed)


@pytest.mark.parametrize(
    "query",
    [
        "$top=0",
        "$top=-1",
        "$top=x",
        "$skiptoken=x",
        "$skiptoken=WyJwYWdlIiwgLTFd",
        "$orderby=colour",
        "$orderby=name up",
        "$skip=2",
        "$filter=name",
        "$count=true",
        "pageSize=5",
    ],
)
async def test_options_that_are_not_understood(teacher: Client, query: str) -> None:
    assert (await teacher.call("GET", f"/me/drive/root/children?{query}")).error == (400, "invalidRequest")


async def test_a_file_has_no_children(teacher: Client) -> None:
    reply = await teacher.call("GET", "/me/drive/root:/Welcome.txt:/children")
    assert reply.error == (400, "invalidRequest")


async def test_search_looks_at_names_everywhere_below(teacher: Client) -> None:
    await teacher.put("Marking/L'été.txt", b"x")
    for place in ("root/", "", "root:/Year 7 Science:/"):
        found = (await teacher.call("GET", f"/me/drive/{place}search(q='LEAF')")).json["value"]
        assert [one["name"] for one in found] == ["Leaf.png"]
    assert (await teacher.call("GET", "/me/drive/root:/Marking:/search(q='leaf')")).json["value"] == []
    assert [one["name"] for one in (await teacher.call("GET", "/me/drive/root/search(q='l''%C3%A9t')")).json["value"]]
    assert [len(page) for page in await pages(teacher, "/me/drive/root/search(q='.txt')?$top=2")] == [2, 2, 1]


async def test_delta_lists_everything_then_changes(teacher: Client) -> None:
    first = (await teacher.call("GET", "/me/drive/root/delta")).json
    everything = {one["name"] for one in first["value"]}
    assert {"root", "Year 7 Science", "Leaf.png", "Iodine test.txt", "Class notebook"} <= everything
    gone = await teacher.item("Welcome.txt")
    await teacher.call("DELETE", f"/me/drive/items/{gone['id']}")
    await teacher.put("Marking/New.txt", b"new")
    await teacher.call("PATCH", "/me/drive/root:/Year 7 Science:", json={"name": "Year 8 Science"})
    second = (await follow(teacher, first["@odata.deltaLink"])).json
    told = {one.get("name") for one in second["value"]}
    assert told >= {"New.txt", "Year 8 Science"}
    assert "Leaf.png" not in told
    assert [one["id"] for one in second["value"] if "deleted" in one] == [gone["id"]]
    assert (await follow(teacher, second["@odata.deltaLink"])).json["value"] == []


async def test_delta_in_pages_loses_nothing(teacher: Client) -> None:
    whole = {one["id"] for one in (await teacher.call("GET", "/me/drive/root/delta")).json["value"]}
    found = await pages(teacher, "/me/drive/root/delta?$top=3&$select=id")
    assert {one["id"] for page in found for one in page} == whole
    assert [len(page) for page in found[:-1]] == [3] * (len(found) - 1)


async def test_delta_from_now_on(teacher: Client) -> None:
    latest = (await teacher.call("GET", "/me/drive/root/delta?token=latest")).json
    assert latest["value"] == []
    await teacher.put("New.txt", b"new")
    assert {one["name"] for one in (await follow(teacher, latest["@odata.deltaLink"])).json["value"]} == {"New.txt"}


@pytest.mark.parametrize("token", ["nonsense", "WyJkZWx0YSIsIDk5OTk5OV0"])
async def test_a_token_from_elsewhere_means_resync(teacher: Client, token: str) -> None:
    for path in (f"root/delta?token={token}", f"root/delta(token='{token}')"):
        reply = await teacher.call("GET", f"/me/drive/{path}")
        assert reply.error == (410, "resyncRequired")
        assert "token" not in reply.headers["Location"].partition("?")[2]


async def test_permanently_deleted_items_are_told_as_well(teacher: Client) -> None:
    latest = (await teacher.call("GET", "/me/drive/root/delta?token=latest")).json
    folder = await teacher.item("Year 7 Science")
    await teacher.call("POST", f"/me/drive/items/{folder['id']}/permanentDelete")
    told = (await follow(teacher, latest["@odata.deltaLink"])).json["value"]
    assert len(told) == 6
    assert all("deleted" in one for one in told)


async def test_a_folders_ctag_follows_what_is_below(owner: Client) -> None:
    before = await owner.item("Year 7 Science")
    await owner.put("Year 7 Science/Practicals/New.txt", b"x")
    after = await owner.item("Year 7 Science")
    assert after["cTag"] != before["cTag"]
    assert after["eTag"] == before["eTag"]
