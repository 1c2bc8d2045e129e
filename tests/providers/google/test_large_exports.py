"""Exports over 10 MB: by the document's link, else by a download made ready, else an error that says so."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from providers.drive import Drive, Entry
from providers.errors import Busy, ExportTooLarge, Untrusted
from providers.google.hosts import takes_token
from tests.conformance.base import everything, get
from tests.sandboxes import Running

LIMIT = 10 * 1024 * 1024
OWN = URL("https://drive.school.example")
FEEDS = "/feeds/download/documents/export/Export"


@pytest.fixture
async def yearbook(google: Running, drive: Drive) -> AsyncIterator[Entry]:
    """The teacher's document of 12 MB; its marks are taken off again."""
    at = await drive.root()
    for name in ("Forms and long documents", "Yearbook (very long)"):
        [found] = [entry for entry in await everything(drive, at) if entry.name == name]
        at = found.ref
    yield found
    await google.control("POST", "google", {"marks": {at.id: {}}})


async def _paths(google: Running) -> list[str]:
    return [request["path"] for request in await google.requests()]


@pytest.mark.parametrize("unlinked", [False, True])
async def test_a_document_too_long_for_export_comes_another_way(
    google: Running, drive: Drive, yearbook: Entry, unlinked: bool
) -> None:
    await google.control("POST", "google", {"marks": {yearbook.ref.id: {"unlinked": unlinked}}})
    await google.requests()
    whole = await get(drive, yearbook.ref, export="docx")
    assert len(whole) > LIMIT
    assert "word/document.xml" in zipfile.ZipFile(io.BytesIO(whole)).namelist()
    asked = await _paths(google)
    assert any("operations" in path for path in asked) == unlinked
    assert any(path.endswith("/download") for path in asked) == unlinked
    assert await get(drive, yearbook.ref, LIMIT, LIMIT + 7, export="docx") == whole[LIMIT : LIMIT + 7]


async def test_too_large_only_where_no_way_is_left(google: Running, drive: Drive, yearbook: Entry) -> None:
    await google.control("POST", "google", {"marks": {yearbook.ref.id: {"unlinked": True, "unready": True}}})
    with pytest.raises(ExportTooLarge):
        await get(drive, yearbook.ref, export="docx")


@pytest.mark.parametrize("trouble", [{"html": True}, {"status": 404, "reason": "notFound"}], ids=str)
async def test_a_link_that_does_not_work_is_not_the_end(
    google: Running, drive: Drive, yearbook: Entry, trouble: dict[str, object]
) -> None:
    async with google.faults({"match": {"path": FEEDS}, "do": trouble}):
        assert len(await get(drive, yearbook.ref, export="docx")) > LIMIT


async def test_a_throttled_link_waits_its_turn(google: Running, drive: Drive, yearbook: Entry) -> None:
    async with google.faults({"match": {"path": FEEDS}, "do": {"status": 429, "retry_after": 60}}):
        with pytest.raises(Busy):
            await get(drive, yearbook.ref, export="docx")


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("https://docs.google.com/feeds/download/documents/export/Export?id=1", True),
        ("https://www.googleapis.com/drive/v3/x", True),
        ("https://drive.school.example/feeds/x", True),
        ("https://doc-0s-docs.googleusercontent.com/export/x", False),
        ("https://1.2.3.4.bc.googleusercontent.com/x", False),
    ],
)
def test_the_token_goes_to_googles_own_hosts_only(address: str, token: bool) -> None:
    assert takes_token(OWN, address) is token


@pytest.mark.parametrize(
    "address",
    [
        "http://docs.google.com/x",
        "https://docs.google.com:8443/x",
        "https://docs.google.com.evil.example/x",
        "https://evilgoogle.com/x",
        "https://127.0.0.1/x",
        "https://drive.school.example:8443/x",
        "/relative",
        "file:///etc/passwd",
    ],
)
def test_nothing_goes_to_foreign_addresses(address: str) -> None:
    with pytest.raises(Untrusted):
        takes_token(OWN, address)


async def test_above_the_limit_the_form_is_the_one_that_was_asked_for(drive: Drive, yearbook: Entry) -> None:
    """No other form takes the place of one that is too large."""
    beginnings = {"docx": b"PK", "odt": b"PK", "pdf": b"%PDF-"}
    for export, beginning in beginnings.items():
        assert (await get(drive, yearbook.ref, 0, 5, export=export)).startswith(beginning)
    odt = zipfile.ZipFile(io.BytesIO(await get(drive, yearbook.ref, export="odt")))
    assert odt.read("mimetype") == b"application/vnd.oasis.opendocument.text"


async def test_what_is_too_large_is_asked_for_once_and_explained(
    google: Running, drive: Drive, yearbook: Entry
) -> None:
    await google.control("POST", "google", {"marks": {yearbook.ref.id: {"unlinked": True, "unready": True}}})
    await google.requests()
    with pytest.raises(ExportTooLarge) as refused:
        await get(drive, yearbook.ref, export="docx")
    assert not refused.value.retryable
    assert "another format" in refused.value.advice
    asked = await _paths(google)
    assert len([path for path in asked if path.endswith("/export")]) == 1
    assert len([path for path in asked if path.endswith("/download")]) == 1
