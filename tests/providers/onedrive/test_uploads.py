"""Uploads in trouble: lost answers, lost sessions, overlaps, conflicts at the end, files that Microsoft changes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.drive import Kind, NewFile, OnConflict, Ref, UploadSession
from providers.errors import Busy, Changed, DriveError, NameTaken, Offline, SessionLost, Untrusted
from providers.onedrive import TRAITS, OneDrive
from providers.onedrive.uploads import SMALL
from tests.conformance.base import MODIFIED, REPLACE, chunks, content, digest, get, names, new_file, push, put
from tests.sandboxes import Running

PIECE = TRAITS.alignment
DATA = content(3 * PIECE + 1000, seed=7)


def fragments(**rule: int) -> dict[str, Any]:
    """A match for the fragments' requests."""
    return {"method": "PUT", "path": "/up/*", **rule}


def fault(match: Mapping[str, Any], **do: Any) -> dict[str, Any]:
    return {"match": match, "do": do}


async def counted(server: Running) -> list[str]:
    """The requests since the last call, as 'METHOD template'."""
    return [f"{one['method']} {one['path']}" for one in await server.requests()]


async def test_a_small_file_costs_two_requests(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    await counted(microsoft)
    await put(drive, folder, "small.bin", b"small")
    assert await counted(microsoft) == ["POST /v1.0/item/path/createUploadSession", "PUT /up/{session}"]


def undated(folder: Ref, name: str, data: bytes, **other: Any) -> NewFile:
    """A file whose time nobody has stated."""
    return replace(new_file(folder, name, len(data), **other), dated=False)


async def test_a_small_file_without_a_time_of_its_own_is_one_put(
    drive: OneDrive, folder: Ref, microsoft: Running
) -> None:
    """After a look at the name: that is what tells a success whose answer was lost."""
    await counted(microsoft)
    session = await drive.begin(undated(folder, "small.bin", DATA[:SMALL]))
    done = (await push(drive, UploadSession.load(session.dump()), DATA[:SMALL])).done
    assert await counted(microsoft) == ["GET /v1.0/item/path", "PUT /v1.0/item/path/content"]
    assert done is not None
    assert (done.parent, done.name, done.hashes["quickxor"]) == (
        folder, "small.bin", digest(drive.traits, DATA[:SMALL])
    )  # fmt: skip
    assert abs((done.modified - datetime.now(UTC)).total_seconds()) < 600
    assert len(await drive.versions(done.ref)) == 1
    assert await get(drive, done.ref) == DATA[:SMALL]


async def test_a_small_file_replaces_another_by_one_conditional_put(
    drive: OneDrive, folder: Ref, microsoft: Running
) -> None:
    old = await put(drive, folder, "small.bin", b"old")
    await counted(microsoft)
    for name, data, version in (("new", b"new", old.version), ("late", b"late", old.version)):
        session = await drive.begin(undated(folder, "small.bin", data, replaces=(old.ref, version)))
        if name == "late":
            with pytest.raises(Changed):
                await push(drive, session, data)
            continue
        done = (await push(drive, session, data)).done
        assert done is not None
        assert (done.ref, await counted(microsoft)) == (old.ref, ["PUT /v1.0/item/content"])
    assert await get(drive, old.ref) == b"new"
    assert [one.size for one in await drive.versions(old.ref)] == [3, 3]


async def test_what_the_drive_rewrites_or_is_larger_goes_by_a_session(drive: OneDrive, folder: Ref) -> None:
    page = await drive.begin(undated(folder, "page.html", b"<p>", media_type="text/html"))
    large = await drive.begin(undated(folder, "large.bin", DATA[: SMALL + 1]))
    assert (page.kind, large.kind) == ("fragments", "fragments")
    await drive.abort(page)
    await drive.abort(large)


CONTENT = {"method": "PUT", "path": "*/content"}


@pytest.mark.parametrize("size", [0, 1000])
@pytest.mark.parametrize("answers", [1, 3])
@pytest.mark.parametrize("conflict", list(OnConflict))
async def test_a_simple_put_whose_answer_was_lost_makes_no_twin(
    drive: OneDrive, folder: Ref, microsoft: Running, conflict: OnConflict, answers: int, size: int
) -> None:
    """Once, and nobody notices; or for good, and who sends it again in another process finds it."""
    data = DATA[:size]
    if conflict is not OnConflict.FAIL:
        await put(drive, folder, "lost.bin", b"what was there")
    session = await drive.begin(undated(folder, "lost.bin", data, on_conflict=conflict))
    async with microsoft.faults(fault({**CONTENT, "times": answers}, drop="answer")):
        with contextlib.suppress(Offline, Untrusted):
            await push(drive, session, data)
            assert answers == 1
    progress = await drive.progress(UploadSession.load(session.dump()))
    assert (progress.offset, progress.done) == (0, None)
    done = (await push(drive, UploadSession.load(session.dump()), data)).done
    assert done is not None
    assert await get(drive, done.ref) == data
    assert len(await names(drive, folder)) == (2 if conflict is OnConflict.RENAME else 1)


async def test_a_lost_answer_of_a_replacement_is_found(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    old = await put(drive, folder, "lost.bin", b"old")
    session = await drive.begin(undated(folder, "lost.bin", b"new", replaces=(old.ref, old.version)))
    async with microsoft.faults(fault({**CONTENT, "times": 1}, drop="answer")):
        done = (await push(drive, session, b"new")).done
    assert done is not None
    assert [one.size for one in await drive.versions(old.ref)] == [3, 3], "the old and the new one"


@pytest.mark.parametrize("other", [b"someone", b"somebody else's"])
async def test_a_simple_put_never_takes_over_another(drive: OneDrive, folder: Ref, other: bytes) -> None:
    """Also of the same size: it is not these bytes."""
    session = await drive.begin(undated(folder, "late.bin", b"my work"))
    there = await put(drive, folder, "late.bin", other)
    with pytest.raises(NameTaken):
        await push(drive, session, b"my work")
    with pytest.raises(NameTaken):
        await drive.begin(undated(folder, "late.bin", b"my work"))
    assert await get(drive, there.ref) == other


async def test_a_small_file_goes_in_one_piece(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(undated(folder, "small.bin", b"0123456789"))
    for offset, length in ((0, 4), (4, 6)):
        with pytest.raises(ValueError):
            await drive.send(session, offset, chunks(b"0" * length), length, last=offset == 4)
    with pytest.raises(Untrusted):
        await drive.send(session, 0, chunks(b"01234"), 10, last=True)
    assert await names(drive, folder) == []


async def test_an_empty_file_keeps_its_time(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    await counted(microsoft)
    made = await put(drive, folder, "empty.bin", b"")
    assert made.modified == MODIFIED
    assert await counted(microsoft) == ["GET /v1.0/item/path", "PUT /v1.0/item/path/content", "PATCH /v1.0/item"]


async def test_an_empty_file_whose_time_was_not_set_is_finished_later(
    drive: OneDrive, folder: Ref, microsoft: Running
) -> None:
    session = await drive.begin(new_file(folder, "empty.bin", 0))
    async with microsoft.faults(fault({"method": "PATCH"}, status=500)):
        with pytest.raises(Offline):
            await push(drive, session, b"")
    assert (await drive.progress(session)).done is None
    done = (await push(drive, session, b"")).done
    assert done is not None
    assert done.modified == MODIFIED
    assert await names(drive, folder) == ["empty.bin"]


async def test_an_empty_file_never_takes_over_another(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "late.bin", 0))
    other = await put(drive, folder, "late.bin", b"somebody else's")
    with pytest.raises(NameTaken):
        await push(drive, session, b"")
    with pytest.raises(NameTaken):
        await drive.begin(new_file(folder, "late.bin", 0))
    assert await get(drive, other.ref) == b"somebody else's"


async def test_a_source_that_is_not_empty_after_all(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "empty.bin", 0))
    with pytest.raises(Untrusted):
        await drive.send(session, 0, chunks(b"x"), 0, last=True)
    assert await names(drive, folder) == []


async def test_a_fragment_sent_twice_is_skipped(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "twice.bin", len(DATA)))
    await push(drive, session, DATA, piece=PIECE, pieces=2)
    progress = await drive.send(session, 0, chunks(DATA[:PIECE]), PIECE, last=False)
    assert (progress.offset, progress.done) == (2 * PIECE, None)
    done = (await push(drive, session, DATA, progress.offset)).done
    assert done is not None
    assert await get(drive, done.ref) == DATA


async def test_a_fragment_kept_in_part_is_continued_anywhere(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "partial.bin", len(DATA)))
    async with microsoft.faults(fault(fragments(times=1), drop_after=100_001, reason="partial")):
        with pytest.raises((Offline, Untrusted)):
            await push(drive, session, DATA, piece=2 * PIECE)
    progress = await drive.progress(session)
    assert progress.offset == 100_001
    done = (await push(drive, session, DATA, progress.offset, piece=PIECE)).done
    assert done is not None
    assert await get(drive, done.ref) == DATA


