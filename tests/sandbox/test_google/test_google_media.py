"""Bytes out: ranges, exports, and what may not be read."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.google.office import DOCX, EXPORTS, PDF, PPTX, XLSX
from tests.contract.drive_schema import DriveChecker
from tests.sandbox.test_google.client import DOC, Client

BYTES = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1020-5000", 1020, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
    ],
)
async def test_range(drive: Client, asked: str, start: int, stop: int) -> None:
    file_id = await drive.put("r.bin", BYTES)
    reply = await drive.call("GET", f"/files/{file_id}", alt="media", headers={"Range": asked}, status=206)
    assert reply.body == BYTES[start:stop]
    assert reply.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
    assert reply.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=x-y", "bytes=", "bytes=-"])
async def test_a_range_that_is_none_is_ignored(drive: Client, asked: str) -> None:
    file_id = await drive.put("r.bin", BYTES)
    assert (await drive.call("GET", f"/files/{file_id}", alt="media", headers={"Range": asked})).body == BYTES


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=9999-10000", "bytes=-0"])
async def test_a_range_past_the_end_is_416(drive: Client, asked: str) -> None:
    file_id = await drive.put("r.bin", BYTES)
    reply = await drive.call("GET", f"/files/{file_id}", alt="media", headers={"Range": asked}, status=416)
    assert reply.headers["Content-Range"] == "bytes */1024"


async def test_an_empty_file(drive: Client) -> None:
    file_id = await drive.put("empty", b"")
    reply = await drive.call("GET", f"/files/{file_id}", alt="media")
    assert (reply.body, reply.headers["Content-Length"]) == (b"", "0")
    await drive.call("GET", f"/files/{file_id}", alt="media", headers={"Range": "bytes=0-"}, status=416)


async def test_many_pieces_come_whole(drive: Client) -> None:
    data = BYTES * 3000
    file_id = await drive.put("big", data)
    assert (await drive.call("GET", f"/files/{file_id}", alt="media")).body == data


async def test_folders_documents_and_shortcuts_have_no_bytes(drive: Client) -> None:
    folder = await drive.folder("f")
    doc = (await drive.call("POST", "/files", body={"mimeType": DOC})).json["id"]
    for file_id in (folder, doc):
        assert (await drive.call("GET", f"/files/{file_id}", alt="media", status=403)).reason == "fileNotDownloadable"


async def test_marked_files(drive: Client) -> None:
    file_id = await drive.put("odd.exe", b"bad")
    await drive.control("google", {"marks": {file_id: {"abusive": True}}})
    path = f"/files/{file_id}"
    assert (await drive.call("GET", path, alt="media", status=403)).reason == "cannotDownloadAbusiveFile"
    assert (await drive.call("GET", path, alt="media", acknowledgeAbuse=True)).body == b"bad"
    await drive.control("google", {"marks": {file_id: {"blocked": True}}})
    assert (await drive.call("GET", path, alt="media", status=403)).reason == "cannotDownloadFile"
    assert not (await drive.file(file_id))["capabilities"]["canDownload"]


async def _seeded(box: Sandbox, session: aiohttp.ClientSession) -> tuple[Client, dict[str, str]]:
    drive = await Client.sign_in(box, session)
    listed = await drive.call("GET", "/files", q="trashed=false", pageSize=1000, fields="files(id,name)")
    return drive, {file["name"]: file["id"] for file in listed.json["files"]}


async def test_exports(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    checker = DriveChecker()
    async with serve("google", tmp_path) as box:
        box.observers.append(checker)
        drive, ids = await _seeded(box, session)
        for name, mime in (("Lesson plan", DOCX), ("Marks 7b", XLSX), ("Mitosis in pictures", PPTX)):
            path = f"/files/{ids[name]}/export"
            first = await drive.call("GET", path, mimeType=mime)
            assert first.headers["Content-Type"] == mime
            assert first.body == (await drive.call("GET", path, mimeType=mime)).body
            _check_office(first.body)
            _check_pdf((await drive.call("GET", path, mimeType=PDF)).body)
        plan = ids["Lesson plan"]
        text = (await drive.call("GET", f"/files/{plan}/export", mimeType="text/plain")).body.decode("utf-8-sig")
        assert text.splitlines() == ["Lesson plan", "1. Cells", "2. Mitosis & meiosis"]
        found = await drive.file(plan)
        assert found["size"] == "1024"
        assert set(found["exportLinks"]) == set(EXPORTS[DOC])
        await _check_refusals(drive, ids)
        await _check_limit(drive, ids["Yearbook (very long)"])
    assert checker.problems == []
    assert checker.seen["drive.files.export"] >= 12


async def _check_refusals(drive: Client, ids: dict[str, str]) -> None:
    async def reason(name: str, status: int, **params: str) -> str:
        return (await drive.call("GET", f"/files/{ids[name]}/export", status=status, **params)).reason  # type: ignore[arg-type]

    assert await reason("Lesson plan", 400, mimeType=XLSX) == "badRequest"
    assert await reason("Lesson plan", 400) == "required"
    assert await reason("Empty.txt", 403, mimeType=PDF) == "fileNotExportable"
    assert await reason("Lunch survey", 403, mimeType=PDF) == "fileNotExportable"


async def _check_limit(drive: Client, yearbook: str) -> None:
    refused = await drive.call("GET", f"/files/{yearbook}/export", mimeType=DOCX, status=403)
    assert refused.reason == "exportSizeLimitExceeded"
    links = (await drive.file(yearbook))["exportLinks"]
    whole = (await drive.call("GET", links[DOCX])).body
    assert len(whole) > 10 * 1024 * 1024
    _check_office(whole)
    await drive.call("GET", links[DOCX].replace("=docx", "=exe"), status=400)


def _check_office(data: bytes) -> None:
    """A package whose parts are XML, whose relations lead to parts, and whose parts have a content type."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        trees = {name: ElementTree.fromstring(archive.read(name)) for name in names if name.endswith((".xml", ".rels"))}
    for name in names:
        if not name.endswith(".rels"):
            continue
        folder = name.replace("_rels/", "").rpartition("/")[0]
        for relation in trees[name]:
            assert posixpath.normpath(f"{folder}/{relation.attrib['Target']}").lstrip("/") in names
    declared = {
        part.attrib["PartName"].lstrip("/") for part in trees["[Content_Types].xml"] if "PartName" in part.attrib
    }
    assert declared
    assert declared <= names


def _check_pdf(data: bytes) -> None:
    """Every place in the cross-reference table holds the object it names."""
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", data)[0])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", data[start:])]
    assert places
    for number, place in enumerate(places, 1):
        assert data[place:].startswith(b"%d 0 obj\n" % number)
