"""Views, changes and the trash: what Google is asked, what is believed of its answer, and where a list ends."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from providers.drive import Page, Ref
from providers.errors import Changed, DriveError, NotFound, Unsupported, Untrusted
from providers.google import GoogleDrive
from providers.verbs import View
from tests.conformance.base import put
from tests.providers.google.conftest import STUDENT, TEACHER, Open
from tests.providers.google.says import says
from tests.providers.google.stand_in import google_at, refusal, resource
from tests.sandboxes import Running

Ask = Callable[[GoogleDrive], Awaitable[object]]


def answering(asked: list[dict[str, str]], *answers: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The answers in turn, the last one again and again; ``asked`` the parameters."""

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.json_response(answers[min(len(asked), len(answers)) - 1])

    return answer


async def all_pages(listed: Callable[[str | None], Awaitable[Page]]) -> list[Ref]:
    """The refs of every page."""
    found, cursor = list[Ref](), None
    while True:
        page = await listed(cursor)
        found += [entry.ref for entry in page.entries]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("view", "query", "order"),
    [
        (View.SHARED, "sharedWithMe = true", "sharedWithMeTime desc"),
        (View.STARRED, "starred = true", "modifiedTime desc"),
        (View.RECENT, "mimeType != 'application/vnd.google-apps.folder'", "recency desc"),
    ],
)
async def test_a_view_is_asked_for_in_every_drive(view: View, query: str, order: str) -> None:
    asked: list[dict[str, str]] = []
    page = {"files": [resource()], "nextPageToken": "p2", "incompleteSearch": True}
    async with google_at(answering(asked, page, {"files": []})) as drive:
        first = await drive.view(view)
        assert (len(first.entries), first.cursor, first.complete) == (1, "p2", False)
        last = await drive.view(view, first.cursor)
        assert (list(last.entries), last.cursor, last.complete) == ([], None, True)
    assert asked[1]["pageToken"] == "p2"
    for one in asked:
        assert (one["q"], one["orderBy"], one["corpora"]) == (f"{query} and trashed = false", order, "user")
        assert (one["supportsAllDrives"], one["includeItemsFromAllDrives"]) == ("true", "true")


async def test_no_other_views() -> None:
    async with google_at(answering([], {"files": []})) as drive:
        with pytest.raises(Unsupported):
            await drive.view("popular")  # type: ignore[arg-type]  # what a newer caller might ask for


async def test_what_is_shared_is_what_was_shared_itself(google: Running, open_drive: Open, folder: Ref) -> None:
    """Not what lies below it; gone from the list with the share or the item."""
    teacher, student = open_drive(), open_drive(STUDENT)
    inner = (await teacher.make_folder(folder, "inner")).ref
    below, beside = await put(teacher, inner, "below.bin", b"b"), await put(teacher, folder, "beside.bin", b"b")
    await google.control("POST", "google", {"shared": {one.id: {STUDENT: "reader"} for one in (inner, beside.ref)}})
    seen = await all_pages(lambda cursor: student.view(View.SHARED, cursor))
    assert {inner, beside.ref} <= set(seen)
    assert below.ref not in seen
    assert [entry.ref for entry in (await student.children(inner)).entries] == [below.ref]
    await google.control("POST", "google", {"shared": {inner.id: {STUDENT: None}}})
    await teacher.trash(beside.ref)
    assert not {inner, beside.ref} & set(await all_pages(lambda cursor: student.view(View.SHARED, cursor)))


async def test_a_star_is_each_persons_own(google: Running, open_drive: Open, folder: Ref) -> None:
    teacher, student = open_drive(), open_drive(STUDENT)
    made = await put(teacher, folder, "star.bin", b"*")
    await google.control("POST", "google", {"shared": {made.ref.id: {STUDENT: "reader"}}})
    await says(google, TEACHER, "PATCH", f"files/{made.ref.id}", {"starred": True})
    assert made.ref in await all_pages(lambda cursor: teacher.view(View.STARRED, cursor))
    assert made.ref not in await all_pages(lambda cursor: student.view(View.STARRED, cursor))


async def test_changes_of_a_page_and_what_they_mean() -> None:
    asked: list[dict[str, str]] = []
    told = [
        {"changeType": "file", "fileId": "1Id1", "file": resource(1)},
        {"changeType": "file", "fileId": "1Id2", "file": resource(2, trashed=True, driveId="0Drive")},
        {"changeType": "file", "fileId": "1Id3", "removed": True},
        {"changeType": "file", "fileId": "1Id4", "removed": True, "driveId": "0Drive"},
        {"changeType": "drive", "driveId": "0Drive", "removed": True},
    ]
    answers = {"changes": told, "nextPageToken": "8"}, {"changes": [], "newStartPageToken": "9"}
    async with google_at(answering(asked, *answers)) as drive:
        first = await drive.changes("7", "")
        assert (first.cursor, first.more) == ("8", True)
        assert [(one.ref, one.entry is None) for one in first.items] == [
            (Ref("", "1Id1"), False),
            (Ref("0Drive", "1Id2"), True),
            (Ref("", "1Id3"), True),
            (Ref("0Drive", "1Id4"), True),
        ]
        last = await drive.changes(first.cursor)
        assert (list(last.items), last.cursor, last.more) == ([], "9", False)
    assert asked[0]["includeRemoved"] == asked[0]["supportsAllDrives"] == "true"
    assert "driveId" not in asked[0]


