"""Batches of requests, and filtered listings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_microsoft.client import Client, Reply

JSON = {"Content-Type": "application/json"}


async def batch(client: Client, *steps: dict[str, Any]) -> Reply:
    """One batch."""
    return await client.call("POST", "/$batch", json={"requests": list(steps)})


async def answers(client: Client, *steps: dict[str, Any]) -> dict[str, Any]:
    """What each request of a batch was answered, by id."""
    reply = await batch(client, *steps)
    assert reply.status == 200, reply.body
    return {one["id"]: one for one in reply.json["responses"]}


async def test_each_is_answered_for_itself_in_another_order(teacher: Client) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "a", "method": "GET", "url": "/me/drive/root:/Welcome.txt"},
        {"id": "b", "method": "GET", "url": "/me/drive/root:/Nothing.txt"},
        {
            "id": "c",
            "method": "POST",
            "url": "me/drive/root/children",
            "headers": JSON,
            "body": {"name": "N", "folder": {}},
        },
        {"id": "d", "method": "GET", "url": "/me/drive/root:/Welcome.txt:/content"},
    ]
    reply = await batch(teacher, *steps)
    assert [one["id"] for one in reply.json["responses"]] == ["d", "c", "b", "a"]
    found = {one["id"]: one for one in reply.json["responses"]}
    assert {name: one["status"] for name, one in found.items()} == {"a": 200, "b": 404, "c": 201, "d": 302}
    assert found["a"]["body"]["name"] == "Welcome.txt"
    assert found["b"]["body"]["error"]["code"] == "itemNotFound"
    assert (await teacher.call("GET", found["d"]["headers"]["Location"])).status == 200


async def test_one_of_them_may_be_throttled(teacher: Client) -> None:
    await teacher.fault({"path": "*/Welcome.txt"}, status=429, retry_after=3)
    found = await answers(
        teacher,
        {"id": "1", "method": "GET", "url": "/me/drive/root:/Welcome.txt"},
        {"id": "2", "method": "GET", "url": "/me/drive/root"},
    )
    assert (found["1"]["status"], found["1"]["headers"]["Retry-After"], found["2"]["status"]) == (429, "3", 200)


async def test_what_depends_on_a_failure_fails(teacher: Client) -> None:
    delete = {"method": "DELETE", "url": "/me/drive/root:/Welcome.txt:"}
    found = await answers(
        teacher,
        {"id": "1", "method": "GET", "url": "/me/drive/root:/Nothing.txt"},
        {"id": "2", **delete, "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/me", "dependsOn": ["2"]},
    )
    assert [found[name]["status"] for name in "123"] == [404, 424, 424]
    assert await teacher.read("Welcome.txt")


async def test_a_request_that_is_cut_leaves_the_others(teacher: Client) -> None:
    await teacher.fault({"path": "/v1.0/me"}, drop=True)
    found = await answers(
        teacher, {"id": "1", "method": "GET", "url": "/me"}, {"id": "2", "method": "GET", "url": "/me/drive"}
    )
    assert (found["1"]["status"], found["2"]["status"]) == (504, 200)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"id": str(number), "method": "GET", "url": "/me"} for number in range(21)],
        [{"id": "a", "method": "GET", "url": "/me"}, {"id": "A", "method": "GET", "url": "/me"}],
        [{"id": "a", "method": "TRACE", "url": "/me"}],
        [{"id": "a", "method": "GET", "url": "https://elsewhere.example/me"}],
        [{"id": "a", "method": "PATCH", "url": "/me/drive/root:/Welcome.txt:", "body": {"name": "x"}}],
        [{"method": "GET", "url": "/me"}],
        ["GET /me"],
    ],
)
async def test_batches_that_are_none(teacher: Client, steps: list[Any]) -> None:
    reply = await teacher.call("POST", "/$batch", json={"requests": steps})
    assert reply.status == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("folder ne null", ["Marking", "Shared resources", "Year 7 Science"]),
        ("file ne null", ["Welcome.txt"]),
        ("name eq 'WELCOME.txt'", ["Welcome.txt"]),
        ("startswith(name,'Mar') and folder ne null", ["Marking"]),
        ("size gt 10 and file ne null", ["Welcome.txt"]),
        ("name eq 'it''s'", []),
    ],
)
async def test_filtered_children(teacher: Client, query: str, expected: list[str]) -> None:
    found = (await teacher.call("GET", f"/me/drive/root/children?$filter={query}")).json["value"]
    assert [one["name"] for one in found] == expected


async def test_one_filtered_page_leads_to_the_next(teacher: Client) -> None:
    path = "/me/drive/root/children?$filter=folder ne null&$orderby=name desc&$top=2"
    first = (await teacher.call("GET", path)).json
    second = (await teacher.call("GET", first["@odata.nextLink"].partition("/v1.0")[2])).json
    assert [one["name"] for one in first["value"]] == ["Year 7 Science", "Shared resources"]
    assert [one["name"] for one in second["value"]] == ["Marking"]
