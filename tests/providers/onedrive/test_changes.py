"""Delta: the last word on each item, honest about cursors that no longer lead on, never silent about an error."""

from __future__ import annotations

from typing import Any

import pytest

from providers.drive import Kind, Ref
from providers.errors import Busy, Changed, DriveError, NotFound, Offline, Untrusted
from providers.onedrive import OneDrive
from tests.conformance.base import REPLACE, put
from tests.conformance.changing import since
from tests.providers.onedrive.conftest import HOME, Open
from tests.providers.onedrive.graph import Graph, file, folder, graph, refusal, top
from tests.sandboxes import Running

DELTA = "GET /me/drive/root/delta"


def told(server: Graph, *rows: dict[str, Any], **link: str) -> None:
    """What delta answers. Without a link it ends here."""
    ahead = link or {"@odata.deltaLink": f"{server.root}/me/drive/root/delta?token=next"}
    server.answers[DELTA] = {"value": list(rows), **ahead}


def cursor_of(server: Graph) -> str:
    return f"{server.root}/me/drive/root/delta?token=last"


async def test_the_first_cursor_is_asked_for_and_nothing_else() -> None:
    async with graph() as (server, drive):
        told(server, file())
        first = await drive.changes()
        assert (list(first.items), first.more) == ([], False)
        [request] = server.asked
        assert request.query["token"] == "latest"
        assert first.cursor == f"{server.root}/me/drive/root/delta?token=next"


async def test_the_last_word_counts_and_the_root_is_left_out() -> None:
    async with graph() as (server, drive):
        deleted = {"id": "01B", "deleted": {"state": "deleted"}, "parentReference": {"driveId": "b!own"}}
        told(server, top(), file("a.txt"), file("b.txt"), deleted, file("a.txt", size=9), folder("f"))
        changes = await drive.changes(cursor_of(server))
        assert [change.ref.id for change in changes.items] == ["01B", "01A", "01F"]
        entries = [change.entry for change in changes.items]
        assert entries[0] is None
        assert entries[1] is not None
        assert entries[1].size == 9


async def test_deleted_and_alive_again() -> None:
    async with graph() as (server, drive):
        told(server, {"id": "01A", "deleted": {}}, file("a.txt"))
        [change] = (await drive.changes(cursor_of(server))).items
        assert change.entry is not None


async def test_a_version_that_delta_leaves_out_is_asked_for() -> None:
    """School drives do so; what is gone meanwhile is gone."""
    async with graph() as (server, drive):
        rows = [file(f"{name}.txt", cTag=None, eTag='"e"') for name in "abc"]
        told(server, *rows)
        server.answers["GET /me/drive/items/01A"] = file("a.txt", cTag="current")
        server.answers["GET /me/drive/items/01C"] = lambda _: refusal(403, "accessDenied")
        first, second, third = (await drive.changes(cursor_of(server))).items
        assert first.entry is not None
        assert first.entry.version == "current"
        assert (second.entry, third.entry) == (None, None)


async def test_an_error_while_a_version_is_asked_for_is_no_deletion() -> None:
    async with graph() as (server, drive):
        told(server, file("a.txt", cTag=None, eTag='"e"'))
        server.answers["GET /me/drive/items/01A"] = lambda _: refusal(500, "generalException")
        with pytest.raises(Offline):
            await drive.changes(cursor_of(server))


async def test_a_shortcut_stays_where_it_is() -> None:
    async with graph() as (server, drive):
        remote = {"id": "01FAR", "parentReference": {"driveId": "b!far"}, "folder": {}}
        told(server, folder("shortcut", remoteItem=remote))
        [change] = (await drive.changes(cursor_of(server))).items
        assert change.ref == Ref("", "01SHORTCUT")
        assert change.entry is not None
        assert (change.entry.kind, change.entry.target) == (Kind.SHORTCUT, Ref("b!far", "01FAR"))


async def test_more_follows_at_once() -> None:
    async with graph() as (server, drive):
        link = f"{server.root}/drives/b!own/root/delta(token='x')"
        told(server, file(), **{"@odata.nextLink": link})
        changes = await drive.changes(cursor_of(server))
        assert (changes.cursor, changes.more) == (link, True)
        server.answers["GET /drives/b!own/root/delta(token='x')"] = {"value": [], "@odata.deltaLink": link}
        assert not (await drive.changes(changes.cursor)).more


