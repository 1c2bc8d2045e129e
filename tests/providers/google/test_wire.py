"""Pure parts: requests as built, resources as read, refusals as understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from providers import errors
from providers.drive import Kind, Ref
from providers.google import GoogleApi
from providers.google.wire import entry, format_time, parse_time, quoted

FILE: dict[str, Any] = {
    "id": "1a",
    "name": "n",
    "mimeType": "text/plain",
    "parents": ["0p"],
    "size": "12",
    "headRevisionId": "r1",
    "version": "7",
    "modifiedTime": "2024-02-29T12:34:56.789Z",
    "sha256Checksum": "ab" * 32,
    "md5Checksum": "cd" * 16,
    "capabilities": {"canDownload": True, "canRename": True},
}


@pytest.fixture(scope="module")
def api() -> GoogleApi:
    return GoogleApi("http://127.0.0.1:8123")


def test_requests_go_where_the_settings_say(api: GoogleApi) -> None:
    one = api.build("files.get", fileId="a/b?c", fields="id", supportsAllDrives=True)
    assert one.url.startswith("http://127.0.0.1:8123/drive/v3/files/a%2Fb%3Fc?")
    assert parse_qs(urlsplit(one.url).query)["supportsAllDrives"] == ["true"]
    assert GoogleApi().build("files.list").url.startswith("https://www.googleapis.com/drive/v3/files?")


def test_no_header_promises_compression(api: GoogleApi) -> None:
    headers = api.build("files.get_media", fileId="x").headers
    assert not {"accept-encoding", "user-agent", "content-length"} & {name.lower() for name in headers}


def test_uploads_have_their_own_addresses(api: GoogleApi) -> None:
    session = api.session("files.create", "video/mp4", 1 << 33, body={"name": "ü"})
    assert session.method == "POST"
    assert session.url.startswith("http://127.0.0.1:8123/upload/drive/v3/files?")
    assert "uploadType=resumable" in session.url
    assert session.headers["X-Upload-Content-Length"] == str(1 << 33)
    assert session.headers["X-Upload-Content-Type"] == "video/mp4"
    assert json.loads(session.body or b"") == {"name": "ü"}
    unknown = api.session("files.create", "video/mp4", None, body={})
    assert "X-Upload-Content-Length" not in unknown.headers
    whole = api.multipart("files.update", fileId="x", body={"mimeType": "a/b"})
    assert whole.method == "PATCH"
    assert "uploadType=multipart" in whole.url


def test_a_misspelt_parameter_is_a_mistake(api: GoogleApi) -> None:
    with pytest.raises(TypeError):
        api.build("files.get", fileId="x", feilds="id")


def test_a_file() -> None:
    made = entry(FILE)
    assert made.ref == Ref("", "1a")
    assert made.parent == Ref("", "0p")
    assert (made.kind, made.size, made.version) == (Kind.FILE, 12, "r1")
    assert made.modified == datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=UTC)
    assert made.hashes == {"sha256": bytes.fromhex("ab" * 32), "md5": bytes.fromhex("cd" * 16)}
    assert made.may == {"read", "move"}


def test_spaces_and_keys() -> None:
    made = entry({**FILE, "driveId": "0shared", "resourceKey": "0-k"})
    assert made.ref == Ref("0shared", "1a", "0-k")
    assert made.parent == Ref("0shared", "0p")


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("application/vnd.google-apps.folder", Kind.FOLDER),
        ("application/vnd.google-apps.document", Kind.DOCUMENT),
        ("application/vnd.google-apps.shortcut", Kind.SHORTCUT),
        ("application/vnd.google-apps.form", Kind.PACKAGE),
        ("application/vnd.google-apps.vid", Kind.PACKAGE),
        ("application/vnd.google-apps.something-new", Kind.PACKAGE),
    ],
)
def test_kinds_go_by_type_and_never_by_size(media_type: str, kind: Kind) -> None:
    made = entry({**FILE, "mimeType": media_type, "size": "1024"})
    assert made.kind is kind
    assert made.size is None
    assert (kind is Kind.DOCUMENT) == bool(made.exports)


def test_versions_follow_the_bytes() -> None:
    document = {**FILE, "mimeType": "application/vnd.google-apps.document"}
    assert entry({**FILE, "name": "other", "version": "8"}).version == entry(FILE).version
    assert entry({**FILE, "headRevisionId": "r2"}).version != entry(FILE).version
    assert entry({**document, "version": "8"}).version == entry(document).version
    assert entry({**document, "modifiedTime": "2024-03-01T00:00:00Z"}).version != entry(document).version
    bare = {name: value for name, value in FILE.items() if name != "headRevisionId"}
    assert entry({**bare, "sha256Checksum": "00" * 32}).version != entry(bare).version


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        "x",
        {},
        {**FILE, "id": None},
        {**FILE, "id": ""},
        {**FILE, "name": 5},
        {**FILE, "size": "many"},
        {**FILE, "modifiedTime": "yesterday"},
        {**FILE, "modifiedTime": "2024-02-29T12:34:56"},
        {**FILE, "sha256Checksum": "xyz"},
    ],
)
def test_what_is_no_file_resource_is_not_believed(bad: object) -> None:
    with pytest.raises(errors.Untrusted):
        entry(bad)


def test_times() -> None:
    there = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(there) == "2026-06-30T23:30:00.000Z"
    assert parse_time("2026-07-01T01:30:00+02:00") == there


def test_quoting() -> None:
    assert quoted("it's a \\ test") == "'it\\'s a \\\\ test'"
