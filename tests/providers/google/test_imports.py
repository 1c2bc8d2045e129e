"""Office files that become Google's own documents: of every form, once, and found again when an answer is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from providers.drive import Drive, Entry, Kind, NewFile, OnConflict, Ref, UploadSession
from providers.errors import Changed, NameTaken, Offline, SessionLost, TooLarge, Unsupported
from providers.google import GoogleDrive
from providers.google.traits import EXPORTS, IMPORTS, TRAITS
from tests.conformance.base import MODIFIED, everything, get, names, new_file, push, put
from tests.providers.google.conftest import TEACHER, Open
from tests.providers.google.says import says
from tests.sandboxes import Running

TEXT = b"Mitosis\nis a division."
NATIVE = "application/vnd.google-apps."
FORMS = {choice.id: choice.media_type for choices in EXPORTS.values() for choice in choices}


def spec(parent: Ref, name: str, data: bytes, media_type: str = "text/plain", **other: Any) -> NewFile:
    """What is to be converted."""
    return new_file(parent, name, len(data), media_type=media_type, convert=True, **other)


async def made_of(drive: Drive, new: NewFile, data: bytes) -> Entry:
    """The finished document."""
    progress = await push(drive, await drive.begin(new), data)
    assert progress.done is not None
    assert progress.offset == len(data)
    return progress.done


def test_what_converts_stands_in_the_traits() -> None:
    wanted = ("docx", "xlsx", "pptx", "odt", "ods", "odp", "csv", "txt", "rtf", "md", "tsv")
    assert {FORMS[one] for one in wanted} | {"text/html"} <= TRAITS.converts == set(IMPORTS)
    assert set(IMPORTS.values()) == {f"{NATIVE}{kind}" for kind in ("document", "spreadsheet", "presentation")}
    assert all(kind in EXPORTS for kind in IMPORTS.values())


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ("document", "docx"),
        ("document", "odt"),
        ("document", "txt"),
        ("spreadsheet", "xlsx"),
        ("spreadsheet", "ods"),
        ("spreadsheet", "csv"),
        ("presentation", "pptx"),
        ("presentation", "odp"),
    ],
)
async def test_what_was_exported_becomes_a_document_again(
    drive: GoogleDrive, folder: Ref, source: str, form: str
) -> None:
    named = {"document": "Lesson plan", "spreadsheet": "Marks 7b", "presentation": "Mitosis in pictures"}[source]
    [known] = [one for one in (await drive.search(named)).entries if (one.name, one.kind) == (named, Kind.DOCUMENT)]
    data = await get(drive, known.ref, export=form)
    done = await made_of(drive, spec(folder, "Copy", data, FORMS[form]), data)
    assert (done.name, done.kind, done.media_type) == ("Copy", Kind.DOCUMENT, NATIVE + source)
    assert (done.parent, done.size, dict(done.hashes)) == (folder, None, {})
    plain = {"document": "txt", "spreadsheet": "csv", "presentation": "txt"}[source]
    assert await get(drive, done.ref, export=plain) == await get(drive, known.ref, export=plain)
    assert await get(drive, done.ref, export=done.exports[0].id)


async def test_what_does_not_convert_stays_what_it_is(drive: GoogleDrive, folder: Ref) -> None:
    done = await put(drive, folder, "film.mp4", b"film", media_type="video/mp4", convert=True)
    assert (done.kind, done.media_type, done.size) == (Kind.FILE, "video/mp4", 4)
    plain = await put(drive, folder, "notes.txt", TEXT, media_type="text/plain")
    assert plain.kind is Kind.FILE


async def test_parameters_of_a_type_do_not_matter(drive: GoogleDrive, folder: Ref) -> None:
    done = await made_of(drive, spec(folder, "notes", TEXT, "Text/Plain; charset=utf-8"), TEXT)
    assert done.media_type == NATIVE + "document"


@pytest.mark.parametrize("times", [1, 3])
async def test_a_lost_answer_makes_no_twin(google: Running, drive: GoogleDrive, folder: Ref, times: int) -> None:
    session = await drive.begin(spec(folder, "notes", TEXT))
    session = UploadSession.load(session.dump())
    async with google.faults(
        {"match": {"method": "PUT", "path": "/upload/*", "times": times}, "do": {"drop": "answer"}}
    ):
        with pytest.raises(Offline):
            await push(drive, session, TEXT)
    progress = await drive.progress(session)
    assert (progress.offset, progress.done and progress.done.name) == (len(TEXT), "notes")
    again = await push(drive, session, TEXT)
    assert again.done == progress.done
    assert [entry.ref for entry in await everything(drive, folder)] == [progress.done.ref if progress.done else None]


async def test_a_session_that_died_after_its_end_is_found_by_its_mark(
    google: Running, open_drive: Open, folder: Ref
) -> None:
    drive = open_drive()
    session = await drive.begin(spec(folder, "notes", TEXT))
    done = (await push(drive, session, TEXT)).done
    assert done is not None
    async with google.faults({"match": {"path": "/upload/*", "times": 1}, "do": {"expire_session": True}}):
        progress = await open_drive().progress(session)
    assert (progress.done, progress.offset) == (done, len(TEXT))


async def test_a_session_that_died_before_is_lost(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    session = await drive.begin(spec(folder, "notes", TEXT))
    async with google.faults({"match": {"path": "/upload/*", "times": 1}, "do": {"expire_session": True}}):
        with pytest.raises(SessionLost):
            await drive.progress(session)
    assert await names(drive, folder) == []


async def test_a_new_session_for_what_is_there_sends_nothing(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    """A job that lost its session begins again with the id that it keeps; it is no id of Google's, but a mark."""
    new = spec(folder, "notes", TEXT, id="an id of the job", on_conflict=OnConflict.RENAME)
    first = await made_of(drive, new, TEXT)
    await google.requests()
    assert await made_of(drive, new, TEXT) == first
    assert [one for one in await google.requests() if one["method"] == "PUT"] == []
    assert await names(drive, folder) == ["notes"]


