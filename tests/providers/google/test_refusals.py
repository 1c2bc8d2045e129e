"""What Google's refusals mean: each reason its own fact, and what is final is tried once."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from providers import errors
from providers.drive import Ref
from providers.google.errors import translate, translate_picked
from tests.providers.google.stand_in import google_at


def _envelope(reason: str) -> bytes:
    return json.dumps(
        {"error": {"code": 403, "message": "File not found: 1SecretId", "errors": [{"reason": reason}]}}
    ).encode()


TABLE: list[tuple[int, str, type[errors.DriveError]]] = [
    (403, "rateLimitExceeded", errors.Busy),
    (403, "userRateLimitExceeded", errors.Busy),
    (403, "sharingRateLimitExceeded", errors.Busy),
    (403, "dailyLimitExceeded", errors.Busy),
    (429, "rateLimitExceeded", errors.Busy),
    (429, "", errors.Busy),
    (403, "storageQuotaExceeded", errors.QuotaFull),
    (403, "quotaExceeded", errors.QuotaFull),
    (403, "teamDriveFileLimitExceeded", errors.QuotaFull),
    (403, "numChildrenInNonRootLimitExceeded", errors.QuotaFull),
    (403, "activeItemCreationLimitExceeded", errors.QuotaFull),
    (403, "downloadQuotaExceeded", errors.LimitReached),
    (403, "teamDriveHierarchyTooDeep", errors.LimitReached),
    (403, "myDriveHierarchyDepthLimitExceeded", errors.LimitReached),
    (403, "cannotDownloadAbusiveFile", errors.Malware),
    (403, "cannotDownloadFile", errors.DownloadForbidden),
    (403, "cannotExportFile", errors.DownloadForbidden),
    (403, "fileNotDownloadable", errors.Unsupported),
    (403, "insufficientFilePermissions", errors.Refused),
    (403, "insufficientParentPermissions", errors.Refused),
    (403, "appNotAuthorizedToFile", errors.NotPicked),
    (403, "domainPolicy", errors.AdminBlocked),
    (403, "accessNotConfigured", errors.AdminBlocked),
    (403, "access_not_configured", errors.AdminBlocked),
    (403, "admin_policy_enforced", errors.AdminBlocked),
    (403, "exportSizeLimitExceeded", errors.ExportTooLarge),
    (403, "teamDrivesFolderMoveInNotSupported", errors.AcrossDrives),
    (403, "teamDrivesParentLimit", errors.AcrossDrives),
    (403, "crossDomainMoveRestriction", errors.AcrossDrives),
    (403, "fileOwnerNotMemberOfTeamDrive", errors.AcrossDrives),
    (403, "fileWriterTeamDriveMoveInDisabled", errors.AcrossDrives),
    (403, "cannotAddParent", errors.AcrossDrives),
    (403, "insufficientPermissions", errors.Reconnect),
    (403, "insufficientScopes", errors.Reconnect),
    (401, "authError", errors.Reconnect),
    (401, "", errors.Reconnect),
    (404, "notFound", errors.NotFound),
    (404, "", errors.NotFound),
    (410, "", errors.NotFound),
    (409, "fileIdInUse", errors.NameTaken),
    (412, "conditionNotMet", errors.Changed),
    (413, "uploadTooLarge", errors.TooLarge),
    (500, "internalError", errors.Offline),
    (503, "backendError", errors.Offline),
    (503, "rateLimitExceeded", errors.Offline),
    (302, "", errors.Untrusted),
    (403, "somethingNew", errors.Refused),
    (400, "badRequest", errors.DriveError),
]


@pytest.mark.parametrize(("status", "reason", "expected"), TABLE)
def test_refusals(status: int, reason: str, expected: type[errors.DriveError]) -> None:
    error = translate(status, {}, _envelope(reason))
    assert type(error) is expected
    assert error.reason == (reason or f"status_{status}")
    assert "1SecretId" not in repr(error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"x"',
        b'{"error":5}',
        b'{"error":{"errors":5}}',
        b'{"error":{"errors":[5,{"reason":7}]}}',
    ],
)
def test_refusals_without_an_envelope_go_by_their_status(body: bytes) -> None:
    assert type(translate(404, {}, body)) is errors.NotFound
    assert type(translate(502, {}, body)) is errors.Offline


def test_a_reason_is_a_code_and_no_free_text() -> None:
    assert translate(403, {}, _envelope("the file 'Marks of Leo' is closed")).reason == "status_403"


def test_the_newer_envelope() -> None:
    body = {"error": {"status": "PERMISSION_DENIED", "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}
    assert type(translate(403, {}, json.dumps(body).encode())) is errors.Reconnect


def test_waits_that_google_does_not_tell() -> None:
    assert translate(403, {}, _envelope("sharingRateLimitExceeded")).retry_after == 60
    assert translate(403, {}, _envelope("dailyLimitExceeded")).retry_after == 3600
    assert translate(403, {"Retry-After": "9"}, _envelope("dailyLimitExceeded")).retry_after is None
    assert translate(403, {}, _envelope("userRateLimitExceeded")).retry_after is None


def test_what_was_never_chosen_looks_as_if_it_were_not_there() -> None:
    for body in (_envelope("notFound"), b""):
        error = translate_picked(404, {}, body)
        assert (type(error), error.reason) == (errors.NotPicked, "not_picked")
        assert "Choose it first" in error.advice
    assert type(translate_picked(403, {}, _envelope("userRateLimitExceeded"))) is errors.Busy


@pytest.mark.parametrize(("status", "reason", "expected"), TABLE)
async def test_what_is_final_is_asked_for_once(status: int, reason: str, expected: type[errors.DriveError]) -> None:
    asked = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=status, body=_envelope(reason), headers={"Retry-After": "0"})

    async with google_at(refuse) as drive:
        with pytest.raises(errors.DriveError) as refused:
            await drive.stat(Ref("", "1Id"))
    passing = expected.retryable or status == 401
    assert (type(refused.value), len(asked) > 1) == (expected, passing)
