"""States that files and drives can be in: locked, checked out, altered, without hashes, infected; short lives."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any

import aiohttp
import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_microsoft.client import Client

LIBRARY = "/sites/riverside.sharepoint.com:/sites/class-7b:/drive"
LOCKED = (423, "notAllowed")


async def told(client: Client, place: str, /, **body: Any) -> None:
    """Something told to the stand-in itself."""
    reply = await client.call("POST", f"{client.box.url}/_sandbox/microsoft{place}", json=body)
    assert reply.status == 200, reply.body


async def refused(client: Client, item: str) -> set[tuple[int, str]]:
    """What every change of an item answers."""
    path = f"/me/drive/items/{item}"
    replies = [
        await client.call("PUT", f"{path}/content", data=b"x"),
        await client.call("POST", f"{path}/createUploadSession"),
        await client.call("PATCH", path, json={"name": "Other.txt"}),
        await client.call("DELETE", path),
    ]
    return {reply.error for reply in replies}


async def test_what_an_editor_has_open_is_locked(teacher: Client) -> None:
    item = (await teacher.item("Welcome.txt"))["id"]
    url = await teacher.session("Welcome.txt")
    await told(teacher, "/items", drive=teacher.email, path="Welcome.txt", locked="editor")
    assert await refused(teacher, item) == {LOCKED}
    late = await teacher.fragment(url, b"new", 0, 3)
    assert late.error == LOCKED
    assert late.json["error"]["innererror"]["code"] == "resourceLocked"
    await told(teacher, "/items", drive=teacher.drive, path="Welcome.txt", locked="")
    body = {"@microsoft.graph.sourceUrl": url, "@microsoft.graph.conflictBehavior": "replace"}
    assert (await teacher.call("PUT", "/me/drive/root:/Welcome.txt:", json=body)).json["id"] == item
    assert await teacher.read("Welcome.txt") == b"new"


async def test_checked_out_for_one_person(teacher: Client, box: Sandbox, http: aiohttp.ClientSession) -> None:
    other = Client(http, box, "sofia.rossi@riverside.example")
    await other.sign_in()
    drive = (await teacher.call("GET", LIBRARY)).json["id"]
    path = f"/drives/{drive}/root:/Reading list.txt:"
    assert (await teacher.call("POST", f"{path}/checkout")).status == 204
    assert (await other.call("PUT", f"{path}/content", data=b"mine")).error == LOCKED
    assert (await other.call("POST", f"{path}/checkin", json={})).error == LOCKED
    assert (await teacher.call("PUT", f"{path}/content", data=b"hers")).status == 200
    assert (await teacher.call("POST", f"{path}/checkin", json={"comment": "done"})).status == 204
    assert (await other.call("PUT", f"{path}/content", data=b"mine")).status == 200


async def test_a_short_session(teacher: Client) -> None:
    await told(teacher, "", session_ttl=900, address_ttl=60)
    url = await teacher.session("film.bin")
    download = (await teacher.item("Welcome.txt"))["@microsoft.graph.downloadUrl"]
    teacher.box.ahead = 61
    assert (await teacher.call("GET", download)).error == (401, "unauthenticated")
    assert (await teacher.call("GET", url)).status == 200
    teacher.box.ahead = 901
    assert (await teacher.call("GET", url)).error == (404, "itemNotFound")


async def test_files_without_hashes(teacher: Client) -> None:
    await told(teacher, "/items", drive=teacher.email, path="Welcome.txt", hashless=True)
    assert "hashes" not in (await teacher.item("Welcome.txt"))["file"]
    assert (await teacher.put("Note.txt", b"x")).json["file"]["hashes"]["quickXorHash"]
    await told(teacher, "", hashes=False)
    assert "hashes" not in (await teacher.put("Other.txt", b"x")).json["file"]


async def test_malware_is_not_handed_out(teacher: Client) -> None:
    await told(teacher, "/items", drive=teacher.email, path="Welcome.txt", malware=True)
    item = await teacher.item("Welcome.txt")
    assert item["malware"] == {"description": "Made up."}
    reply = await teacher.call("GET", item["@microsoft.graph.downloadUrl"])
    assert reply.error == (403, "malwareDetected")


async def altered(client: Client, path: str, before: dict[str, Any]) -> dict[str, Any]:
    """The item, once its size differs from what it was."""
    for _ in range(200):
        after: dict[str, Any] = (await client.call("GET", path)).json
        if after["size"] != before["size"]:
            return after
        await asyncio.sleep(0.02)
    pytest.fail("nothing was altered")


async def test_libraries_alter_office_files_a_moment_later(teacher: Client) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    drive = (await teacher.call("GET", LIBRARY)).json["id"]
    path = f"/drives/{drive}/root:/Essay.docx"
    before = (await teacher.call("PUT", f"{path}:/content", data=buffer.getvalue())).json
    assert before["size"] == len(buffer.getvalue())
    after = await altered(teacher, path, before)
    assert after["id"] == before["id"]
    assert after["file"]["hashes"] != before["file"]["hashes"]
    content = (await teacher.call("GET", after["@microsoft.graph.downloadUrl"])).body
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("word/document.xml") == b"<w:document/>"
    assert len((await teacher.call("GET", f"{path}:/versions")).json["value"]) == 1


async def test_onedrives_alter_files_where_they_are_told_to(teacher: Client, owner: Client) -> None:
    await told(teacher, "", rewrites=["business", "personal"], rewrite_ms=0)
    url = await teacher.session("Page.html")
    before = (await teacher.fragment(url, b"<p>hello</p>", 0, 12)).json
    await owner.put("Page.html", b"<p>hello</p>")
    await altered(teacher, "/me/drive/root:/Page.html", before)
    assert (await owner.item("Page.html"))["size"] == 12, "never in a personal drive"
    assert not teacher.box.store.table("rewriting")


async def test_what_is_replaced_meanwhile_is_left_alone(teacher: Client) -> None:
    await told(teacher, "", rewrites=["business"], rewrite_ms=100)
    await teacher.put("Page.html", b"<p>hello</p>")
    await told(teacher, "", rewrites=[])
    await teacher.put("Page.html", b"new")
    while teacher.box.store.table("rewriting"):
        await asyncio.sleep(0.01)
    assert await teacher.read("Page.html") == b"new"


async def test_some_tenants_take_neither_hash_nor_percent(teacher: Client, owner: Client) -> None:
    await told(teacher, "", strict_names=["riverside"])
    for name in ("100% sure.txt", "Task #1"):
        assert (await teacher.folder(name)).error == (400, "invalidRequest")
        assert (await owner.folder(name)).status == 201
    item = await teacher.item("Welcome.txt")
    renamed = await teacher.call("PATCH", f"/me/drive/items/{item['id']}", json={"name": "#.txt"})
    assert renamed.error == (400, "invalidRequest")
    assert (await teacher.put("a%23.txt", b"x")).error == (400, "invalidRequest")
