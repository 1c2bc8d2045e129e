"""Older contents: numbered by Graph, opened without the token, never mistaken for the current one."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from providers.drive import Ref
from providers.errors import Changed, Malware, Offline, Untrusted
from providers.onedrive import OneDrive
from tests.conformance.base import REPLACE, content, get, put
from tests.providers.onedrive.conftest import HOME, Open
from tests.providers.onedrive.graph import Graph, file, graph, refusal
from tests.sandboxes import Running

DATA = content(700_003, seed=5)
REF = Ref("", "01A")
LIST = "GET /me/drive/items/01A/versions"


def row(number: object, size: object = 3, **changes: Any) -> dict[str, Any]:
    return {"id": number, "size": size, "lastModifiedDateTime": "2026-01-02T03:04:05Z", **changes}


def kept(server: Graph, *rows: dict[str, Any]) -> None:
    server.answers["GET /me/drive/items/01A"] = file(cTag='"c:{01A},7"')
    server.answers[LIST] = {"value": list(rows)}


async def test_the_current_one_has_the_entrys_version() -> None:
    async with graph() as (server, drive):
        kept(server, row("3.0"), row("2.0", 5), row("1.0", 7))
        found = await drive.versions(REF)
        assert [(one.id, one.size) for one in found] == [('"c:{01A},7"', 3), ("v:2.0", 5), ("v:1.0", 7)]
        assert found[0].id == (await drive.stat(REF)).version


async def test_the_newest_is_first_whatever_order_they_come_in() -> None:
    async with graph() as (server, drive):
        kept(server, row("9.0"), row("10.0"), row("2.0"))
        assert [one.id for one in await drive.versions(REF)][1:] == ["v:9.0", "v:2.0"]


async def test_all_pages_of_them() -> None:
    async with graph() as (server, drive):
        kept(server)
        first = {"value": [row("3.0")], "@odata.nextLink": f"{server.root}/me/drive/items/01A/versions?$skiptoken=1"}
        second = {"value": [row("2.0")]}
        server.answers[LIST] = lambda request: web.json_response(second if "$skiptoken" in request.query else first)
        assert len(await drive.versions(REF)) == 2


async def test_an_empty_file_that_got_its_time_is_one_content(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "empty.bin", b"")
    [only] = await drive.versions(made.ref)
    assert only.id == made.version


async def test_an_older_content_is_fetched_without_the_token() -> None:
    async with graph() as (server, drive):
        kept(server, row("2.0"), row("1.0"))
        server.answers["GET /me/drive/items/01A/versions/1.0"] = row("1.0", len(DATA))
        server.answers["GET /me/drive/items/01A/versions/1.0/content"] = lambda _: web.Response(
            status=302, headers={"Location": f"{server.url}/bytes"}
        )
        server.answers["GET /bytes"] = lambda _: web.Response(body=DATA)
        async with drive.read(REF, version="v:1.0") as read:
            assert (read.version, read.total) == ("v:1.0", len(DATA))
            assert b"".join([piece async for piece in read]) == DATA
        assert "Authorization" not in server.asked[-1].headers


@pytest.mark.parametrize("user", [None, HOME])
async def test_an_older_content_that_breaks_off_is_continued(
    open_drive: Open, microsoft: Running, user: str | None
) -> None:
    """And stays the same while the file gets yet another one."""
    drive = open_drive(user) if user else open_drive()
    root = await drive.root()
    made = await put(drive, root, "long essay.bin", DATA, on_conflict=REPLACE)
    await put(drive, root, "long essay.bin", b"second", on_conflict=REPLACE)
    older = (await drive.versions(made.ref))[1]
    cut = {"match": {"path": "/y4m*", "times": 2}, "do": {"truncate": 200_000}}
    async with microsoft.faults(cut), drive.read(made.ref, version=older.id) as read:
        body = aiter(read)
        seen = await anext(body)
        await put(drive, root, "long essay.bin", b"third", on_conflict=REPLACE)
        async for piece in body:
            seen += piece
    assert seen == DATA
    await drive.delete(made.ref)


async def test_one_that_is_not_kept_any_more(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "short.bin", b"first")
    for version in ("v:99.0", '"c:{another},1"', made.version + "x"):
        with pytest.raises(Changed):
            await get(drive, made.ref, version=version)


async def test_what_was_flagged_stays_closed_in_every_version() -> None:
    async with graph() as (server, drive):
        kept(server, row("2.0"), row("1.0"))
        server.answers["GET /me/drive/items/01A"] = file(malware={})
        server.answers["GET /me/drive/items/01A/versions/1.0"] = row("1.0")
        with pytest.raises(Malware):
            await get(drive, REF, version="v:1.0")


@pytest.mark.parametrize(
    "rows",
    [
        ["x", "y"],
        [row("2.0"), row("../../me")],
        [row("2.0"), row(7)],
        [row("2.0"), row("1.0", -1)],
        [row("2.0"), row("1.0", "3")],
        [row("2.0"), row("1.0", lastModifiedDateTime="yesterday")],
        [row("2.0"), {}],
    ],
    ids=str,
)
async def test_rows_that_are_none(rows: list[Any]) -> None:
    async with graph() as (server, drive):
        kept(server, *rows)
        with pytest.raises(Untrusted):
            await drive.versions(REF)


async def test_a_version_without_a_size_is_not_opened() -> None:
    async with graph() as (server, drive):
        kept(server)
        server.answers["GET /me/drive/items/01A/versions/1.0"] = row("1.0", None)
        with pytest.raises(Untrusted):
            await get(drive, REF, version="v:1.0")


async def test_an_error_is_not_a_file_without_versions() -> None:
    async with graph() as (server, drive):
        kept(server)
        server.answers[LIST] = lambda _: refusal(500, "generalException")
        with pytest.raises(Offline):
            await drive.versions(REF)
