"""Search and what others shared: words that cannot break out, items as they are where they lie, errors as errors."""

from __future__ import annotations

import gc
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from providers.drive import Kind, Ref
from providers.errors import Busy, Changed, DriveError, Offline, Unsupported, Untrusted
from providers.onedrive import OneDrive
from providers.verbs import View
from tests.conformance.base import collected, get, put
from tests.providers.onedrive.conftest import STUDENT, Open
from tests.providers.onedrive.graph import Graph, file, folder, graph, refusal
from tests.sandboxes import Running

SHARED = "GET /me/drive/sharedWithMe"


def remote(name: str = "a.txt", **changes: Any) -> dict[str, Any]:
    """A row of what others shared: the item lies in their drive."""
    home = {"driveId": "b!far", "driveType": "business", "id": "01THERE"}
    inner = file(name, cTag=None, eTag=None, parentReference=home, **changes)
    return {"id": "01ROW", "name": name, "lastModifiedDateTime": inner["lastModifiedDateTime"], "remoteItem": inner}


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        "'",
        "''",
        "') or true or search(q='",
        "')/../../me/messages?x=",
        "a/b",
        "a?$top=1&$expand=children#x",
        "%27%29",
        "a%2Fb",
        "\\",
        'a"b',
        "ä ß 日本 🎒",
    ],
)
async def test_words_stay_between_their_apostrophes(text: str) -> None:
    async with graph(page_size=7) as (server, drive):
        raw: list[str] = []

        def answer(request: web.Request) -> web.Response:
            raw.append(request.rel_url.raw_path)
            return web.json_response({"value": []})

        doubled = text.replace("'", "''")
        server.answers[f"GET /me/drive/root/search(q='{doubled}')"] = answer
        assert (await drive.search(text)).entries == []
        start, end = "/v1.0/me/drive/root/search(q='", "')"
        assert raw[0].startswith(start)
        assert raw[0].endswith(end)
        inside = raw[0].removeprefix(start).removesuffix(end)
        assert unquote(inside) == doubled
        assert not set(inside) & set("'/?#&()\\"), "nothing that means anything to an address or to OData"
        [request] = [one for one in server.asked if "search" in one.path]
        assert request.query.get("$top") == "7"
        assert "$expand" not in request.query


async def test_what_an_index_leaves_out_is_asked_for() -> None:
    """The index of a school drive knows no versions; what it still knows of deleted items is left out, and said."""
    async with graph() as (server, drive):
        rows = [file(f"{name}.txt", cTag=None, eTag=None) for name in "ab"]
        server.answers["GET /me/drive/root/search(q='x')"] = {"value": [*rows, file("c.txt"), folder("d")]}
        server.answers["GET /me/drive/items/01B"] = file("b.txt", cTag="current")
        page = await drive.search("x")
        assert [(entry.name, entry.version) for entry in page.entries] == [
            ("b.txt", "current"),
            ("c.txt", "c1"),
            ("d", "-"),
        ]
        assert not page.complete


async def test_the_search_goes_on_in_the_libraries(drive: OneDrive, microsoft: Running) -> None:
    spaces = await drive.spaces()
    made = [await put(drive, space.root, "gloriosa superba.bin", b"x") for space in spaces[-1:]]
    try:
        found = await collected(lambda cursor: drive.search("gloriosa superba", cursor))
        assert [entry.ref for entry in found] == [entry.ref for entry in made]
        assert await get(drive, found[0].ref) == b"x"
    finally:
        for one in made:
            await drive.delete(one.ref)


def libraries(server: Graph) -> None:
    """Two of one site."""
    server.answers["GET /me/followedSites"] = {"value": [{"id": "s,1,2", "displayName": "Class"}]}
    drives = [{"id": f"b!{name}", "name": name, "driveType": "documentLibrary"} for name in ("one", "two")]
    server.answers["GET /sites/s,1,2/drives"] = {"value": drives}


async def test_a_library_that_closed_does_not_end_the_search() -> None:
    async with graph() as (server, drive):
        libraries(server)
        server.answers["GET /me/drive/root/search(q='x')"] = {"value": [file()]}
        server.answers["GET /drives/b!one/root/search(q='x')"] = lambda _: refusal(403, "accessDenied")
        server.answers["GET /drives/b!two/root/search(q='x')"] = {"value": [file("b.txt")]}
        first = await drive.search("x")
        second = await drive.search("x", first.cursor)
        third = await drive.search("x", second.cursor)
        assert [entry.ref.space for entry in (*first.entries, *third.entries)] == ["", "b!two"]
        assert (list(second.entries), second.complete) == ([], False)
        assert third.cursor is None


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (500, Offline)])
async def test_an_error_in_a_library_is_none_of_nothing_found(status: int, kind: type[DriveError]) -> None:
    async with graph() as (server, drive):
        libraries(server)
        server.answers["GET /me/drive/root/search(q='x')"] = {"value": []}
        server.answers["GET /drives/b!one/root/search(q='x')"] = lambda _: refusal(status, "x", Retry_After="0")
        cursor = (await drive.search("x")).cursor
        assert cursor is not None
        with pytest.raises(kind):
            await drive.search("x", cursor)


async def test_cursors_of_something_else_are_not_followed() -> None:
    async with graph() as (server, drive):
        for cursor in ("x", f"{server.root}/me/drive/root/children", "https://evil.example/v1.0/me/drive/sharedWithMe"):
            with pytest.raises(Changed):
                await drive.search("x", cursor)
            with pytest.raises(Changed):
                await drive.view(View.SHARED, cursor)
        assert server.asked == []


