"""Thumbnails of the stand-in: real pictures, at addresses that end, for who may see the file."""

from __future__ import annotations

import base64
import struct
from typing import Any

from providers.sandbox.google.pictures import jpeg, png
from providers.sandbox.google.thumbnails import LIFE_MS
from tests.sandbox.test_google.client import DOC, Client

WIDE = png(3, 2, "x")


async def _picture(drive: Client, mime: str = "image/png", data: bytes = WIDE, **more: Any) -> str:
    return await drive.put("leaf", data, mimeType=mime, **more)


def _size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


async def test_pictures_pdfs_and_documents_have_one(drive: Client) -> None:
    doc = (await drive.call("POST", "/files", body={"mimeType": DOC})).json["id"]
    for file in (await _picture(drive), await _picture(drive, "application/pdf"), doc):
        seen = await drive.file(file, "hasThumbnail,thumbnailLink")
        assert seen["hasThumbnail"]
        assert seen["thumbnailLink"].endswith("=s220")
        assert _size((await drive.call("GET", seen["thumbnailLink"])).body) == (220, 165)
        larger = seen["thumbnailLink"].replace("=s220", "=s640")
        assert _size((await drive.call("GET", larger)).body) == (640, 480)
    plain = await drive.put("a.txt", b"1")
    assert await drive.file(plain, "hasThumbnail,thumbnailLink") == {"hasThumbnail": False}


async def test_new_content_gets_a_new_picture(drive: Client) -> None:
    file = await _picture(drive)
    first = await drive.file(file, "thumbnailLink,thumbnailVersion")
    before = (await drive.call("GET", first["thumbnailLink"])).body
    headers = {"Content-Type": "image/png"}
    await drive.call("PATCH", f"/upload/drive/v3/files/{file}", data=WIDE * 2, headers=headers, uploadType="media")
    second = await drive.file(file, "thumbnailLink,thumbnailVersion")
    assert second["thumbnailVersion"] != first["thumbnailVersion"]
    assert (await drive.call("GET", second["thumbnailLink"])).body != before


async def test_who_may_fetch_it_and_for_how_long(drive: Client, student: Client) -> None:
    file = await _picture(drive)
    link = (await drive.file(file, "thumbnailLink"))["thumbnailLink"]
    async with drive.session.get(link) as reply:
        assert reply.status == 403
    await student.call("GET", link, status=404)
    await drive.call("GET", link.replace("=s220", "=small"), status=404)
    await drive.call("GET", link.replace("=s220", "x=s220"), status=404)
    await drive.control("google", {"anyone": {file: "reader"}})
    async with drive.session.get(link) as reply:
        assert reply.status == 200
    await drive.control("clock", {"ahead": LIFE_MS // 1000 + 1})
    async with drive.session.get(link) as reply:
        assert reply.status == 404


async def test_what_cannot_be_downloaded_has_no_address(drive: Client) -> None:
    file = await _picture(drive)
    await drive.control("google", {"marks": {file: {"blocked": True}}})
    assert await drive.file(file, "hasThumbnail,thumbnailLink") == {"hasThumbnail": True}
    await drive.control("google", {"marks": {file: {"unreadable": True}}})
    assert await drive.file(file, "hasThumbnail,thumbnailLink") == {"hasThumbnail": False}


async def test_content_hints_are_used_where_nothing_is_drawn(drive: Client) -> None:
    hint = {"thumbnail": {"image": base64.urlsafe_b64encode(WIDE).decode(), "mimeType": "image/png"}}
    hints: dict[str, Any] = {"contentHints": {**hint, "indexableText": "chlorophyll"}}
    file = await drive.put("model.stl", b"solid", mimeType="model/stl", **hints)
    assert (await drive.call("GET", (await drive.file(file, "thumbnailLink"))["thumbnailLink"])).body == WIDE
    assert await drive.names("fullText contains 'chlorophyll'") == ["model.stl"]
    assert "contentHints" not in await drive.file(file)
    drawn = await _picture(drive, data=WIDE * 3, **hints)
    assert (await drive.call("GET", (await drive.file(drawn, "thumbnailLink"))["thumbnailLink"])).body != WIDE


def test_the_jpeg_is_whole() -> None:
    picture = jpeg(17, 9)
    assert picture[:2] == b"\xff\xd8"
    assert picture[-2:] == b"\xff\xd9"
    assert struct.pack(">HH", 9, 17) in picture
