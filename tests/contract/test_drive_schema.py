"""The checker finds what it is for: each kind of invention, one at a time, in an exchange that is otherwise right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.sandbox.core import Exchange
from tests.contract.drive_schema import DriveChecker

FILE: dict[str, Any] = {"kind": "drive#file", "id": "1", "name": "n", "mimeType": "text/plain"}
RIGHT = Exchange(
    method="GET",
    host="www.googleapis.com",
    path="/drive/v3/files/1",
    template="/drive/v3/files/{fileId}",
    query=(),
    headers={"Authorization": "Bearer x"},
    body=None,
    status=200,
    answer_headers={},
    answer=FILE,
    fault=False,
)
ERROR = {"error": {"code": 404, "message": "m", "errors": [{"domain": "global", "reason": "notFound", "message": "m"}]}}


def _plain(answer: Any) -> dict[str, Any]:
    return {"answer": answer}


def _whole(answer: Any) -> dict[str, Any]:
    return {"query": (("fields", "*"),), "answer": answer}


def _problems(exchange: Exchange) -> list[str]:
    checker = DriveChecker()
    checker(exchange)
    assert checker.seen.total() == 1
    return checker.problems


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"query": (("fields", "id,size"), ("supportsAllDrives", "true")), "answer": {"id": "1", "size": "7"}},
        _whole({**FILE, "modifiedTime": "2026-01-01T00:00:00.000Z", "trashed": False}),
        {"query": (("alt", "media"),), "answer": None},
        {"status": 404, "answer": ERROR},
        {"method": "DELETE", "status": 204, "answer": None},
        {"method": "PATCH", "body": {"name": "m"}, "query": (("addParents", "2"), ("setModifiedDate", "true"))},
        {
            "method": "POST",
            "path": "/upload/drive/v3/files",
            "query": (("uploadType", "resumable"),),
            "answer": None,
            "answer_headers": {"Location": "https://x/?upload_id=1"},
        },
        {
            "method": "PUT",
            "path": "/upload/drive/v3/files",
            "query": (("upload_id", "1"),),
            "headers": {},
            "status": 308,
            "answer": None,
        },
    ],
)
def test_what_is_right_passes(change: dict[str, Any]) -> None:
    assert _problems(replace(RIGHT, **change)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/drive/v3/nothing"},
        {"path": "/drive/v2/files/1"},
        {"method": "PUT"},
        {"headers": {}},
        {"query": (("colour", "red"),)},
        {"query": (("supportsAllDrives", "yes"),)},
        {"query": (("setModifiedDate", "true"),)},
        {"path": "/drive/v3/files", "query": (("pageSize", "1001"),), "answer": {"files": []}},
        {"path": "/drive/v3/files/1/export", "answer": None},
        _whole({**FILE, "colour": "red"}),
        _whole({**FILE, "size": 7}),
        _whole({**FILE, "size": "seven"}),
        _whole({**FILE, "trashed": "false"}),
        _whole({**FILE, "modifiedTime": "yesterday"}),
        _whole({**FILE, "parents": "1"}),
        _whole({**FILE, "owners": [{"colour": "red"}]}),
        _whole({**FILE, "description": None}),
        _whole({**FILE, "kind": "drive#files"}),
        _plain({**FILE, "size": "7"}),
        {"query": (("fields", "id"),), "answer": FILE},
        {"answer": []},
        {"answer": None},
        {"query": (("alt", "media"),)},
        {"method": "PATCH", "body": {"colour": "red"}},
        {"method": "PATCH", "body": {"name": 7}},
        {"method": "DELETE", "answer": {}},
        {"status": 404, "answer": {"error": "not found"}},
        {"status": 404, "answer": None},
        {"status": 403, "answer": ERROR},
        {"status": 404, "answer": {"error": {"code": 404, "message": "m", "errors": [{"domain": "global"}]}}},
        {"method": "POST", "path": "/upload/drive/v3/files", "query": (("uploadType", "resumable"),), "answer": None},
    ],
)
def test_what_is_invented_is_found(change: dict[str, Any]) -> None:
    assert _problems(replace(RIGHT, **change))
