"""Libraries of followed sites: found, named, used like the own drive; none only where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from providers.drive import Kind, OnConflict, Ref
from providers.errors import AdminBlocked, Busy, DriveError, NotFound, Offline, Refused, Untrusted
from providers.onedrive import OneDrive
from tests.conformance.base import everything, get, put
from tests.providers.onedrive.conftest import STUDENT, TEACHER, Open
from tests.providers.onedrive.graph import Graph, graph, refusal, top
from tests.sandboxes import Running

FOLLOWED = "GET /me/followedSites"


def site(name: str) -> dict[str, Any]:
    return {"id": f"school.example,{name},2", "displayName": name.title()}


def library(name: str) -> dict[str, Any]:
    return {"id": f"b!{name}", "name": name, "driveType": "documentLibrary"}


def has(server: Graph, which: str, *names: str) -> None:
    """A site's libraries, all of which open."""
    server.answers[f"GET /sites/school.example,{which},2/drives"] = {"value": [library(name) for name in names]}
    for name in names:
        server.answers[f"GET /drives/b!{name}/root"] = top(f"01{name}", f"b!{name}", "documentLibrary")


async def test_every_library_of_every_site() -> None:
    async with graph() as (server, drive):
        more = f"{server.root}/me/followedSites?$skiptoken=2"
        pages = {None: {"value": [site("staff")], "@odata.nextLink": more}, "2": {"value": [site("class")]}}
        server.answers[FOLLOWED] = lambda request: _json(pages[request.query.get("$skiptoken")])
        has(server, "staff", "documents")
        has(server, "class", "work", "archive")
        found = await drive.spaces()
        assert [(space.name, space.root) for space in found] == [
            ("Class / archive", Ref("b!archive", "01archive")),
            ("Class / work", Ref("b!work", "01work")),
            ("Staff", Ref("b!documents", "01documents")),
        ]


def _json(body: object) -> web.Response:
    return web.json_response(body)


async def test_the_own_drive_is_no_other_tree_and_none_comes_twice() -> None:
    async with graph() as (server, drive):
        server.answers[FOLLOWED] = {"value": [site("staff"), site("class")]}
        has(server, "staff", "own", "documents")
        has(server, "class", "documents")
        assert [space.root.space for space in await drive.spaces()] == ["b!documents"]


@pytest.mark.parametrize("status", [403, 404])
async def test_what_does_not_open_is_left_out(status: int) -> None:
    async with graph() as (server, drive):
        server.answers[FOLLOWED] = {"value": [site("gone"), site("class")]}
        server.answers["GET /sites/school.example,gone,2/drives"] = lambda _: refusal(status, "accessDenied")
        has(server, "class", "work", "archive")
        server.answers["GET /drives/b!work/root"] = lambda _: refusal(status, "accessDenied")
        assert [space.root.space for space in await drive.spaces()] == ["b!archive"]


@pytest.mark.parametrize(("status", "code"), [(403, "accessDenied"), (404, "itemNotFound"), (400, "notSupported")])
async def test_a_grant_that_shows_no_sites(status: int, code: str) -> None:
    async with graph() as (server, drive):
        server.answers[FOLLOWED] = lambda _: refusal(status, code)
        assert await drive.spaces() == []


async def test_a_personal_account_is_not_even_asked() -> None:
    async with graph(personal=True) as (server, drive):
        assert await drive.spaces() == []
        assert server.paths == ["GET /me/drive"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "tooManyRequests", Busy),
        (500, "generalException", Offline),
        (503, "serviceNotAvailable", Busy),
        (403, "accessRestricted", AdminBlocked),
    ],
)
async def test_an_error_is_not_the_end_of_all_libraries(status: int, code: str, kind: type[DriveError]) -> None:
    async with graph() as (server, drive):
        server.answers[FOLLOWED] = lambda _: refusal(status, code, Retry_After="0")
        with pytest.raises(kind):
            await drive.spaces()
        server.answers[FOLLOWED] = {"value": [site("class")]}
        has(server, "class", "work")
        if kind is not AdminBlocked:
            server.answers["GET /drives/b!work/root"] = lambda _: refusal(status, code, Retry_After="0")
            with pytest.raises(kind):
                await drive.spaces()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"value": ["x"]},
        {"value": [{"id": 7}]},
        {"value": [{"id": "s"}]},
        {"value": [], "@odata.nextLink": "https://evil.example/v1.0/me/followedSites"},
        {"value": [], "@odata.nextLink": "{root}/me/followedSites?$skiptoken=1"},
    ],
    ids=str,
)
async def test_what_is_no_list_of_sites(answer: dict[str, Any]) -> None:
    async with graph() as (server, drive):
        link = answer.get("@odata.nextLink", "").format(root=server.root)
        server.answers[FOLLOWED] = {**answer, **({"@odata.nextLink": link} if link else {})}
        with pytest.raises(Untrusted):
            await drive.spaces()


async def test_a_list_of_sites_without_an_end() -> None:
    async with graph() as (server, drive):
        count = iter(range(10_000))

        def page(_: web.Request) -> web.Response:
            link = f"{server.root}/me/followedSites?$skiptoken={next(count)}"
            return _json({"value": [site("s")] * 200, "@odata.nextLink": link})

        server.answers[FOLLOWED] = page
        with pytest.raises(Untrusted):
            await drive.spaces()
        assert len(server.asked) < 12


async def test_everything_works_in_a_library(drive: OneDrive, open_drive: Open) -> None:
    """As another teacher sees it, too; a student of the class may look and not write."""
    space = next(one for one in await drive.spaces() if one.root.space)
    there = (await drive.make_folder(space.root, "unit 1", OnConflict.REPLACE)).ref
    made = await put(drive, there, "plan.txt", b"plan", on_conflict=OnConflict.REPLACE)
    assert (made.ref.space, made.parent) == (space.root.space, there)
    copied = await drive.copy(made.ref, there, f"copy of {made.ref.id}.txt")
    assert await get(drive, copied.ref) == b"plan"
    moved = await drive.relocate(copied.ref, space.root, f"{made.ref.id}.txt")
    assert moved.parent == space.root
    await drive.trash(moved.ref)
    await drive.delete(there)
    assert {one.kind for one in await everything(drive, space.root)} <= {Kind.FILE, Kind.FOLDER}


async def test_between_the_own_drive_and_a_library_bytes_are_copied_on_the_server(drive: OneDrive) -> None:
    [*_, space] = await drive.spaces()
    made = await put(drive, await drive.root(), "to the class.bin", b"for all", on_conflict=OnConflict.REPLACE)
    copied = await drive.copy(made.ref, space.root, f"{made.ref.id}.bin")
    assert copied.ref.space == space.root.space
    assert await get(drive, copied.ref) == b"for all"
    await drive.delete(copied.ref)


async def test_who_only_reads(open_drive: Open, microsoft: Running) -> None:
    """Students may look into the class site."""
    await microsoft.control("POST", "microsoft/follow", {"user": STUDENT, "site": "class-7b", "follow": True})
    student = open_drive(STUDENT)
    [space] = await student.spaces()
    assert await everything(student, space.root)
    with pytest.raises(Refused):
        await student.make_folder(space.root, "mine")
    with pytest.raises((Refused, NotFound)):
        await student.stat(await open_drive(TEACHER).root())
