"""driveItems as entries: kinds, versions, flags, and what is not believed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.drive import Entry, Kind, Ref
from providers.errors import Untrusted
from providers.onedrive.wire import entry, format_time

FILE: dict[str, Any] = {
    "id": "01ABC",
    "name": "notes.txt",
    "size": 3,
    "eTag": '"{1},2"',
    "cTag": '"c:{1},1"',
    "lastModifiedDateTime": "2026-01-02T03:04:05Z",
    "fileSystemInfo": {"lastModifiedDateTime": "2024-02-29T12:34:56.1234567Z"},
    "parentReference": {"driveId": "b!x", "id": "01ROOT"},
    "file": {"mimeType": "text/plain", "hashes": {"quickXorHash": base64.b64encode(bytes(20)).decode()}},
}


def made(**changes: Any) -> Entry:
    """The entry of the file with some properties changed; None takes one away."""
    return entry({name: value for name, value in {**FILE, **changes}.items() if value is not None}, "")


def test_a_file() -> None:
    found = made()
    assert (found.ref, found.parent, found.kind) == (Ref("", "01ABC"), Ref("", "01ROOT"), Kind.FILE)
    assert (found.size, found.version, found.media_type) == (3, '"c:{1},1"', "text/plain")
    assert found.modified == datetime(2024, 2, 29, 12, 34, 56, 123456, tzinfo=UTC)
    assert found.hashes == {"quickxor": bytes(20)}
    assert not found.flags


def test_all_hashes() -> None:
    hashes = {"quickXorHash": "AAAA", "sha1Hash": "AA" * 20, "sha256Hash": "bb" * 32, "crc32Hash": "00"}
    found = made(file={"mimeType": "text/plain", "hashes": hashes})
    assert found.hashes == {"quickxor": bytes(3), "sha1": b"\xaa" * 20, "sha256": b"\xbb" * 32}


def test_without_hashes_or_times_of_its_own() -> None:
    found = made(file={}, fileSystemInfo=None)
    assert (found.hashes, found.media_type) == ({}, "application/octet-stream")
    assert found.modified == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_version_without_a_ctag_is_the_etag() -> None:
    assert made(cTag=None).version == FILE["eTag"]


def test_a_folder_has_no_size_and_no_version() -> None:
    found = made(file=None, folder={"childCount": 1}, cTag=None)
    assert (found.kind, found.size, found.version) == (Kind.FOLDER, None, "-")


def test_the_root_stays_where_it_is() -> None:
    found = made(file=None, folder={}, root={}, parentReference={"driveId": "b!x"})
    assert found.parent is None
    assert found.may == {"read", "write"}


def test_a_notebook_is_left_alone() -> None:
    found = made(file=None, folder={}, package={"type": "oneNote"})
    assert (found.kind, found.may, found.size) == (Kind.PACKAGE, frozenset(), None)


def test_what_nobody_knows_is_left_alone() -> None:
    assert made(file=None).kind is Kind.PACKAGE


def test_something_shared_is_a_shortcut() -> None:
    remote = {"id": "01FAR", "parentReference": {"driveId": "b!far"}, "folder": {}}
    found = made(file=None, folder={}, remoteItem=remote)
    assert (found.kind, found.target) == (Kind.SHORTCUT, Ref("b!far", "01FAR"))
    assert "read" not in found.may


def test_malware_and_trash_are_flagged() -> None:
    found = made(malware={}, deleted={"state": "softDeleted"})
    assert found.flags == {"malware", "trashed"}
    assert "read" not in found.may


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": 7},
        {"name": ""},
        {"size": None},
        {"size": -1},
        {"size": "3"},
        {"cTag": None, "eTag": None},
        {"fileSystemInfo": {"lastModifiedDateTime": "yesterday"}},
        {"fileSystemInfo": {"lastModifiedDateTime": "2024-01-01T00:00:00"}},
        {"file": {"hashes": {"quickXorHash": "*"}}},
        {"file": {"hashes": {"sha1Hash": "xy"}}},
        {"file": "text"},
        {"parentReference": "root"},
        {"remoteItem": {"id": "1"}},
    ],
)
def test_what_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        made(**changes)


@pytest.mark.parametrize("data", [None, [], "item", {}])
def test_what_is_no_item(data: object) -> None:
    with pytest.raises(Untrusted):
        entry(data, "")


def test_times_are_written_in_utc() -> None:
    moment = datetime.fromisoformat("2024-02-29T13:34:56.7891+01:00")
    assert format_time(moment) == "2024-02-29T12:34:56.789Z"


def test_what_others_have_too_is_marked() -> None:
    assert entry({**FILE, "shared": {"scope": "users"}}, "b!x").flags == {"shared"}
