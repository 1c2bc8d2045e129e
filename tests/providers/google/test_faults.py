"""Google Drive on a bad day: throttled, slow to answer, forgetful, lying."""

from __future__ import annotations

from typing import Any

import pytest

from providers.drive import Drive, Ref
from providers.errors import Busy, Changed, DriveError, Malware, Offline, QuotaFull, Reconnect, SessionLost, Untrusted
from providers.google import GoogleDrive
from tests.conformance.base import (
    MORE_THAN_SIMPLE,
    chunks,
    content,
    everything,
    get,
    names,
    new_file,
    push,
    put,
    step,
)
from tests.providers.google.conftest import TEACHER, Open
from tests.sandboxes import Running

ONCE = {"times": 1}
UPLOAD = {"path": "/upload/*", **ONCE}
LARGE = content(MORE_THAN_SIMPLE, seed=7)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 429},
        {"status": 429, "retry_after": 1},
        {"status": 403, "reason": "userRateLimitExceeded"},
        {"status": 403, "reason": "rateLimitExceeded"},
        {"status": 500},
        {"status": 503},
        {"drop": True},
        {"drop": "answer"},
        {"html": True},
        {"expire_token": True},
    ],
    ids=str,
)
async def test_one_failure_is_not_noticed_and_makes_no_twin(
    google: Running, drive: Drive, folder: Ref, trouble: dict[str, Any]
) -> None:
    for rule in ({"path": "/drive/v3/files*"}, {"path": "/upload/*"}):
        async with google.faults({"match": {**rule, **ONCE}, "do": trouble}):
            if trouble == {"html": True}:
                with pytest.raises(Untrusted):
                    await put(drive, folder, "worksheet.bin", b"worksheet")
            else:
                await put(drive, folder, "worksheet.bin", b"worksheet")
        for entry in await everything(drive, folder):
            assert await get(drive, entry.ref) == b"worksheet"
            await drive.delete(entry.ref)


async def test_a_folder_made_by_a_lost_request_is_found(google: Running, drive: Drive, folder: Ref) -> None:
    async with google.faults(
        {"match": {"method": "POST", "path": "/drive/v3/files", **ONCE}, "do": {"drop": "answer"}}
    ):
        made = await drive.make_folder(folder, "unit")
    assert [entry.ref for entry in await everything(drive, folder)] == [made.ref]


