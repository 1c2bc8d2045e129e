"""Thumbnails, and what others have shared."""

from __future__ import annotations

import struct

import aiohttp
import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_microsoft.client import Client

LEAF = "/me/drive/root:/Year 7 Science/Leaf.png:"


async def test_a_picture_has_one_set_of_thumbnails(teacher: Client) -> None:
    found = (await teacher.call("GET", f"{LEAF}/thumbnails")).json["value"]
    assert [set(one) for one in found] == [{"id", "small", "medium", "large"}]
    assert found[0]["medium"]["width"] == 176
    expanded = (await teacher.call("GET", f"{LEAF.rstrip(':')}?$expand=thumbnails")).json["thumbnails"]
    assert set(expanded[0]) == set(found[0])
    assert set((await teacher.call("GET", f"{LEAF}/thumbnails/0")).json) == {*found[0], "@odata.context"}


@pytest.mark.parametrize(("size", "width"), [("small", 96), ("large", 800), ("c256x200", 256), ("c256x256_crop", 256)])
async def test_the_picture_itself(teacher: Client, size: str, width: int) -> None:
    reply = await teacher.call("GET", f"{LEAF}/thumbnails/0/{size}/content")
    assert reply.status == 302
    picture = await teacher.call("GET", reply.headers["Location"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")
    assert picture.body.startswith(b"\x89PNG")
    assert struct.unpack(">I", picture.body[16:20])[0] == width


async def test_custom_sizes_are_selected(teacher: Client) -> None:
    found = (await teacher.call("GET", f"{LEAF}/thumbnails?select=id,c300x400_crop")).json["value"]
    assert set(found[0]) == {"id", "c300x400_crop"}
    assert (await teacher.call("GET", f"{LEAF}/thumbnails?select=huge")).error == (400, "invalidRequest")


async def test_what_has_no_thumbnail(teacher: Client) -> None:
    for name in ("Marking", "Welcome.txt"):
        assert (await teacher.call("GET", f"/me/drive/root:/{name}:/thumbnails")).json["value"] == []
    refused = await teacher.call("GET", "/me/drive/root:/Welcome.txt:/thumbnails/0/small")
    assert refused.error == (404, "itemNotFound")


async def test_addresses_of_thumbnails_end_and_are_good_for_one_size(teacher: Client) -> None:
    url = (await teacher.call("GET", f"{LEAF}/thumbnails/0/small")).json["url"]
    assert (await teacher.call("GET", url.replace("/small?", "/large?"))).error == (401, "unauthenticated")
    download = (await teacher.item("Year 7 Science/Leaf.png"))["@microsoft.graph.downloadUrl"]
    swapped = f"{url.partition('?')[0]}?{download.partition('?')[2]}"
    assert (await teacher.call("GET", swapped)).error == (401, "unauthenticated")
    teacher.box.ahead = 3601
    assert (await teacher.call("GET", url)).error == (401, "unauthenticated")


async def test_shared_with_me_until_it_ends(teacher: Client, box: Sandbox, http: aiohttp.ClientSession) -> None:
    pupil = Client(http, box, "leo.park@riverside.example")
    await pupil.sign_in()
    found = (await pupil.call("GET", "/me/drive/sharedWithMe")).json["value"]
    assert [one["name"] for one in found] == ["Shared resources"]
    remote = found[0]["remoteItem"]
    assert (remote["parentReference"]["driveId"], remote["shared"]["scope"]) == (teacher.drive, "users")
    assert (await pupil.call("GET", f"/drives/{teacher.drive}/items/{remote['id']}")).json["shared"]
    recent = (await pupil.call("GET", "/me/drive/recent")).json["value"]
    assert {one["name"] for one in recent if "remoteItem" not in one} >= {"Sum 1.txt", "Welcome.txt"}
    assert [one["name"] for one in recent if "remoteItem" in one] == ["Shared resources"]
    await pupil.call("POST", f"{box.url}/_sandbox/microsoft", json={"sharing_ended": True})
    for call in ("sharedWithMe", "recent"):
        assert (await pupil.call("GET", f"/me/drive/{call}")).json["value"] == []