async def test_each_shared_drive_has_changes_of_its_own(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    [space] = await drive.spaces()
    mine, theirs = [(await drive.changes(None, one)).cursor for one in ("", space.root.space)]
    made = await put(drive, space.root, "theirs.bin", b"x")
    own = await put(drive, folder, "mine.bin", b"x")
    told = await drive.changes(theirs, space.root.space)
    assert [(one.ref, one.entry and one.entry.name) for one in told.items] == [(made.ref, "theirs.bin")]
    assert own.ref in [one.ref for one in (await drive.changes(mine)).items]
    await drive.delete(made.ref)
    gone = await drive.changes(told.cursor, space.root.space)
    assert [(one.ref, one.entry) for one in gone.items] == [(made.ref, None)]


async def test_cursors_that_google_no_longer_takes(google: Running, drive: GoogleDrive) -> None:
    cursor = (await drive.changes(None)).cursor
    await google.control("POST", "google", {"forget": True})
    with pytest.raises(Changed) as changed:
        await drive.changes(cursor)
    assert changed.value.reason == "resync"
    assert not (await drive.changes((await drive.changes(None)).cursor)).more


@pytest.mark.parametrize(
    ("status", "space", "kind", "reason"),
    [
        (400, "", Changed, "resync"),
        (404, "", Changed, "resync"),
        (410, "", Changed, "resync"),
        (400, "0Drive", Changed, "resync"),
        (410, "0Drive", Changed, "resync"),
        (404, "0Drive", NotFound, "status_404"),
    ],
)
async def test_what_a_refused_cursor_means(status: int, space: str, kind: type[DriveError], reason: str) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with google_at(refuse) as drive:
        with pytest.raises(DriveError) as told:
            await drive.changes("7", space)
    assert (type(told.value), told.value.reason) == (kind, reason)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"changes": 7, "newStartPageToken": "9"},
        {"changes": [7], "newStartPageToken": "9"},
        {"changes": [{"changeType": "file", "removed": True}], "newStartPageToken": "9"},
        {"changes": [{"changeType": "file", "fileId": "1", "file": {"id": "1"}}], "newStartPageToken": "9"},
        {"changes": []},
        {"changes": [], "newStartPageToken": 9},
        {"changes": [], "nextPageToken": "7"},
        {"changes": [], "nextPageToken": 8},
    ],
    ids=json.dumps,
)
async def test_changes_that_cannot_be(body: object) -> None:
    async with google_at(answering([], body)) as drive:
        with pytest.raises(Untrusted):
            await drive.changes("7")


@pytest.mark.parametrize("body", [{}, [], {"startPageToken": 7}, {"startPageToken": ""}])
async def test_a_start_that_is_none(body: object) -> None:
    async with google_at(answering([], body)) as drive:
        with pytest.raises(Untrusted):
            await drive.changes()


async def test_the_trash_of_each_shared_drive_comes_after_the_own(
    google: Running, open_drive: Open, drive: GoogleDrive, folder: Ref
) -> None:
    [space] = await drive.spaces()
    inner = (await drive.make_folder(space.root, "to be trashed")).ref
    await put(drive, inner, "below.bin", b"x")
    theirs, mine = await put(drive, space.root, "theirs.bin", b"x"), await put(drive, folder, "mine.bin", b"x")
    for ref in (inner, theirs.ref, mine.ref):
        await drive.trash(ref)
    listed = await all_pages(open_drive(page_size=2).trashed)
    assert {inner, theirs.ref, mine.ref} <= set(listed)
    assert len(set(listed)) == len(listed)
    spaces = [ref.space for ref in listed]
    assert spaces == sorted(spaces), "the own trash first"
    await drive.restore(inner)
    await drive.delete(theirs.ref)
    assert {inner, theirs.ref} & set(await all_pages(drive.trashed)) == set()


async def test_what_others_trashed_is_in_their_trash(google: Running, open_drive: Open, folder: Ref) -> None:
    teacher, student = open_drive(), open_drive(STUDENT)
    made = await put(teacher, folder, "shared.bin", b"x")
    await google.control("POST", "google", {"shared": {made.ref.id: {STUDENT: "reader"}}})
    await teacher.trash(made.ref)
    assert made.ref not in await all_pages(student.trashed)
    assert made.ref in await all_pages(teacher.trashed)


async def test_a_trash_that_ends_with_a_drive_that_went_away() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/drives"):
            return web.json_response({"drives": [{"id": "0B", "name": "b"}, {"id": "0A", "name": "a"}]})
        if request.query.get("driveId") == "0B":
            return refusal(404, "notFound")
        return web.json_response({"files": [resource(trashed=True, explicitlyTrashed=True), resource(2, trashed=True)]})

    async with google_at(answer) as drive:
        own = await drive.trashed()
        assert len(own.entries) == 1
        first = await drive.trashed(own.cursor)
        assert first.cursor is not None
        with pytest.raises(Changed):
            await drive.trashed(first.cursor)


LISTS: dict[str, Any] = {
    "children": lambda drive, cursor: drive.children(Ref("", "1Folder"), cursor),
    "search": lambda drive, cursor: drive.search("words", cursor),
    "view": lambda drive, cursor: drive.view(View.RECENT, cursor),
    "trashed": lambda drive, cursor: drive.trashed(cursor),
}


@pytest.mark.parametrize(
    "body", [{}, [], {"files": 7}, {"files": [7]}, {"files": [{"id": "1", "explicitlyTrashed": True}]}], ids=json.dumps
)
@pytest.mark.parametrize("name", LISTS)
async def test_an_answer_without_files_is_no_empty_list(name: str, body: object) -> None:
    async with google_at(answering([], body)) as drive:
        with pytest.raises(Untrusted):
            await LISTS[name](drive, None)


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_that_leads_to_itself(name: str) -> None:
    async with google_at(answering([], {"files": [], "nextPageToken": "p"})) as drive:
        page = await LISTS[name](drive, None)
        with pytest.raises(Untrusted) as untrusted:
            await LISTS[name](drive, page.cursor)
    assert untrusted.value.reason == "cursor"
