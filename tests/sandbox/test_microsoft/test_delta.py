"""Change feeds: one a drive, tokens that run out, repeats and disorder, and nothing ever lost."""

from __future__ import annotations

from typing import Any

import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_microsoft.client import Client


async def told(client: Client, path: str) -> tuple[list[list[dict[str, Any]]], str]:
    """Every page up to the deltaLink, and that."""
    pages: list[list[dict[str, Any]]] = []
    while True:
        reply = await client.call("GET", path)
        assert reply.status == 200, reply.body
        pages.append(reply.json["value"])
        if "@odata.deltaLink" in reply.json:
            return pages, str(reply.json["@odata.deltaLink"]).partition("/v1.0")[2]
        path = str(reply.json["@odata.nextLink"]).partition("/v1.0")[2]


async def configured(box: Sandbox, client: Client, **settings: Any) -> None:
    assert (await client.call("POST", f"{box.url}/_sandbox/microsoft", json=settings)).status == 200


async def test_a_full_listing_tells_only_the_living(teacher: Client) -> None:
    await teacher.call("DELETE", "/me/drive/root:/Year 7 Science:")
    pages, link = await told(teacher, "/me/drive/root/delta?$top=2")
    assert not any("deleted" in one for page in pages for one in page)
    assert "Leaf.png" not in {one["name"] for page in pages for one in page}
    await teacher.call("DELETE", "/me/drive/root:/Welcome.txt:")
    pages, _ = await told(teacher, link)
    assert [("deleted" in one, one["id"] != "") for page in pages for one in page] == [(True, True)]


async def test_pages_may_repeat_and_come_in_any_order(box: Sandbox, teacher: Client) -> None:
    plain, _ = await told(teacher, "/me/drive/root/delta?$top=3")
    await configured(box, teacher, delta_repeats=True, delta_shuffled=True)
    odd, _ = await told(teacher, "/me/drive/root/delta?$top=3")
    first, second = ([one["id"] for page in pages for one in page] for pages in (plain, odd))
    assert set(first) == set(second)
    assert len(second) == len(first) + len(plain) - 1
    assert list(dict.fromkeys(second)) != first


@pytest.mark.parametrize("path", ["/me/drive/root/delta?token={}", "/me/drive/root/delta(token='{}')"])
async def test_a_token_can_be_ended_on_request(teacher: Client, path: str) -> None:
    link = (await told(teacher, "/me/drive/root/delta"))[1]
    address = path.format(link.partition("token=")[2])
    assert (await teacher.call("GET", address)).status == 200
    await teacher.fault({"path": "*/delta*", "times": 1}, expire_session=True)
    for _ in range(2):
        reply = await teacher.call("GET", address)
        assert reply.error == (410, "resyncRequired")
        assert reply.json["error"]["innerError"]["code"] == "resyncChangesApplyDifferences"
    again = await teacher.call("GET", reply.headers["Location"].partition("/v1.0")[2])
    assert (again.status, len(again.json["value"]) > 5) == (200, True)


async def test_a_token_in_the_call_leads_on_as_well(teacher: Client) -> None:
    first = (await teacher.call("GET", "/me/drive/root/delta?$top=3")).json["@odata.nextLink"]
    token = first.partition("token=")[2].partition("&")[0]
    pages, _ = await told(teacher, f"/me/drive/root/delta(token='{token}')?$top=3")
    assert len(pages) > 1


async def test_tokens_grow_old(box: Sandbox, teacher: Client) -> None:
    await configured(box, teacher, delta_ttl=60)
    link = (await told(teacher, "/me/drive/root/delta?token=latest"))[1]
    assert (await teacher.call("GET", link)).status == 200
    box.ahead = 61
    assert (await teacher.call("GET", link)).error == (410, "resyncRequired")


async def test_each_drive_has_a_feed_of_its_own(teacher: Client) -> None:
    site = "/sites/riverside.sharepoint.com:/sites/class-7b:/drive"
    library = (await teacher.call("GET", site)).json["id"]
    feeds = ["/me/drive/root/delta?token=latest", f"/drives/{library}/root/delta?token=latest"]
    links = [(await told(teacher, feed))[1] for feed in feeds]
    await teacher.call("PUT", f"/drives/{library}/root:/New.txt:/content", data=b"new")
    seen = [{one["name"] for page in (await told(teacher, link))[0] for one in page} for link in links]
    assert seen == [set(), {"New.txt"}]


async def test_the_feed_of_a_folder(owner: Client) -> None:
    path = "/me/drive/root:/Year 7 Science:/delta"
    pages, link = await told(owner, f"{path}?$top=2")
    assert {one["name"] for page in pages for one in page} >= {"Year 7 Science", "Iodine test.txt"}
    assert "Welcome.txt" not in {one["name"] for page in pages for one in page}
    await owner.put("Beside.txt", b"x")
    await owner.put("Year 7 Science/Practicals/Below.txt", b"x")
    assert {one["name"] for page in (await told(owner, link))[0] for one in page} == {"Below.txt"}
