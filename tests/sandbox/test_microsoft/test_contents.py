"""Simple uploads and downloads: conflicts, ranges, download addresses that end, files that SharePoint alters."""

from __future__ import annotations

import asyncio
import io
import zipfile

import aiohttp
import pytest

from tests.sandbox.test_microsoft.client import Client


async def test_put_creates_and_replaces(teacher: Client) -> None:
    made = await teacher.put("Note.txt", b"one")
    again = await teacher.put("NOTE.TXT", b"three")
    assert (made.status, again.status) == (201, 200)
    assert made.json["id"] == again.json["id"]
    assert (again.json["name"], again.json["size"]) == ("Note.txt", 5)
    assert made.json["file"]["mimeType"] == "text/plain"
    assert await teacher.read("note.txt") == b"three"
    files = [one for one in teacher.graph.tree.items.values() if one.get("blob")]
    assert len(list(teacher.box.store.blobs.iterdir())) == len(files) + 1, "what was there is kept as a version"


async def test_an_empty_file(teacher: Client) -> None:
    reply = await teacher.put("Nothing.txt", b"")
    assert (reply.status, reply.json["size"]) == (201, 0)
    assert reply.json["file"]["hashes"]["quickXorHash"] == "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert await teacher.read("Nothing.txt") == b""


async def test_put_with_conflict_behaviour(teacher: Client) -> None:
    assert (await teacher.put("welcome.txt", b"x", "fail")).error == (409, "nameAlreadyExists")
    assert (await teacher.put("welcome.txt", b"x", "rename")).json["name"] == "welcome 1.txt"
    assert (await teacher.put("welcome.txt", b"x", "merge")).error == (400, "invalidRequest")
    assert (await teacher.put("Marking", b"x")).error == (409, "nameAlreadyExists")


async def test_put_under_if_match(teacher: Client) -> None:
    item = await teacher.item("Welcome.txt")
    path = f"/me/drive/items/{item['id']}/content"
    assert (await teacher.call("PUT", path, data=b"1", headers={"If-Match": item["eTag"]})).status == 200
    stale = await teacher.call("PUT", path, data=b"2", headers={"If-Match": item["eTag"]})
    assert stale.error == (412, "resourceModified")
    assert await teacher.read("Welcome.txt") == b"1"


async def test_more_than_250_megabytes_need_a_session(teacher: Client) -> None:
    reply = await teacher.announce("PUT", "/me/drive/root:/Huge.bin:/content", {"Content-Length": "250000001"})
    assert " 413 " in reply
    assert (await teacher.call("GET", "/me/drive/root:/Huge.bin")).status == 404


async def test_a_broken_upload_leaves_nothing(teacher: Client) -> None:
    before = len(list(teacher.box.store.blobs.iterdir()))
    await teacher.fault({"method": "PUT", "times": 1}, drop_after=1000)
    with pytest.raises(aiohttp.ClientError):
        await teacher.put("Half.bin", b"x" * 5000)
    assert (await teacher.call("GET", "/me/drive/root:/Half.bin")).status == 404
    assert len(list(teacher.box.store.blobs.iterdir())) == before


async def test_download_by_ranges(teacher: Client) -> None:
    content = bytes(range(256)) * 2000
    await teacher.put("Ranges.bin", content)
    reply = await teacher.call("GET", "/me/drive/root:/Ranges.bin:/content")
    assert (reply.status, reply.body) == (302, b"")
    url = reply.headers["Location"]
    for stated, part in (
        ("bytes=0-0", content[:1]),
        ("bytes=1000-", content[1000:]),
        ("bytes=-7", content[-7:]),
        ("bytes=300000-400000", content[300000:400001]),
    ):
        reply = await teacher.call("GET", url, headers={"Range": stated})
        assert (reply.status, reply.body) == (206, part)
    assert reply.headers["Content-Range"] == f"bytes 300000-400000/{len(content)}"
    beyond = await teacher.call("GET", url, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.error, beyond.headers["Content-Range"]) == ((416, "invalidRange"), f"bytes */{len(content)}")


