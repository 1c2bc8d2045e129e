"""Every error of a drive, all the way: a provider's answer, the class it becomes, the HTTP problem, the job's report.

A class that is added to `providers.errors` and not to this table fails here.
"""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

import pytest
from aiohttp import web

from gateway.api.problems import from_drive
from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState, Outcome
from gateway.jobs.reasons import ADVICE
from gateway.jobs.turn import Turn
from gateway.jobs.worker import Worker
from gateway.transfers.access import throttled
from gateway.web import catalogs
from providers import errors
from providers.drive import NewFile, Ref
from providers.errors import DriveError
from providers.google import GoogleApi, GoogleDrive
from providers.google.errors import translate as google
from providers.google.errors import translate_picked as google_picked
from providers.http import AccountHttp, Bucket, Outbound, Pace, Patience, Share
from providers.http.account import Translate
from providers.onedrive import OneDrive
from providers.onedrive.errors import translate as graph
from tests.gateway.jobs.support import PERSON, QUICK, SCHOOL, Steered, ended, make_jobs, new, order
from tests.providers.webserver import reaching


class Token:
    async def token(self, *, fresh: bool = False) -> str:
        return "t"


def g(reason: str) -> bytes:
    """Google's envelope."""
    return json.dumps({"error": {"code": 0, "message": "secret", "errors": [{"reason": reason}]}}).encode()


def m(code: str, message: str = "secret") -> bytes:
    """Graph's envelope."""
    return json.dumps({"error": {"code": code, "message": message}}).encode()


async def _asked(outbound: Outbound, url: str, translate: Translate) -> None:
    patience = Patience(tries=1)
    await AccountHttp(outbound, Token(), translate, Pace(patience=0), patience=patience).json("GET", url)


async def _sent_without_a_size(outbound: Outbound, url: str, _: Translate) -> None:
    drive = OneDrive(outbound, Token(), graph_root=url)
    await drive.begin(NewFile(Ref("", "root"), "a.txt", "text/plain", None, datetime.now(UTC)))


async def _went_on(outbound: Outbound, url: str, _: Translate) -> None:
    """An upload whose session Google has forgotten, and whose file is not there."""
    drive = GoogleDrive(GoogleApi(url), outbound, Token(), patience=Patience(tries=1))
    spec = NewFile(Ref("", "p"), "a.txt", "text/plain", 50_000_000, datetime.now(UTC), id="made-before")
    session = await drive.begin(spec)
    await drive.progress(session)


@dataclass(frozen=True)
class Case:
    """What a provider answers, and what must come of it."""

    kind: type[DriveError]
    http: int
    status: int
    body: bytes = b""
    translate: Translate = google
    headers: dict[str, str] = field(default_factory=dict)
    ask: Callable[[Outbound, str, Translate], Awaitable[None]] = _asked


CASES = [
    Case(errors.DriveError, 502, 400, g("badRequest")),
    Case(errors.NotFound, 404, 404, g("notFound")),
    Case(errors.NotPicked, 404, 404, g("notFound"), google_picked),
    Case(errors.Changed, 412, 412, m("resourceModified"), graph),
    Case(errors.NameTaken, 409, 409, m("nameAlreadyExists"), graph),
    Case(errors.NameRefused, 422, 400, m("invalidRequest", "The name is reserved: name not allowed"), graph),
    Case(errors.TooLarge, 413, 413, g("uploadTooLarge")),
    Case(errors.SizeRequired, 411, 200, ask=_sent_without_a_size),
    Case(errors.QuotaFull, 507, 403, g("storageQuotaExceeded")),
    Case(errors.QuotaFull, 507, 507, m("quotaLimitReached"), graph),
    Case(errors.LimitReached, 403, 403, g("downloadQuotaExceeded")),
    Case(errors.Refused, 403, 403, m("accessDenied"), graph),
    Case(errors.AdminBlocked, 403, 403, g("domainPolicy")),
    Case(errors.AdminBlocked, 403, 403, m("accessRestricted"), graph),
    Case(errors.DownloadForbidden, 403, 403, g("cannotDownloadFile")),
    Case(errors.AcrossDrives, 403, 403, g("teamDrivesParentLimit")),
    Case(errors.Malware, 403, 403, g("cannotDownloadAbusiveFile")),
    Case(errors.Malware, 403, 403, m("malwareDetected"), graph),
    Case(errors.ExportTooLarge, 422, 403, g("exportSizeLimitExceeded")),
    Case(errors.Unsupported, 422, 501, m("notSupported"), graph),
    Case(errors.Reconnect, 409, 401),
    Case(errors.SessionLost, 503, 404, g("notFound"), ask=_went_on),
    Case(errors.Busy, 503, 429, m("activityLimitReached"), graph, {"Retry-After": "41"}),
    Case(errors.Busy, 503, 403, g("userRateLimitExceeded")),
    Case(errors.Locked, 423, 423, m("notAllowed"), graph),
    Case(errors.Offline, 504, 500, g("backendError")),
    Case(errors.Untrusted, 502, 200, b"<html>sign in</html>"),
]
KINDS = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DriveError)}
FINAL = {kind for kind in KINDS if not kind.retryable}