@pytest.mark.parametrize("code", ["resyncRequired", "resyncChangesApplyDifferences", "resyncChangesUploadDifferences"])
async def test_a_token_that_is_too_old(code: str) -> None:
    async with graph() as (server, drive):
        server.answers[DELTA] = lambda _: refusal(410, code, Location=f"{server.root}/me/drive/root/delta")
        with pytest.raises(Changed) as changed:
            await drive.changes(cursor_of(server))
        assert changed.value.reason == "resync"


@pytest.mark.parametrize(
    "cursor",
    [
        "https://evil.example/v1.0/me/drive/root/delta?token=x",
        "{root}.evil.example/me/drive/root/delta?token=x",
        "{root}/me/drive/root/children",
        "{root}/me/drive/items/01A/content",
        "{root}/drives/b!other/root/delta?token=x",
        "",
    ],
)
async def test_a_cursor_of_something_else_is_not_followed(cursor: str) -> None:
    async with graph() as (server, drive):
        with pytest.raises(Changed) as changed:
            await drive.changes(cursor.format(root=server.root))
        assert changed.value.reason == "resync"
        assert set(server.paths) <= {"GET /me/drive"}


async def test_a_cursor_of_another_library_is_not_followed() -> None:
    async with graph() as (server, drive):
        for cursor in (cursor_of(server), f"{server.root}/drives/b!two/root/delta?token=x"):
            with pytest.raises(Changed):
                await drive.changes(cursor, "b!one")
        assert set(server.paths) <= {"GET /me/drive"}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"value": []},
        {"value": {}, "@odata.deltaLink": "{root}/me/drive/root/delta"},
        {"value": [], "@odata.deltaLink": "https://evil.example/v1.0/me/drive/root/delta"},
        {"value": [], "@odata.nextLink": "{root}/me/drive/root/children"},
        {"value": [{}], "@odata.deltaLink": "{root}/me/drive/root/delta"},
        {"value": ["x"], "@odata.deltaLink": "{root}/me/drive/root/delta"},
        {"value": [{"id": "01A", "name": 7}], "@odata.deltaLink": "{root}/me/drive/root/delta"},
        {"value": [], "@odata.nextLink": "{root}/me/drive/root/delta?token=last"},
    ],
    ids=str,
)
async def test_what_is_no_answer(answer: dict[str, Any]) -> None:
    async with graph() as (server, drive):
        links = {name: link.format(root=server.root) for name, link in answer.items() if isinstance(link, str)}
        server.answers[DELTA] = {**answer, **links}
        with pytest.raises(Untrusted):
            await drive.changes(cursor_of(server))


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (503, Busy), (500, Offline), (404, NotFound)])
async def test_an_error_is_not_a_day_without_changes(status: int, kind: type[DriveError]) -> None:
    async with graph() as (server, drive):
        server.answers[DELTA] = lambda _: refusal(status, "x", Retry_After="0")
        for cursor in (None, cursor_of(server)):
            with pytest.raises(kind):
                await drive.changes(cursor)


@pytest.mark.parametrize("user", [None, HOME])
async def test_repeats_and_disorder(open_drive: Open, microsoft: Running, user: str | None) -> None:
    drive = open_drive(user, page_size=3) if user else open_drive(page_size=3)
    folder = await drive.make_folder(await drive.root(), f"disorder {user}")
    start = (await drive.changes()).cursor
    made = [await put(drive, folder.ref, f"{n}.bin", b"x") for n in range(7)]
    await drive.trash(made[0].ref)
    await microsoft.control("POST", "microsoft", {"delta_repeats": True, "delta_shuffled": True})
    try:
        latest, _ = await since(drive, start)
    finally:
        await microsoft.control("POST", "microsoft", {"delta_repeats": False, "delta_shuffled": False})
    assert latest[made[0].ref] is None
    assert all(latest[one.ref] is not None for one in made[1:])
    assert {one.version for one in latest.values() if one is not None and one.kind is Kind.FILE} == {
        one.version for one in made[1:]
    }


async def test_changes_of_a_library(drive: OneDrive, microsoft: Running) -> None:
    [*_, space] = await drive.spaces()
    start = (await drive.changes(None, space.root.space)).cursor
    made = await put(drive, space.root, "told.bin", b"told", on_conflict=REPLACE)
    latest, _ = await since(drive, start, space.root.space)
    assert latest[made.ref] is not None
    assert made.ref not in (await since(drive, (await drive.changes()).cursor))[0]