async def test_the_item_itself_carries_an_address(teacher: Client) -> None:
    url = (await teacher.item("Welcome.txt"))["@microsoft.graph.downloadUrl"]
    reply = await teacher.call("GET", url)
    assert reply.body == b"This drive belongs to a made-up teacher.\n"
    assert reply.headers["Content-Type"] == "text/plain"


async def test_a_download_address_takes_no_token_and_ends(teacher: Client) -> None:
    url = (await teacher.item("Welcome.txt"))["@microsoft.graph.downloadUrl"]
    reply = await teacher.call("GET", url, headers={"Authorization": f"Bearer {teacher.token}"})
    assert reply.error == (401, "unauthenticated")
    assert (await teacher.call("GET", url.replace("tempauth=v1.", "tempauth=v1.x"))).error == (401, "unauthenticated")
    other = await teacher.item("Year 7 Science/Leaf.png")
    swapped = url.replace("Welcome.txt", "Leaf.png").replace(_slug(url), _slug(other["@microsoft.graph.downloadUrl"]))
    assert (await teacher.call("GET", swapped)).error == (404, "itemNotFound")
    teacher.box.ahead = 3601
    assert (await teacher.call("GET", url)).error == (401, "unauthenticated")


async def test_a_download_address_can_end_on_request(teacher: Client) -> None:
    first, second = [(await teacher.item("Welcome.txt"))["@microsoft.graph.downloadUrl"] for _ in range(2)]
    await teacher.fault({"path": "/y4m*", "times": 1}, expire_session=True)
    assert (await teacher.call("GET", first)).error == (401, "unauthenticated")
    assert (await teacher.call("GET", first)).error == (401, "unauthenticated")
    assert (await teacher.call("GET", second)).status == 200


async def test_a_deleted_file_is_gone_from_its_address(teacher: Client) -> None:
    item = await teacher.item("Welcome.txt")
    await teacher.call("DELETE", f"/me/drive/items/{item['id']}")
    assert (await teacher.call("GET", item["@microsoft.graph.downloadUrl"])).error == (404, "itemNotFound")


async def test_a_truncated_download(teacher: Client) -> None:
    url = (await teacher.item("Shared resources/Safety film.bin"))["@microsoft.graph.downloadUrl"]
    await teacher.fault({"path": "/y4m*", "times": 1}, truncate=500_000)
    with pytest.raises(aiohttp.ClientPayloadError):
        await teacher.call("GET", url)
    rest = await teacher.call("GET", url, headers={"Range": "bytes=500000-"})
    assert len(rest.body) == 1_000_000


async def test_readers_of_old_content_finish_undisturbed(teacher: Client) -> None:
    await teacher.put("Live.bin", b"a" * 3_000_000)
    url = (await teacher.item("Live.bin"))["@microsoft.graph.downloadUrl"]
    async with teacher.http.get(url) as reply:
        await reply.content.readexactly(1000)
        await teacher.put("Live.bin", b"b" * 10)
        assert set(await reply.content.read()) == {ord("a")}
    assert await teacher.read("Live.bin") == b"b" * 10


async def test_many_downloads_at_once(teacher: Client) -> None:
    url = (await teacher.item("Shared resources/Safety film.bin"))["@microsoft.graph.downloadUrl"]
    bodies = await asyncio.gather(*(teacher.call("GET", url) for _ in range(8)))
    assert {len(reply.body) for reply in bodies} == {1_500_000}


async def test_sharepoint_alters_office_files_on_request(teacher: Client) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    sent = buffer.getvalue()
    await teacher.fault({"method": "PUT"}, reason="rewrite")
    simple = await teacher.put("Essay.docx", sent)
    url = await teacher.session("Report.docx")
    session = await teacher.fragment(url, sent, 0, len(sent))
    for reply in (simple, session):
        assert reply.status == 201
        assert reply.json["size"] > len(sent)
    with zipfile.ZipFile(io.BytesIO(await teacher.read("Report.docx"))) as archive:
        assert archive.read("word/document.xml") == b"<w:document/>"
        assert len(archive.namelist()) == 2
    page = await teacher.put("Page.html", b"<p>hello</p>")
    assert (await teacher.read("Page.html")).startswith(b"<p>hello</p>")
    assert page.json["size"] > 12


def _slug(url: str) -> str:
    return url.split("/y4m")[1].split("/")[0]
