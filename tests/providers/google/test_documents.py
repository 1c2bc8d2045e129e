"""What is particular to Google: documents and their exports, shortcuts, twins, shared things, blocked downloads."""

from __future__ import annotations

import io
import zipfile

import pytest

from providers.drive import Drive, Entry, Kind, OnConflict, Ref
from providers.errors import DownloadForbidden, NameTaken, Refused, Unsupported
from providers.google import GoogleDrive
from tests.conformance.base import everything, get, names, new_file, put
from tests.providers.google.conftest import STUDENT, TEACHER, Open
from tests.providers.google.says import says
from tests.sandboxes import Running


async def _seeded(drive: Drive, *path: str) -> Entry:
    at = await drive.root()
    for name in path:
        [found] = [entry for entry in await everything(drive, at) if entry.name == name]
        at = found.ref
    return found


@pytest.mark.parametrize(
    ("name", "preferred", "part"),
    [
        ("Lesson plan", "docx", "word/document.xml"),
        ("Marks 7b", "xlsx", "xl/workbook.xml"),
        ("Mitosis in pictures", "pptx", "ppt/presentation.xml"),
    ],
)
async def test_documents_become_office_files(drive: Drive, name: str, preferred: str, part: str) -> None:
    entry = await _seeded(drive, "Class 7b", "Biology", name)
    assert entry.kind is Kind.DOCUMENT
    assert entry.size is None
    assert [choice.id for choice in entry.exports][:2] == [preferred, "pdf"]
    whole = await get(drive, entry.ref, export=preferred, version=entry.version)
    assert part in zipfile.ZipFile(io.BytesIO(whole)).namelist()
    assert (await get(drive, entry.ref, export="pdf")).startswith(b"%PDF-")
    assert await get(drive, entry.ref, 3, 40, export=preferred) == whole[3:40]
    assert await get(drive, entry.ref, 3, export=preferred) == whole[3:]
    with pytest.raises(ValueError):
        await get(drive, entry.ref, len(whole) + 1, export=preferred)


async def test_documents_have_no_bytes_of_their_own(drive: Drive) -> None:
    entry = await _seeded(drive, "Class 7b", "Biology", "Lesson plan")
    for export in (None, "exe"):
        with pytest.raises(Unsupported):
            await get(drive, entry.ref, export=export)


async def test_forms_cannot_be_read(drive: Drive) -> None:
    entry = await _seeded(drive, "Forms and long documents", "Lunch survey")
    assert entry.kind is Kind.PACKAGE
    with pytest.raises(Unsupported):
        await get(drive, entry.ref)


async def test_a_shortcut_tells_its_target(drive: Drive) -> None:
    entry = await _seeded(drive, "Forms and long documents", "Shortcut to Biology")
    assert entry.kind is Kind.SHORTCUT
    assert entry.target is not None
    assert (await drive.stat(entry.target)).name == "Biology"


async def test_a_document_is_copied_on_the_server(drive: GoogleDrive, folder: Ref) -> None:
    source = await _seeded(drive, "Class 7b", "Biology", "Lesson plan")
    made = await drive.copy(source.ref, folder, "Lesson plan for Jonas")
    assert made.kind is Kind.DOCUMENT
    assert made.parent == folder
    assert made.modified == source.modified
    assert await get(drive, made.ref, export="txt") == await get(drive, source.ref, export="txt")


async def test_folders_are_not_copied(drive: GoogleDrive, folder: Ref) -> None:
    with pytest.raises(Unsupported):
        await drive.copy(folder, folder, "copy")


async def _twins(drive: Drive, folder: Ref) -> list[Entry]:
    one, two = await put(drive, folder, "one.bin", b"one"), await put(drive, folder, "two.bin", b"two")
    return [await drive.relocate(entry.ref, None, "twin.bin") for entry in (one, two)]


async def test_twins_are_told_apart_and_never_replaced_by_name(drive: Drive, folder: Ref) -> None:
    one, two = await _twins(drive, folder)
    assert await names(drive, folder) == ["twin.bin", "twin.bin"]
    assert (await get(drive, one.ref), await get(drive, two.ref)) == (b"one", b"two")
    with pytest.raises(NameTaken) as taken:
        await drive.begin(new_file(folder, "twin.bin", 1, on_conflict=OnConflict.REPLACE))
    assert taken.value.reason == "ambiguous"


