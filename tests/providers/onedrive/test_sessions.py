"""Upload sessions to their end: replacements that compare versions last, conflicts, locks, full drives, short lives."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web

from providers.drive import Entry, Ref, UploadSession
from providers.errors import Changed, Locked, Offline, QuotaFull, SessionLost, Untrusted
from providers.onedrive import TRAITS, OneDrive
from tests.conformance.base import REPLACE, chunks, content, get, names, new_file, push, put
from tests.providers.onedrive.conftest import HOME, TEACHER, Open
from tests.providers.onedrive.graph import Graph, file, folder, graph, refusal
from tests.sandboxes import Running

PIECE = TRAITS.alignment
DATA = content(2 * PIECE + 1000, seed=7)
QUARTER = 15 * 60


def fault(match: Mapping[str, Any], **do: Any) -> dict[str, Any]:
    return {"match": match, "do": do}


LAST_ANSWER = fault({"method": "PUT", "path": "/up/*", "after": 2, "times": 1}, drop="answer")


@pytest.fixture(params=[TEACHER, HOME], ids=["school", "home"])
def either(request: pytest.FixtureRequest, open_drive: Open) -> OneDrive:
    """One of each kind: they end a session in different ways."""
    return open_drive(request.param)


@pytest.fixture
async def target(either: OneDrive) -> AsyncIterator[Entry]:
    """What is to be replaced."""
    made = await put(either, await either.root(), "to be replaced.bin", b"old", on_conflict=REPLACE)
    yield made
    await either.delete(made.ref)


async def waiting(drive: OneDrive, target: Entry, microsoft: Running) -> UploadSession:
    """A replacement of which all bytes are there and nothing has been put in place; the answer was lost."""
    session = await drive.begin(new_file(Ref("", "x"), target.name, len(DATA), replaces=(target.ref, target.version)))
    async with microsoft.faults(LAST_ANSWER):
        with pytest.raises((Offline, Untrusted)):
            await push(drive, session, DATA, piece=PIECE)
    progress = await drive.progress(session)
    assert (progress.offset, progress.done) == (len(DATA), None)
    assert await get(drive, target.ref) == b"old"
    return session


async def test_a_replacement_is_put_in_place_by_a_request_of_its_own(
    either: OneDrive, target: Entry, microsoft: Running
) -> None:
    session = await waiting(either, target, microsoft)
    done = (await push(either, UploadSession.load(session.dump()), DATA, len(DATA))).done
    assert done is not None
    assert (done.ref, await get(either, target.ref)) == (target.ref, DATA)


async def test_what_changed_before_the_end_is_kept(either: OneDrive, target: Entry, microsoft: Running) -> None:
    session = await waiting(either, target, microsoft)
    now = await put(either, await either.root(), target.name, b"somebody else's", on_conflict=REPLACE)
    with pytest.raises(Changed):
        await push(either, session, DATA, len(DATA))
    assert now.ref == target.ref
    assert await get(either, target.ref) == b"somebody else's"
    await either.abort(session)


async def test_an_answer_lost_at_the_very_end_is_found(either: OneDrive, target: Entry, microsoft: Running) -> None:
    session = await waiting(either, target, microsoft)
    commits = [("POST", "/up/*"), ("PUT", "/v1.0/*")]
    method, path = commits[await either._client.kind() == "personal"]
    async with microsoft.faults(fault({"method": method, "path": path, "times": 1}, drop="answer")):
        with contextlib.suppress(Offline, Untrusted):
            await push(either, session, DATA, len(DATA))
    progress = await either.progress(session)
    assert progress.done is not None
    assert await get(either, target.ref) == DATA


async def test_one_replacement_is_one_version(either: OneDrive, target: Entry) -> None:
    await put(either, Ref("", "x"), target.name, DATA, piece=PIECE, replaces=(target.ref, target.version))
    assert [one.size for one in (await either.versions(target.ref))[:2]] == [len(DATA), 3]


@pytest.mark.parametrize("personal", [True, False])
async def test_the_version_goes_along_to_the_end(personal: bool) -> None:
    """What Graph compares: at the beginning, and where the replacement is put in place."""
    async with graph(personal=personal) as (server, drive):
        session_of(server)
        server.answers["PUT /up"] = lambda _: web.json_response({"nextExpectedRanges": []}, status=202)
        commit = "PUT /me/drive/items/01A" if personal else "POST /up"
        server.answers[commit] = lambda _: refusal(412, "resourceModified")
        session = await drive.begin(new_file(Ref("", "01F"), "a.txt", 3, replaces=(Ref("", "01A"), "c1")))
        with pytest.raises(Changed):
            await push(drive, session, b"new")
        conditions = {name: one.headers.get("If-Match") for name, one in zip(server.paths, server.asked, strict=True)}
        assert conditions["POST /me/drive/items/01A/createUploadSession"] == "c1"
        assert conditions[commit] == "c1"
        body = await server.asked[server.paths.index("POST /me/drive/items/01A/createUploadSession")].json()
        assert body["deferCommit"] is True


def session_of(server: Graph) -> None:
    """A file and a folder to upload to."""
    server.answers["GET /me/drive/items/01A"] = file()
    server.answers["GET /me/drive/items/01F"] = folder("f", id="01F")
    made = {"uploadUrl": f"{server.url}/up", "expirationDateTime": "2026-01-01T00:00:00Z", "nextExpectedRanges": ["0-"]}
    server.answers["POST /me/drive/items/01A/createUploadSession"] = made
    server.answers["POST /me/drive/items/01F:/b.txt:/createUploadSession"] = made


async def test_the_upload_address_never_gets_the_token() -> None:
    async with graph() as (server, drive):
        session_of(server)
        server.answers["PUT /up"] = lambda _: web.json_response({"nextExpectedRanges": []}, status=202)
        server.answers["POST /up"] = file(size=3)
        server.answers["GET /up"] = {"nextExpectedRanges": ["0-"]}
        server.answers["DELETE /up"] = lambda _: web.Response(status=204)
        session = await drive.begin(new_file(Ref("", "01F"), "a.txt", 3, replaces=(Ref("", "01A"), "c1")))
        assert (await push(drive, session, b"new")).done is not None
        await drive.progress(session)
        await drive.abort(session)
        there = [one for one in server.asked if one.path == "/up"]
        assert {one.method for one in there} == {"PUT", "POST", "GET", "DELETE"}
        assert all("Authorization" not in one.headers for one in there)
        assert all("Authorization" in one.headers for one in server.asked if one.path != "/up")


async def test_an_open_editor_at_the_end_is_waited_for(drive: OneDrive, microsoft: Running) -> None:
    """The bytes stay where they are; the file is replaced when its editor is closed."""
    made = await put(drive, await drive.root(), "open in an editor.bin", b"old", on_conflict=REPLACE)
    session = await waiting(drive, made, microsoft)
    state = {"drive": TEACHER, "path": made.name}
    await microsoft.control("POST", "microsoft/items", {**state, "locked": "editor"})
    with pytest.raises(Locked) as locked:
        await push(drive, session, DATA, len(DATA))
    assert locked.value.retryable
    assert locked.value.reason == "resourceLocked"
    await microsoft.control("POST", "microsoft/items", {**state, "locked": ""})
    assert (await push(drive, session, DATA, len(DATA))).done is not None
    await drive.delete(made.ref)


async def test_a_drive_that_is_full_at_the_end(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    """And then is not: the session has survived it."""
    session = await drive.begin(new_file(folder, "full.bin", len(DATA)))
    async with microsoft.faults(fault({"method": "PUT", "path": "/up/*", "after": 2, "times": 1}, quota_full=True)):
        with pytest.raises(QuotaFull):
            await push(drive, session, DATA, piece=PIECE)
    progress = await drive.progress(session)
    assert progress.offset == 2 * PIECE
    assert (await push(drive, session, DATA, progress.offset)).done is not None


async def test_a_session_of_a_quarter_of_an_hour(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    """It goes on within it, in another process too, and is lost after it; nothing is left behind."""
    await microsoft.control("POST", "microsoft", {"session_ttl": QUARTER})
    clock = 0
    try:
        kept, lost = [await drive.begin(new_file(folder, f"{n}.bin", len(DATA))) for n in range(2)]
        for session in (kept, lost):
            assert session.expires is not None
            await push(drive, session, DATA, piece=PIECE, pieces=1)
        clock = QUARTER - 60
        await microsoft.control("POST", "clock", {"ahead": clock})
        progress = await drive.progress(UploadSession.load(kept.dump()))
        assert progress.offset == PIECE
        assert (await push(drive, kept, DATA, progress.offset)).done is not None
        await microsoft.control("POST", "clock", {"ahead": QUARTER + 60})
        with pytest.raises(SessionLost):
            await push(drive, lost, DATA, PIECE)
        assert await names(drive, folder) == ["0.bin"]
        assert (await put(drive, folder, "1.bin", DATA)).size == len(DATA)
    finally:
        await microsoft.control("POST", "microsoft", {"session_ttl": 86_400})
        await microsoft.control("POST", "clock", {"ahead": 0})


async def test_a_session_that_seems_gone_is_asked_a_few_times_and_then_given_up() -> None:
    async with graph() as (server, drive):
        session_of(server)
        session = await drive.begin(new_file(Ref("", "01F"), "b.txt", 3))
        with pytest.raises(SessionLost):
            await push(drive, session, b"new")
        assert 2 < server.paths.count("GET /up") < 8


@pytest.mark.parametrize(
    "told",
    [
        {"nextExpectedRanges": ["x-"]},
        {"nextExpectedRanges": "0-"},
        {"nextExpectedRanges": ["99-"]},
        {"nextExpectedRanges": ["-5"]},
        {},
        [],
    ],
    ids=str,
)
async def test_ranges_that_cannot_be(told: object) -> None:
    async with graph() as (server, drive):
        session_of(server)
        server.answers["GET /up"] = told
        session = await drive.begin(new_file(Ref("", "01F"), "b.txt", 3))
        with pytest.raises(Untrusted):
            await drive.progress(session)


async def test_several_ranges_are_missing_from_the_first_one_on() -> None:
    async with graph() as (server, drive):
        session_of(server)
        server.answers["POST /me/drive/items/01F:/b.txt:/createUploadSession"]["nextExpectedRanges"] = ["0-"]
        server.answers["GET /up"] = {"nextExpectedRanges": ["12345-55232", "77829-99375"]}
        session = await drive.begin(new_file(Ref("", "01F"), "b.txt", 100_000))
        assert (await drive.progress(session)).offset == 12_345


async def test_a_fragment_that_is_answered_by_a_page(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "page.bin", len(DATA)))
    async with microsoft.faults(fault({"method": "PUT", "path": "/up/*", "times": 1}, html=True)):
        with pytest.raises(Untrusted):
            await drive.send(session, 0, chunks(DATA), len(DATA), last=True)
    progress = await drive.progress(session)
    assert progress.done is None
    assert (await push(drive, session, DATA, progress.offset)).done is not None