def test_the_table_knows_every_class() -> None:
    missing = {kind.__name__ for kind in KINDS - {case.kind for case in CASES}}
    assert not missing, "tell in CASES from which answer they come"


async def caught(case: Case) -> DriveError:
    """The error that the provider's answer becomes."""

    async def answer(request: web.Request) -> web.Response:
        if case.ask is _went_on and request.query.get("uploadType") == "resumable" and request.method != "PUT":
            return web.Response(headers={"Location": f"{request.url.origin()}/session"})
        if case.ask is _went_on and request.path.endswith("/files"):
            return web.json_response({"files": []})
        return web.Response(status=case.status, body=case.body, headers=case.headers)

    async with reaching(answer) as (outbound, url):
        with pytest.raises(DriveError) as error:
            await case.ask(outbound, url, case.translate)
    assert type(error.value) is case.kind
    assert "secret" not in f"{error.value!r} {error.value.reason}"
    return error.value


def named(case: Case) -> str:
    return f"{case.kind.code}-{case.status}"


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_an_answer_becomes_a_problem_that_says_what_to_do(case: Case) -> None:
    problem = from_drive(await caught(case))
    assert (problem.status, problem.code) == (case.http, case.kind.code)
    told = problem.body()
    assert case.kind.advice in (told.get("detail"), told.get("advice"))
    assert told.get("reconnect", False) is case.kind.reconnect
    assert ("Retry-After" in problem.headers) is issubclass(case.kind, errors.Busy)
    if "Retry-After" in case.headers:
        assert problem.headers["Retry-After"] == case.headers["Retry-After"]
    for locale in catalogs.LANGUAGES:
        words = problem.body(partial(catalogs.translate, locale))
        assert (words["detail"] == case.kind.advice) is (locale == catalogs.SOURCE), locale


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_an_answer_becomes_a_reason_in_the_report(case: Case, database: Database) -> None:
    error = await caught(case)

    async def fails(turn: Turn) -> Outcome:
        with throttled(turn.item.lane):
            raise error

    jobs = make_jobs(database)
    quick = replace(QUICK, backoff=0.001, longest_backoff=0.001)
    worker = Worker(jobs, {"copy": Steered(fails)}, timing=quick)
    await worker.start()
    job = await order(jobs, new("one"))
    if case.kind is errors.Busy:
        async for view in jobs.watch(SCHOOL, PERSON, job):
            if view.wait is not None:
                break
        assert (view.state, view.wait and view.wait.reason) == (JobState.RUNNING, "waiting")
    else:
        await ended(jobs, job)
    await worker.stop()
    [item] = (await jobs.items(SCHOOL, PERSON, job))[0]
    if case.kind is errors.Busy:
        assert (item.state, item.reason, item.advice) == (ItemState.READY, "waiting", ADVICE["waiting"])
        assert item.wait is not None
    else:
        assert (item.state, item.reason, item.advice) == (ItemState.FAILED, case.kind.code, case.kind.advice)


def test_what_is_final_is_not_tried_again_and_every_class_has_words_of_its_own() -> None:
    assert {errors.Busy, errors.Locked, errors.Offline, errors.Untrusted, errors.SessionLost} == KINDS - FINAL
    assert len({kind.code for kind in KINDS}) == len({kind.advice for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("error", "wide"),
    [
        (google(403, {}, g("rateLimitExceeded")), True),
        (google(403, {}, g("userRateLimitExceeded")), False),
        (google(403, {}, g("sharingRateLimitExceeded")), False),
        (google(429, {}, b""), False),
        (graph(429, {}, m("activityLimitReached")), True),
        (graph(429, {}, b""), True),
        (graph(509, {}, b""), True),
        (graph(503, {}, m("serviceNotAvailable")), False),
        (graph(429, {"x-ms-throttle-scope": "User_Application/ReadWrite"}, m("activityLimitReached")), False),
        (graph(429, {"x-ms-throttle-scope": "Tenant_Application/ReadWrite"}, m("activityLimitReached")), True),
        (graph(423, {}, b""), False),
    ],
)
def test_a_throttled_answer_says_whom_it_means(error: DriveError, wide: bool) -> None:
    assert isinstance(error, errors.Busy)
    assert error.wide is wide


@pytest.mark.parametrize(("reason", "others"), [("rateLimitExceeded", 0), ("userRateLimitExceeded", 1)])
async def test_a_throttled_answer_holds_the_right_bucket(reason: str, others: int) -> None:
    """Of two people of a school one is throttled: whether the other's next request leaves."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/one":
            return web.Response(status=403, body=g(reason), headers={"Retry-After": "600"})
        return web.json_response({})

    async with reaching(answer) as (outbound, url):
        school = Bucket(1000, 1000)
        one, other = (AccountHttp(outbound, Token(), google, Pace(parent=Share(school, who))) for who in "ab")
        for http, path in ((one, "/one"), (one, "/one"), (other, "/other")):
            with contextlib.suppress(errors.Busy):
                await http.json("GET", url + path)
    assert asked == ["/one"] + ["/other"] * others
