"""Thumbnails: fetched without the token, believed only where they are pictures, and none where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from providers.drive import Ref
from providers.errors import Busy, DriveError, NotFound, Offline, Untrusted
from providers.verbs import PICTURE_LIMIT
from tests.providers.onedrive.graph import Graph, file, graph, refusal

LIST = "GET /me/drive/items/01A/thumbnails"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
REF = Ref("", "01A")


def sizes(server: Graph, *names: str) -> dict[str, Any]:
    """A set of these sizes, each at its own address on another path than Graph's."""
    return {"value": [{"id": "0", **{name: {"url": f"{server.url}/pictures/{name}", "width": 1} for name in names}}]}


def shows(body: bytes, *, status: int = 200, content_type: str = "image/png") -> Any:
    return lambda _: web.Response(body=body, status=status, content_type=content_type)


async def test_the_size_that_was_asked_for_without_the_token() -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = sizes(server, "small", "large", "c256x256")
        server.answers["GET /pictures/c256x256"] = shows(PNG)
        picture = await drive.thumbnail(REF)
        assert picture is not None
        assert (picture.media_type, picture.data) == ("image/png", PNG)
        asked, fetched = server.asked
        assert "c256x256" in asked.query["$select"]
        assert "Authorization" in asked.headers
        assert "Authorization" not in fetched.headers


@pytest.mark.parametrize(
    ("edge", "there", "chosen"),
    [
        (256, ("small", "medium", "large"), "large"),
        (100, ("small", "medium", "large"), "medium"),
        (90, ("small", "medium", "large"), "small"),
        (1024, ("small", "medium"), "medium"),
        (300, ("C300x300",), "C300x300"),
        (5, ("c16x16", "small"), "c16x16"),
        (100_000, ("c1024x1024", "large"), "c1024x1024"),
    ],
)
async def test_the_nearest_size_that_there_is(edge: int, there: tuple[str, ...], chosen: str) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = sizes(server, *there)
        server.answers[f"GET /pictures/{chosen}"] = shows(PNG)
        assert await drive.thumbnail(REF, edge) is not None


async def test_there_is_none() -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = {"value": []}
        server.answers["GET /me/drive/items/01A"] = file()
        assert await drive.thumbnail(REF) is None
        server.answers[LIST] = sizes(server)
        assert await drive.thumbnail(REF) is None
        server.answers[LIST] = lambda _: refusal(400, "notSupported")
        assert await drive.thumbnail(REF) is None
        server.answers[LIST] = {"value": []}
        del server.answers["GET /me/drive/items/01A"]
        with pytest.raises(NotFound):
            await drive.thumbnail(REF)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_address_that_has_run_out_says_nothing_of_the_account(status: int) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = sizes(server, "small")
        server.answers["GET /pictures/small"] = shows(b"gone", status=status)
        assert await drive.thumbnail(REF) is None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Sign in</html>", "text/html"),
        (b"<html>Sign in</html>", "image/png"),
        (b"<svg onload='x'/>", "image/svg+xml"),
        (PNG, "text/html"),
        (b"RIFF\0\0\0\0AVI ", "image/webp"),
        (b"", "image/png"),
        (PNG + bytes(PICTURE_LIMIT), "image/png"),
    ],
)
async def test_what_is_no_picture(body: bytes, content_type: str) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = sizes(server, "small")
        server.answers["GET /pictures/small"] = shows(body, content_type=content_type)
        with pytest.raises(Untrusted):
            await drive.thumbnail(REF)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x.png", "https://evil.example/x.png", "file:///etc/passwd", ""]
)
async def test_an_address_where_nothing_may_go(address: str) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = {"value": [{"small": {"url": address}}]}
        with pytest.raises(Untrusted):
            await drive.thumbnail(REF)


@pytest.mark.parametrize("answer", [{}, {"value": {}}, {"value": ["x"]}, []])
async def test_what_is_no_list(answer: object) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = answer
        with pytest.raises(Untrusted):
            await drive.thumbnail(REF)


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (500, Offline), (404, NotFound)])
async def test_an_error_is_not_an_item_without_a_picture(status: int, kind: type[DriveError]) -> None:
    async with graph() as (server, drive):
        server.answers[LIST] = lambda _: refusal(status, "x", Retry_After="0")
        with pytest.raises(kind):
            await drive.thumbnail(REF)