async def test_a_copy_made_by_a_lost_request_is_found(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    source = await put(drive, folder, "source.bin", b"source")
    async with google.faults({"match": {"path": "*/copy", **ONCE}, "do": {"drop": "answer"}}):
        made = await drive.copy(source.ref, folder, "copy.bin")
    assert await names(drive, folder) == ["copy.bin", "source.bin"]
    assert made.hashes["sha256"] == source.hashes["sha256"]
    assert await get(drive, made.ref) == b"source"


async def test_a_long_wait_comes_back_as_busy_with_its_time(google: Running, drive: Drive, folder: Ref) -> None:
    async with google.faults({"match": {"path": "/drive/v3/files*"}, "do": {"status": 429, "retry_after": 120}}):
        await google.requests()
        with pytest.raises(Busy) as busy:
            await drive.children(folder)
        assert len([one for one in await google.requests() if one["fault"]]) == 1, "nobody waits for so long"
    assert busy.value.retry_after == 120


async def test_a_lasting_outage_is_offline(google: Running, drive: Drive, folder: Ref) -> None:
    async with google.faults({"match": {"path": "/drive/*"}, "do": {"status": 503}}):
        with pytest.raises(Offline):
            await drive.stat(folder)


async def test_a_grant_that_was_taken_away_means_reconnect(google: Running, open_drive: Open) -> None:
    async with google.faults({"match": {"path": "/drive/*"}, "do": {"status": 401}}):
        with pytest.raises(Reconnect):
            await open_drive().root()


async def test_a_page_with_status_200_is_not_an_empty_folder(google: Running, drive: Drive, folder: Ref) -> None:
    async with google.faults({"match": {"path": "/drive/v3/files"}, "do": {"html": True}}):
        with pytest.raises(Untrusted):
            await drive.children(folder)


async def test_a_broken_cursor_asks_to_begin_again(drive: Drive, folder: Ref) -> None:
    with pytest.raises(Changed):
        await drive.children(folder, "no cursor of theirs")


@pytest.mark.parametrize("trouble", [{"truncate": 1000}, {"html": True}])
async def test_a_download_that_is_not_the_file(
    google: Running, drive: Drive, folder: Ref, trouble: dict[str, Any]
) -> None:
    ref = (await put(drive, folder, "film.bin", LARGE[:300_000])).ref
    rule = {"match": {"method": "GET", "query": "*alt=media*"}, "do": trouble}
    async with google.faults(rule):
        with pytest.raises((Untrusted, Changed)):
            await get(drive, ref)
        with pytest.raises((Untrusted, Changed)):
            await get(drive, ref, 5, 100_000)
    assert await get(drive, ref) == LARGE[:300_000]


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_piece_that_was_cut_off_goes_on_where_google_says(
    google: Running, drive: Drive, folder: Ref, at: int
) -> None:
    piece = step(drive.traits)
    session = await drive.begin(new_file(folder, "film.bin", len(LARGE)))
    progress = await push(drive, session, LARGE, piece=piece, pieces=at) if at else await drive.progress(session)
    rule = {"match": {"method": "PUT", "path": "/upload/*", **ONCE}, "do": {"drop_after": 700_000}}
    async with google.faults(rule):
        with pytest.raises(Offline):
            await push(drive, session, LARGE, progress.offset, piece=piece)
    progress = await drive.progress(session)
    assert progress.offset == at * piece + 524_288
    done = (await push(drive, session, LARGE, progress.offset, piece=piece)).done
    assert done is not None
    assert await get(drive, done.ref) == LARGE


@pytest.mark.parametrize("size", [1000, 700_000, len(LARGE)])
async def test_a_finished_upload_whose_answer_was_dropped(
    google: Running, drive: Drive, folder: Ref, size: int
) -> None:
    session = await drive.begin(new_file(folder, "film.bin", size))
    rule = {"match": {"path": "/upload/*", "times": 3}, "do": {"drop": "answer"}}
    async with google.faults(rule):
        with pytest.raises(Offline):
            await push(drive, session, LARGE[:size])
    progress = await drive.progress(session)
    assert progress.done is not None
    assert progress.offset == size
    assert [entry.ref for entry in await everything(drive, folder)] == [progress.done.ref]


@pytest.mark.parametrize("gone", [{"expire_session": True}, {"status": 410}, {"status": 404}], ids=str)
async def test_a_session_that_expired_is_lost(google: Running, drive: Drive, folder: Ref, gone: dict[str, Any]) -> None:
    piece = step(drive.traits)
    session = await drive.begin(new_file(folder, "film.bin", len(LARGE)))
    await push(drive, session, LARGE, piece=piece, pieces=1)
    async with google.faults({"match": {"path": "/upload/*"}, "do": gone}):
        await google.requests()
        with pytest.raises(SessionLost):
            await drive.progress(session)
        with pytest.raises(SessionLost):
            await drive.send(session, piece, chunks(LARGE[piece : 2 * piece]), piece, last=False)
        assert len([one for one in await google.requests() if one["fault"]]) == 2, "nobody asks it again and again"
    assert await names(drive, folder) == []


async def test_a_session_that_expired_after_its_end_is_no_loss(google: Running, drive: Drive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "film.bin", len(LARGE)))
    await push(drive, session, LARGE)
    async with google.faults({"match": UPLOAD, "do": {"expire_session": True}}):
        progress = await drive.progress(session)
    assert progress.done is not None
    assert progress.done.size == len(LARGE)


async def test_a_full_drive(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    await put(drive, folder, "fits.bin", b"x" * 1000)
    used, limit = await drive.quota()
    assert used >= 1000
    await google.control("POST", "google", {"quota": {TEACHER: used + 500}})
    try:
        assert await drive.quota() == (used, used + 500)
        for size in (1000, len(LARGE)):
            with pytest.raises(QuotaFull):
                await put(drive, folder, "too much.bin", LARGE[:size])
    finally:
        await google.control("POST", "google", {"quota": {TEACHER: limit}})
    assert await names(drive, folder) == ["fits.bin"]


async def test_malware_stays_closed(google: Running, drive: Drive, folder: Ref) -> None:
    ref = (await put(drive, folder, "bad.bin", b"bad")).ref
    await google.control("POST", "google", {"marks": {ref.id: {"abusive": True}}})
    await google.requests()
    with pytest.raises(Malware):
        await get(drive, ref)
    asked = [one["query"] for one in await google.requests()]
    assert any("alt" in query for query in asked)
    assert not any("acknowledgeAbuse" in query for query in asked), "nobody says that they know better"


async def test_errors_hold_no_names_ids_or_addresses(google: Running, drive: Drive, folder: Ref) -> None:
    with pytest.raises(DriveError) as missing:
        await drive.stat(Ref("", "0SecretFileId"))
    async with google.faults({"match": {"path": "/drive/*"}, "do": {"drop": True}}):
        with pytest.raises(DriveError) as dropped:
            await drive.stat(folder)
    for error in (missing.value, dropped.value):
        told = f"{error!r} {error.reason} {error.__cause__!r}"
        assert "0SecretFileId" not in told
        assert folder.id not in told
        assert google.url not in told
        assert error.__cause__ is None