@pytest.mark.parametrize("conflict", list(OnConflict))
async def test_a_lost_last_answer_is_found(
    drive: OneDrive, folder: Ref, microsoft: Running, conflict: OnConflict
) -> None:
    if conflict is not OnConflict.FAIL:
        await put(drive, folder, "lost.bin", b"what was there")
    session = await drive.begin(new_file(folder, "lost.bin", len(DATA), on_conflict=conflict))
    async with microsoft.faults(fault(fragments(times=1), drop="answer")):
        with pytest.raises((Offline, Untrusted)):
            await push(drive, session, DATA)
    progress = await drive.progress(UploadSession.load(session.dump()))
    assert progress.done is not None
    assert await get(drive, progress.done.ref) == DATA
    assert len(await names(drive, folder)) == (2 if conflict is OnConflict.RENAME else 1)


async def test_a_session_that_is_gone_is_lost(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "gone.bin", len(DATA)))
    await push(drive, session, DATA, piece=PIECE, pieces=1)
    async with microsoft.faults(fault(fragments(times=1), expire_session=True)):
        with pytest.raises(SessionLost):
            await push(drive, session, DATA, PIECE)
    with pytest.raises(SessionLost):
        await drive.progress(session)
    assert await names(drive, folder) == []


async def test_another_file_of_that_name_is_not_ours(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "same.bin", len(DATA)))
    await put(drive, folder, "same.bin", DATA, modified=MODIFIED - timedelta(days=1))
    async with microsoft.faults(fault(fragments(times=1), expire_session=True)):
        with pytest.raises(SessionLost):
            await push(drive, session, DATA)