async def test_a_link_of_graphs_that_leads_elsewhere_is_graphs_lie() -> None:
    async with graph() as (server, drive):
        answer = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/me/drive/sharedWithMe"}
        server.answers[SHARED] = server.answers["GET /me/drive/root/search(q='x')"] = answer
        for call in (drive.search("x"), drive.view(View.SHARED)):
            with pytest.raises(Untrusted):
                await call


async def test_shared_items_are_told_as_they_are_where_they_lie() -> None:
    async with graph() as (server, drive):
        server.answers[SHARED] = {
            "value": [remote(), remote("f", file=None, folder={"childCount": 1}), remote("b.txt")]
        }
        server.answers["GET /drives/b!far/items/01A"] = file(cTag="theirs")
        page = await drive.view(View.SHARED)
        first, second = page.entries
        assert (first.ref, first.version, first.kind) == (Ref("b!far", "01A"), "theirs", Kind.FILE)
        assert (second.ref, second.kind) == (Ref("b!far", "01F"), Kind.FOLDER)
        assert not page.complete, "one of them is no longer there"


async def test_a_shared_item_can_be_read(open_drive: Open, drive: OneDrive, microsoft: Running) -> None:
    theirs = open_drive(STUDENT)
    made = await put(theirs, await theirs.root(), "essay for amira.txt", b"an essay")
    told = {"drive": STUDENT, "path": "essay for amira.txt", "with": ["amira.haddad@riverside.example"]}
    await microsoft.control("POST", "microsoft/share", told)
    seen = {entry.name: entry for entry in await collected(lambda cursor: drive.view(View.SHARED, cursor))}
    entry = seen["essay for amira.txt"]
    assert entry.ref.id == made.ref.id
    assert entry.ref.space
    assert await get(drive, entry.ref, version=entry.version) == b"an essay"
    assert (await drive.stat(entry.ref)).version == entry.version


@pytest.mark.parametrize(("status", "code"), [(404, "itemNotFound"), (405, "methodNotAllowed"), (403, "accessDenied")])
async def test_a_list_that_has_ended_is_not_offered(status: int, code: str) -> None:
    async with graph() as (server, drive):
        server.answers[SHARED] = lambda _: refusal(status, code)
        with pytest.raises(Unsupported):
            await drive.view(View.SHARED)


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (503, Busy), (500, Offline)])
async def test_trouble_is_not_the_end_of_a_list(status: int, kind: type[DriveError]) -> None:
    async with graph() as (server, drive):
        server.answers[SHARED] = lambda _: refusal(status, "x", Retry_After="0")
        with pytest.raises(kind):
            await drive.view(View.SHARED)


@pytest.mark.parametrize("row", ["x", {}, {"remoteItem": {"id": "1"}}, {"remoteItem": {"parentReference": {}}}])
async def test_rows_that_are_none(row: object) -> None:
    async with graph() as (server, drive):
        server.answers[SHARED] = {"value": [row]}
        with pytest.raises(Untrusted):
            await drive.view(View.SHARED)


async def test_a_hundred_thousand_children_are_one_page_at_a_time() -> None:
    """Nothing grows with the number of pages that were read."""
    async with graph() as (server, drive):
        asked: list[int] = []
        row = file()

        def page(request: web.Request) -> web.Response:
            at = int(request.query.get("$skiptoken", 0))
            asked.append(int(request.query.get("$top", 200)))
            rows = [{**row, "id": f"01N{number}"} for number in range(at, at + 200)]
            link = f"{server.root}/me/drive/items/01F/children?$top=200&$skiptoken={at + 200}"
            return web.json_response({"value": rows, **({"@odata.nextLink": link} if at + 200 < 100_000 else {})})

        server.answers["GET /me/drive/items/01F/children"] = page
        seen, cursor, objects = bytearray(100_000), None, []
        while True:
            found = await drive.children(Ref("", "01F"), cursor)
            for entry in found.entries:
                seen[int(entry.ref.id[3:])] += 1
            server.asked.clear()
            cursor = found.cursor
            if cursor is None:
                break
            if len(asked) % 100 == 0:
                gc.collect()
                objects.append(len(gc.get_objects()))
        assert seen == b"\1" * 100_000
        assert asked == [200] * 500
        assert objects[-1] - objects[0] < 2000, "what 300 pages leave behind"


@pytest.mark.parametrize(
    ("space", "drive", "leads"),
    [
        ("", "/me/drive", True),
        ("", "/drives/B!OWN", True),
        ("", "/drives/b!far", False),
        ("b!far", "/drives/b!far", True),
        ("b!far", "/me/drive", False),
        ("b!own", "/me/drive", True),
    ],
)
async def test_a_cursor_leads_on_in_its_own_drive(space: str, drive: str, leads: bool) -> None:
    """Else items of one drive would be told under the id of another."""
    async with graph() as (server, opened):
        server.answers[f"GET {drive}/items/01F/children"] = {"value": [file()]}
        cursor = f"{server.root}{drive}/items/01F/children?$skiptoken=1"
        if leads:
            assert [entry.ref.space for entry in (await opened.children(Ref(space, "01F"), cursor)).entries] == [space]
        else:
            with pytest.raises(Untrusted):
                await opened.children(Ref(space, "01F"), cursor)
            assert set(server.paths) <= {"GET /me/drive"}
