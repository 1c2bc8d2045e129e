"""Revisions of a file, and bytes that are not those of the stated hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from aiohttp import web

from providers.drive import Kind, Ref
from providers.errors import Changed, DownloadForbidden, Unsupported, Untrusted
from providers.google import GoogleDrive
from providers.google.wire import parse_time
from providers.verbs import Version
from tests.conformance.base import get
from tests.providers.google.stand_in import TIME, google_at, refusal, resource

DATA = b"now12"
OLD = b"older bytes"
FILE = Ref("", "1Id1")


def revision(name: str, **changes: Any) -> dict[str, Any]:
    """A revision resource."""
    return {
        "id": name,
        "size": "11",
        "modifiedTime": TIME,
        "md5Checksum": hashlib.md5(OLD).hexdigest(),
        **changes,
    }  # Google's own


class Google:
    """One file of two revisions, and what it is changed to say."""

    def __init__(self, **lies: Any) -> None:
        self.lies = lies
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        media = "media" if request.query.get("alt") == "media" else ""
        self.asked.append(f"{request.path.rpartition('/1Id1')[2]}?{media}")
        kind = self.asked[-1]
        known: dict[str, Any] = {
            "?": resource(sha256Checksum=hashlib.sha256(DATA).hexdigest()),
            "?media": DATA,
            "/revisions?": {"revisions": [revision("r0"), revision("r1", size="5")]},
            "/revisions/r0?": revision("r0"),
            "/revisions/r0?media": OLD,
        }
        said = self.lies.get(kind, known.get(kind))
        if said is None:
            return refusal(404, "notFound")
        if isinstance(said, bytes):
            part = request.http_range
            whole = part.start is None
            told = {} if whole else {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{len(said)}"}
            return web.Response(status=200 if whole else 206, body=said[part], headers=told)
        return web.json_response(said)


async def test_the_current_one_is_what_the_entry_says() -> None:
    async with google_at(Google().answer) as drive:
        moment = parse_time(TIME)
        assert await drive.versions(FILE) == [Version("r1", 5, moment), Version("r0", 11, moment)]
        assert (await drive.stat(FILE)).version == "r1"


@pytest.mark.parametrize("listed", [[], [revision("r0")]])
async def test_a_list_without_the_current_one(listed: list[Any]) -> None:
    async with google_at(Google(**{"/revisions?": {"revisions": listed}}).answer) as drive:
        assert [one.id for one in await drive.versions(FILE)] == ["r1", *(one["id"] for one in listed)]


async def test_every_page_is_read_and_a_circle_is_none() -> None:
    pages = {None: "p2", "p2": "p3", "p3": None}

    async def answer(request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/revisions"):
            return web.json_response(resource())
        token = request.query.get("pageToken")
        return web.json_response({"revisions": [revision(f"r-{token}")], "nextPageToken": pages[token]})

    async with google_at(answer) as drive:
        assert len(await drive.versions(FILE)) == 4
        pages["p3"] = "p2"
        with pytest.raises(Untrusted) as untrusted:
            await drive.versions(FILE)
    assert untrusted.value.reason == "cursor"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"revisions": [7]},
        {"revisions": [{"id": 7, "modifiedTime": TIME}]},
        {"revisions": [revision("r0", size="-1")]},
        {"revisions": [revision("r0", modifiedTime="yesterday")]},
        {"revisions": [revision("r0", md5Checksum="zz")]},
    ],
    ids=json.dumps,
)
async def test_revisions_that_cannot_be(body: object) -> None:
    async with google_at(Google(**{"/revisions?": body}).answer) as drive:
        with pytest.raises(Untrusted):
            await drive.versions(FILE)


async def test_an_older_one_is_read_whole_and_in_parts() -> None:
    async with google_at(Google().answer) as drive:
        assert await get(drive, FILE, version="r0") == OLD
        assert await get(drive, FILE, 2, 7, version="r0") == OLD[2:7]
        assert await get(drive, FILE, 11, version="r0") == b""
        async with drive.read(FILE, version="r0") as opened:
            assert (opened.version, opened.total) == ("r0", 11)


@pytest.mark.parametrize("version", ["r7", "head", "", "../x", "a b", "2026-01-02T03:04:05.000Z 5", "x" * 301])
async def test_versions_that_are_not_kept(version: str) -> None:
    google = Google()
    async with google_at(google.answer) as drive:
        with pytest.raises(Changed):
            await get(drive, FILE, version=version)
    assert [one for one in google.asked if "media" in one] == []


@pytest.mark.parametrize("told", [revision("r9"), {**revision("r0"), "size": None}, {"id": "r0"}, []])
async def test_another_revision_than_was_asked_for(told: object) -> None:
    async with google_at(Google(**{"/revisions/r0?": told}).answer) as drive:
        with pytest.raises(Untrusted):
            await get(drive, FILE, version="r0")


async def test_older_bytes_stay_closed_where_the_file_is() -> None:
    closed = resource(capabilities={"canDownload": False})
    async with google_at(Google(**{"?": closed}).answer) as drive:
        with pytest.raises(DownloadForbidden):
            await get(drive, FILE, version="r0")


async def test_documents_have_no_versions_here(drive: GoogleDrive) -> None:
    [lesson, *_] = [entry for entry in (await drive.search("Lesson plan")).entries if entry.kind is Kind.DOCUMENT]
    with pytest.raises(Unsupported) as unsupported:
        await drive.versions(lesson.ref)
    assert unsupported.value.reason == "document"
    with pytest.raises(Changed):
        await get(drive, lesson.ref, export="docx", version="1")


@pytest.mark.parametrize("version", [None, "r1", "r0"])
async def test_other_bytes_of_the_same_length(version: str | None) -> None:
    """Nothing ends in an orderly way that is not what Google says it is; a part cannot be compared."""
    google = Google(**{"?media": b"NOW12", "/revisions/r0?media": b"OLDER BYTES"})
    async with google_at(google.answer) as drive:
        with pytest.raises(Untrusted) as untrusted:
            await get(drive, FILE, version=version)
        assert untrusted.value.reason == "hash"
        assert await get(drive, FILE, 1, 3, version=version) in (b"OW", b"LD")


async def test_the_hash_of_a_whole_read_is_there_for_its_reader() -> None:
    async with google_at(Google().answer) as drive, drive.read(FILE) as opened:
        assert b"".join([piece async for piece in opened]) == DATA
        assert getattr(opened, "digests") == {"sha256": hashlib.sha256(DATA).digest()}  # noqa: B009
