"""What Graph's refusals mean, and that nothing of its text gets out."""

from __future__ import annotations

import json

import pytest

from providers.errors import (
    Busy,
    Changed,
    DriveError,
    Locked,
    Malware,
    NameRefused,
    NameTaken,
    NotFound,
    Offline,
    QuotaFull,
    Reconnect,
    Refused,
    TooLarge,
    Unsupported,
)
from providers.onedrive.errors import failure, translate


def refusal(code: str, inner: str | None = None, *, key: str = "innerError", message: str = "secret.docx") -> bytes:
    error: dict[str, object] = {"code": code, "message": message, key: {"date": "2026-01-01"}}
    if inner:
        error[key] = {"code": inner, key: {"request-id": "1"}}
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "code", "inner", "kind"),
    [
        (403, "accessDenied", None, Refused),
        (403, "notAllowed", None, Refused),
        (403, "malwareDetected", None, Malware),
        (403, "accessDenied", "malwareDetected", Malware),
        (404, "itemNotFound", None, NotFound),
        (405, "methodNotAllowed", None, Unsupported),
        (400, "notSupported", None, Unsupported),
        (409, "nameAlreadyExists", None, NameTaken),
        (400, "invalidRequest", "nameContainsInvalidCharacters", NameRefused),
        (400, "invalidRequest", "pathIsTooLong", NameRefused),
        (400, "invalidRequest", None, DriveError),
        (412, "resourceModified", None, Changed),
        (410, "resyncRequired", None, Changed),
        (413, "invalidRequest", "maxFileSizeExceeded", TooLarge),
        (423, "notAllowed", "resourceLocked", Locked),
        (423, "accessDenied", None, Locked),
        (429, "activityLimitReached", "throttledRequest", Busy),
        (503, "serviceNotAvailable", None, Busy),
        (509, "activityLimitReached", "throttledRequest", Busy),
        (504, "generalException", "timeout", Offline),
        (500, "generalException", None, Offline),
        (502, "accessDenied", None, Offline),
        (507, "quotaLimitReached", None, QuotaFull),
        (403, "quotaLimitReached", None, QuotaFull),
        (401, "InvalidAuthenticationToken", None, Reconnect),
        (401, "unauthenticated", None, Reconnect),
    ],
)
@pytest.mark.parametrize("key", ["innerError", "innererror"])
def test_codes(status: int, code: str, inner: str | None, kind: type[DriveError], key: str) -> None:
    error = translate(status, {}, refusal(code, inner, key=key))
    assert type(error) is kind
    assert "secret" not in f"{error} {error.reason}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7}', b'{"error": {"code": "spaced out name"}}'])
@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (429, Busy), (500, Offline), (400, DriveError), (403, Refused)]
)
def test_the_status_rules_where_there_is_no_code(body: bytes, status: int, kind: type[DriveError]) -> None:
    error = translate(status, {}, body)
    assert type(error) is kind
    assert error.reason == f"status_{status}"


def test_a_locked_file_says_so() -> None:
    assert translate(423, {}, b"").reason == "resourceLocked"


@pytest.mark.parametrize(
    ("message", "kind"),
    [("The provided name is reserved.", NameRefused), ("The property 'x' is unknown.", DriveError)],
)
def test_a_refused_name_without_a_code(message: str, kind: type[DriveError]) -> None:
    assert type(translate(400, {}, refusal("invalidRequest", message=message))) is kind


def test_codes_nested_without_an_end_are_bounded() -> None:
    error: dict[str, object] = {"code": "itemNotFound"}
    for _ in range(50):
        error = {"code": "outer", "innerError": error}
    assert type(translate(400, {}, json.dumps({"error": error}).encode())) is DriveError


def test_a_failed_operation() -> None:
    assert type(failure({"code": "nameAlreadyExists", "message": "x"})) is NameTaken
    assert type(failure(None)) is DriveError


@pytest.mark.parametrize(
    ("status", "code", "headers", "wide"),
    [
        (429, "activityLimitReached", {}, True),
        (429, "tooManyRequests", {"x-ms-throttle-scope": "Tenant_Application/ReadWrite/1/2"}, True),
        (429, "activityLimitReached", {"x-ms-throttle-scope": "User/ReadWrite/1/2"}, False),
        (509, "generalException", {}, True),
        (503, "activityLimitReached", {}, True),
        (503, "serviceNotAvailable", {}, False),
        (423, "notAllowed", {}, False),
    ],
)
def test_whom_throttling_means(status: int, code: str, headers: dict[str, str], wide: bool) -> None:
    """An application in a whole tenant, unless Graph says otherwise; a service that is down or a lock means nobody."""
    error = translate(status, headers, refusal(code))
    assert isinstance(error, Busy)
    assert error.wide is wide


def test_a_lock_is_its_own_kind_of_busy() -> None:
    for status, code in [(423, "accessDenied"), (409, "resourceLocked"), (403, "resourceLocked")]:
        error = translate(status, {}, refusal(code))
        assert isinstance(error, Locked)
        assert error.reason == "resourceLocked"
        assert error.retryable