async def test_free_names_count_on(drive: Drive, folder: Ref) -> None:
    for _ in range(3):
        await put(drive, folder, "a'b\\c.txt", b"x", on_conflict=OnConflict.RENAME)
    assert len(set(await names(drive, folder))) == 3


async def test_a_name_cannot_widen_the_search(drive: Drive, folder: Ref) -> None:
    await put(drive, folder, "innocent.bin", b"x")
    tricky = "x' or name != '"
    made = await put(drive, folder, tricky, b"y", on_conflict=OnConflict.REPLACE)
    assert await names(drive, folder) == sorted(["innocent.bin", tricky])
    assert made.name == tricky


async def test_an_id_made_beforehand_is_used(drive: Drive, google: Running, folder: Ref) -> None:
    first = await put(drive, folder, "first.bin", b"x")
    await drive.delete(first.ref)
    await google.requests()
    for number in range(5):
        await put(drive, folder, f"{number}.bin", b"x")
    asked = [request["path"] for request in await google.requests()]
    assert not [path for path in asked if "generateIds" in path]


async def test_shared_with_a_student_means_reading_only(open_drive: Open, drive: Drive) -> None:
    worksheet = await _seeded(drive, "Worksheet photosynthesis.txt")
    student = open_drive(STUDENT)
    seen = await student.stat(worksheet.ref)
    assert seen.may == {"read"}
    assert seen.version == worksheet.version
    assert await get(student, worksheet.ref) == b"1. What does a leaf breathe?\n"
    for refused in (student.trash(worksheet.ref), student.delete(worksheet.ref)):
        with pytest.raises(Refused):
            await refused


async def test_a_download_that_the_owner_forbids_is_not_tried(google: Running, drive: Drive, folder: Ref) -> None:
    ref = (await put(drive, folder, "closed.bin", b"closed")).ref
    await google.control("POST", "google", {"marks": {ref.id: {"blocked": True}}})
    await google.requests()
    with pytest.raises(DownloadForbidden):
        await get(drive, ref)
    assert len(await google.requests()) == 1


async def test_a_media_type_of_googles_own_asks_for_no_conversion(drive: Drive, folder: Ref) -> None:
    made = await put(drive, folder, "essay.bin", b"x", media_type="application/vnd.google-apps.document")
    assert made.kind is Kind.FILE
    tricky = await put(drive, folder, "tricky.bin", b"y", media_type="text/plain\r\n\r\nx")
    assert await get(drive, tricky.ref) == b"y"


@pytest.mark.parametrize(
    ("name", "exports"),
    [
        ("Lesson plan", "docx pdf odt rtf txt md epub"),
        ("Marks 7b", "xlsx pdf ods csv tsv"),
        ("Mitosis in pictures", "pptx pdf odp txt"),
    ],
)
async def test_every_form_can_be_read(drive: Drive, name: str, exports: str) -> None:
    entry = await _seeded(drive, "Class 7b", "Biology", name)
    assert [choice.id for choice in entry.exports] == exports.split()
    read = {choice.id: await get(drive, entry.ref, export=choice.id) for choice in entry.exports}
    assert all(read.values())
    assert len(set(read.values())) == len(read)


async def test_a_drawing_is_read_as_a_picture(google: Running, drive: Drive, folder: Ref) -> None:
    body = {"name": "Cell", "mimeType": "application/vnd.google-apps.drawing", "parents": [folder.id]}
    made = await says(google, TEACHER, "POST", "files", body)
    entry = await drive.stat(Ref("", made["id"]))
    assert [choice.id for choice in entry.exports] == ["png", "pdf", "svg", "jpg"]
    beginnings = {"png": b"\x89PNG", "pdf": b"%PDF-", "jpg": b"\xff\xd8\xff"}
    for export, beginning in beginnings.items():
        assert (await get(drive, entry.ref, export=export)).startswith(beginning)
