"""Office files that become documents, documents in every format, and what is refused on both ways."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest

from providers.sandbox.google.imports import MAX_IMPORTS, paragraphs
from providers.sandbox.google.office import (
    CSV,
    DOCUMENT,
    DOCX,
    EXPORTS,
    HTML,
    MARKDOWN,
    ODP,
    ODS,
    ODT,
    PPTX,
    SHEET,
    SLIDES,
    TSV,
    TXT,
    XLSX,
    export,
)
from tests.sandbox.test_google.client import Client, Reply

UPLOAD = "/upload/drive/v3/files"
WORDS = ["Mitosis & meiosis", '1 < 2, said "Mia"', "日本語 🌱"]
ROWS = ["Name\tMark", "Leo, Park\t2", 'Mia\t"1"']


def _content(target: str) -> dict[str, Any]:
    return {"paragraphs": ROWS if target == SHEET else WORDS}


async def _convert(
    drive: Client, target: str, mime: str, data: bytes, *, file: str = "", status: int = 200, **more: Any
) -> Reply:
    head = json.dumps({"name": "converted", **({} if file else {"mimeType": target}), **more}).encode()
    parts = b"--cut\r\nContent-Type: application/json\r\n\r\n%b\r\n--cut\r\nContent-Type: %b\r\n\r\n%b\r\n--cut--"
    return await drive.call(
        "PATCH" if file else "POST",
        f"{UPLOAD}/{file}" if file else UPLOAD,
        data=parts % (head, mime.encode(), data),
        headers={"Content-Type": "multipart/related; boundary=cut"},
        uploadType="multipart",
        fields="*",
        status=status,
    )


BOTH_WAYS = [(DOCUMENT, mime) for mime in (DOCX, ODT, TXT, HTML, MARKDOWN)]
BOTH_WAYS += [(SHEET, mime) for mime in (XLSX, ODS, CSV, TSV)] + [(SLIDES, mime) for mime in (PPTX, ODP)]


@pytest.mark.parametrize(("target", "mime"), BOTH_WAYS)
async def test_what_is_converted_comes_back(drive: Client, target: str, mime: str) -> None:
    suffix = EXPORTS[target][mime]
    made = (await _convert(drive, target, mime, export(_content(target), suffix))).json
    assert made["mimeType"] == target
    assert "md5Checksum" not in made
    back = await drive.call("GET", f"/files/{made['id']}/export", mimeType=mime)
    assert back.body == export(_content(target), suffix)


async def test_new_media_for_a_document_is_its_next_revision(drive: Client) -> None:
    made = (await _convert(drive, DOCUMENT, TXT, b"first")).json["id"]
    again = (await _convert(drive, DOCUMENT, TXT, b"second", file=made)).json
    assert (again["id"], again["mimeType"]) == (made, DOCUMENT)
    path = f"/files/{made}"
    first, second = (await drive.call("GET", f"{path}/revisions", fields="*")).json["revisions"]
    older = await drive.call("GET", first["exportLinks"]["text/markdown"])
    newer = await drive.call("GET", second["exportLinks"]["text/markdown"])
    assert (older.body, newer.body) == (b"first", b"second")
    assert list(drive.box.store.blobs.iterdir()) == []
    assert await drive.names("fullText contains 'second'") == ["converted"]


async def test_by_a_resumable_session(drive: Client) -> None:
    headers = {"X-Upload-Content-Type": CSV}
    body = {"name": "marks", "mimeType": SHEET}
    reply = await drive.call("POST", UPLOAD, body=body, headers=headers, uploadType="resumable")
    made = (await drive.call("PUT", reply.headers["Location"], data=b"a,b\r\n1,2")).json
    assert made["mimeType"] == SHEET
    assert (await drive.call("GET", f"/files/{made['id']}/export", mimeType=TSV)).body == b"a\tb\r\n1\t2"


async def test_what_is_refused(drive: Client) -> None:
    for target, mime, data in ((DOCUMENT, "video/mp4", b"x"), (SHEET, DOCX, b"x"), (DOCUMENT, DOCX, b"no archive")):
        assert (await _convert(drive, target, mime, data, status=400)).reason == "badRequest"
    ids = (await drive.call("GET", "/files/generateIds", count=1)).json["ids"]
    await _convert(drive, DOCUMENT, TXT, b"x", status=400, id=ids[0])
    large = b"x" * (MAX_IMPORTS[DOCUMENT] + 1)
    assert (await _convert(drive, DOCUMENT, TXT, large, status=413)).reason == "uploadTooLarge"
    headers = {"X-Upload-Content-Type": TXT, "X-Upload-Content-Length": str(len(large))}
    await drive.call("POST", UPLOAD, body={"mimeType": DOCUMENT}, headers=headers, uploadType="resumable", status=413)
    assert list(drive.box.store.blobs.iterdir()) == []
    assert await drive.names("trashed = false") == []


async def test_about_says_what_goes(drive: Client) -> None:
    about = (await drive.call("GET", "/about", fields="importFormats,exportFormats,maxImportSizes")).json
    assert about["importFormats"][DOCX] == [DOCUMENT]
    assert about["maxImportSizes"][DOCUMENT] == str(MAX_IMPORTS[DOCUMENT])
    assert set(about["exportFormats"][SHEET]) == set(EXPORTS[SHEET])


EVERY = [(kind, mime, suffix) for kind, formats in EXPORTS.items() for mime, suffix in formats.items()]


@pytest.mark.parametrize(("kind", "mime", "suffix"), EVERY)
async def test_every_documented_export(drive: Client, kind: str, mime: str, suffix: str) -> None:
    made = (await drive.call("POST", "/files", body={"mimeType": kind}, fields="id,exportLinks")).json
    body = (await drive.call("GET", f"/files/{made['id']}/export", mimeType=mime)).body
    assert body == (await drive.call("GET", made["exportLinks"][mime])).body
    begins = {
        "pdf": b"%PDF",
        "png": b"\x89PNG",
        "jpeg": b"\xff\xd8",
        "svg": b"<svg",
        "rtf": b"{\\rtf",
        "html": b"<html",
    }
    if suffix in begins:
        assert body.startswith(begins[suffix])
    elif suffix not in ("txt", "md", "csv", "tsv"):
        assert zipfile.ZipFile(BytesIO(body)).testzip() is None


@pytest.mark.parametrize("suffix", ["docx", "odt", "epub"])
def test_packages_hold_sound_xml(suffix: str) -> None:
    with zipfile.ZipFile(BytesIO(export({"paragraphs": WORDS}, suffix))) as archive:
        for name in archive.namelist():
            if name != "mimetype":
                ElementTree.fromstring(archive.read(name))
        assert suffix == "docx" or archive.infolist()[0].filename == "mimetype"


def test_what_other_programs_write_is_read(tmp_path: Any) -> None:
    strings = '<sst xmlns="s"><si><t>Name</t></si><si><r><t>Le</t></r><r><t>o</t></r></si></sst>'
    cells = '<row><c t="s"><v>0</v></c><c><v>3</v></c></row><row><c t="s"><v>1</v></c></row>'
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/sharedStrings.xml", strings)
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="s"><sheetData>{cells}</sheetData></worksheet>')
    assert paragraphs(tmp_path / "a.xlsx", XLSX) == ["Name\t3", "Leo"]