async def test_a_session_that_was_not_found_for_a_moment(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "moment.bin", len(DATA)))
    async with microsoft.faults(
        fault(fragments(times=1), status=404), fault({"method": "GET", "path": "/up/*", "times": 1}, status=404)
    ):
        progress = await push(drive, session, DATA, pieces=1)
    assert (progress.offset, progress.done) == (0, None)
    assert (await push(drive, session, DATA)).done is not None


async def test_a_conflict_at_the_end_keeps_the_session(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "race.bin", len(DATA)))
    winner = await put(drive, folder, "race.bin", b"winner")
    with pytest.raises(NameTaken):
        await push(drive, session, DATA)
    progress = await drive.progress(session)
    assert (progress.offset, progress.done) == (len(DATA), None)
    with pytest.raises(NameTaken):
        await push(drive, session, DATA, len(DATA))
    await drive.trash(winner.ref)
    done = (await push(drive, session, DATA, len(DATA))).done
    assert done is not None
    assert await get(drive, done.ref) == DATA


async def test_content_that_changed_during_the_upload_is_kept(drive: OneDrive, folder: Ref) -> None:
    old = await put(drive, folder, "doc.bin", b"old")
    session = await drive.begin(new_file(folder, "doc.bin", len(DATA), replaces=(old.ref, old.version)))
    await push(drive, session, DATA, piece=PIECE, pieces=3)
    now = await put(drive, folder, "doc.bin", b"now", on_conflict=REPLACE)
    with pytest.raises(Changed):
        await push(drive, session, DATA, 3 * PIECE)
    assert await get(drive, now.ref) == b"now"