async def test_copies_of_the_document_are_not_taken_for_it(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    new = spec(folder, "notes", TEXT, id="a mark of its own", on_conflict=OnConflict.RENAME)
    first = await made_of(drive, new, TEXT)
    await drive.copy(first.ref, folder, "a copy")
    await says(google, TEACHER, "POST", f"files/{first.ref.id}/copy", {"name": "by hand", "parents": [folder.id]})
    assert (await made_of(drive, new, TEXT)).ref == first.ref


async def test_a_copy_of_a_document_whose_answer_was_lost(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    source = await made_of(drive, spec(folder, "notes", TEXT), TEXT)
    async with google.faults({"match": {"path": "*/copy", "times": 1}, "do": {"drop": "answer"}}):
        made = await drive.copy(source.ref, folder, "copy")
    assert await names(drive, folder) == ["copy", "notes"]
    assert (made.name, made.media_type) == ("copy", source.media_type)
    kept = await drive.copy(source.ref, folder, "kept", id="of a job")
    assert await drive.copy(source.ref, folder, "kept", id="of a job") == kept
    assert await names(drive, folder) == ["copy", "kept", "notes"]


async def test_a_copy_that_never_was_is_an_error(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    source = await made_of(drive, spec(folder, "notes", TEXT), TEXT)
    async with google.faults({"match": {"path": "*/copy"}, "do": {"drop": True}}):
        with pytest.raises(Offline):
            await drive.copy(source.ref, folder, "copy")
    assert await names(drive, folder) == ["notes"]


async def test_new_content_for_a_document(drive: GoogleDrive, folder: Ref) -> None:
    first = await made_of(drive, spec(folder, "notes", TEXT), TEXT)
    later = MODIFIED + timedelta(days=1)
    by_ref = spec(folder, "notes", b"second", replaces=(first.ref, first.version), modified=later)
    second = await made_of(drive, by_ref, b"second")
    assert (second.ref, await get(drive, first.ref, export="txt")) == (
        first.ref,
        await get(drive, second.ref, export="txt"),
    )
    assert b"second" in await get(drive, second.ref, export="txt")
    third = await made_of(drive, spec(folder, "notes", b"third", on_conflict=OnConflict.REPLACE), b"third")
    assert third.ref == first.ref
    assert b"third" in await get(drive, third.ref, export="txt")
    with pytest.raises(NameTaken):
        await drive.begin(spec(folder, "notes", TEXT))
    with pytest.raises(Changed):
        await drive.begin(spec(folder, "notes", TEXT, replaces=(first.ref, "another version")))
    assert await names(drive, folder) == ["notes"]


async def test_a_file_does_not_become_a_document(drive: GoogleDrive, folder: Ref) -> None:
    file = await put(drive, folder, "notes", TEXT, media_type="text/plain")
    with pytest.raises(Unsupported):
        await drive.begin(spec(folder, "notes", TEXT, replaces=(file.ref, file.version)))
    made = await made_of(drive, spec(folder, "notes", TEXT, on_conflict=OnConflict.REPLACE), TEXT)
    assert made.ref != file.ref
    assert await get(drive, file.ref) == TEXT


async def test_a_document_of_another_kind_is_not_replaced(drive: GoogleDrive, folder: Ref) -> None:
    document = await made_of(drive, spec(folder, "table", TEXT), TEXT)
    sheet = await made_of(drive, spec(folder, "table", b"a,b\n", "text/csv", on_conflict=OnConflict.REPLACE), b"a,b\n")
    assert (sheet.ref != document.ref, sheet.media_type) == (True, NATIVE + "spreadsheet")


async def test_more_than_google_converts_is_refused_before_it_is_sent(
    google: Running, drive: GoogleDrive, folder: Ref
) -> None:
    await google.requests()
    new = new_file(folder, "long", 11 * 1024**2, media_type="text/plain", convert=True)
    with pytest.raises(TooLarge) as refused:
        await drive.begin(new)
    assert refused.value.reason == "convert"
    assert [one for one in await google.requests() if one["method"] != "GET"] == []


async def test_a_size_that_is_not_known_converts_too(drive: GoogleDrive, folder: Ref) -> None:
    done = await put(drive, folder, "notes", TEXT, known=False, media_type="text/plain", convert=True)
    assert done.kind is Kind.DOCUMENT


@pytest.mark.parametrize(
    "trouble",
    [{"status": 503}, {"status": 403, "reason": "userRateLimitExceeded"}, {"expire_token": True}, {"drop": True}],
    ids=str,
)
async def test_one_failure_is_not_noticed(
    google: Running, drive: GoogleDrive, folder: Ref, trouble: dict[str, Any]
) -> None:
    async with google.faults({"match": {"path": "/drive/v3/files*", "times": 1}, "do": trouble}):
        await made_of(drive, spec(folder, "notes", TEXT), TEXT)
    assert await names(drive, folder) == ["notes"]