async def test_throttling_says_when_to_come_back(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    session = await drive.begin(new_file(folder, "busy.bin", 10))
    async with microsoft.faults(fault(fragments(times=1), status=429, retry_after=41)):
        with pytest.raises(Busy) as raised:
            await push(drive, session, b"0123456789")
    assert raised.value.retry_after == 41


@pytest.mark.parametrize("lost", [False, True])
async def test_a_file_that_microsoft_changes_is_marked(
    drive: OneDrive, folder: Ref, microsoft: Running, lost: bool
) -> None:
    page = b"<html><body>homework</body></html>"
    session = await drive.begin(new_file(folder, "page.html", len(page), media_type="text/html"))
    async with microsoft.faults(fault(fragments(), reason="rewrite", **({"drop": "answer"} if lost else {}))):
        if lost:
            with pytest.raises((Offline, Untrusted)):
                await push(drive, session, page)
            progress = await drive.progress(session)
        else:
            progress = await push(drive, session, page)
    assert progress.done is not None
    assert progress.offset == len(page)
    assert progress.done.size != len(page)
    assert "altered" in progress.done.flags


async def test_pieces_that_graph_would_refuse(drive: OneDrive, folder: Ref) -> None:
    session = await drive.begin(new_file(folder, "odd.bin", len(DATA)))
    for length, last in [(1000, False), (PIECE, True), (0, False)]:
        with pytest.raises(ValueError):
            await drive.send(session, 0, chunks(DATA[:length]), length, last=last)
    assert TRAITS.max_piece is not None
    large = replace(new_file(folder, "large.bin", TRAITS.max_piece * 3))
    session = await drive.begin(large)
    with pytest.raises(ValueError):
        await drive.send(session, 0, chunks(b""), TRAITS.max_piece + PIECE, last=False)


def test_the_largest_piece_is_below_sixty_mebibytes() -> None:
    assert TRAITS.max_piece is not None
    assert TRAITS.max_piece % PIECE == 0
    assert TRAITS.max_piece < 60 * 1024 * 1024 <= TRAITS.max_piece + PIECE


async def test_a_folder_is_not_replaced_by_an_empty_file(drive: OneDrive, folder: Ref) -> None:
    made = await drive.make_folder(folder, "unit")
    with pytest.raises(NameTaken):
        await drive.begin(new_file(folder, "unit", 0, on_conflict=REPLACE))
    assert (await drive.stat(made.ref)).kind is Kind.FOLDER


@pytest.mark.parametrize("secret", [b"", b"{}", b"[]", b'{"name": "x", "what": 1}'])
async def test_a_session_of_something_else(drive: OneDrive, folder: Ref, secret: bytes) -> None:
    session = UploadSession("simple", secret, new_file(folder, "x.bin", 1))
    with pytest.raises(SessionLost):
        await drive.progress(session)


async def test_a_full_drive_is_told_before_a_byte_is_sent(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    async with microsoft.faults(fault({"path": "*/createUploadSession"}, status=507)):
        with pytest.raises(DriveError) as raised:
            await drive.begin(new_file(folder, "full.bin", 10))
    assert raised.value.code == "quota_full"
