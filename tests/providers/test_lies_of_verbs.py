"""The optional verbs of the vendors' drives under lies: each is found out and named, and leads nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from providers.drive import Page
from providers.errors import DriveError, Offline, Untrusted
from providers.verbs import View
from tests.conformance.base import collected
from tests.providers.liars import FILE, FOLDER, VENDORS, Liar, lying, says
from tests.providers.test_lies import BOUND, HTML, TARGETS, Inside
from tests.providers.webserver import serving

CALLS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "search": lambda drive: drive.search("lesson"),
    "shared": lambda drive: drive.view(View.SHARED),
    "changes": lambda drive: drive.changes(),
    "versions": lambda drive: drive.versions(FILE),
    "quota": lambda drive: drive.quota(),
    "spaces": lambda drive: drive.spaces(),
    "thumbnail": lambda drive: drive.thumbnail(FILE),
    "copy": lambda drive: drive.copy(FILE, FOLDER, "copy.bin"),
    "trashed": lambda drive: drive.trashed(),
    "restore": lambda drive: drive.restore(FILE),
}
LACKS = {"onedrive": {"trashed", "restore"}}
"""What a school's OneDrive does not offer."""


@pytest.fixture(params=[(vendor, call) for vendor in VENDORS for call in CALLS if call not in LACKS.get(vendor, ())])
def told(request: pytest.FixtureRequest) -> tuple[str, Callable[[Any], Awaitable[object]]]:
    vendor, call = request.param
    return vendor, CALLS[call]


@pytest.fixture
async def liar(told: tuple[str, object]) -> AsyncIterator[Liar]:
    async with lying(told[0], resolver=Inside()) as made, asyncio.timeout(BOUND):
        yield made


@pytest.fixture
def call(told: tuple[str, Callable[[Any], Awaitable[object]]], liar: Liar) -> Callable[[], Awaitable[object]]:
    return lambda: told[1](liar.drive)


@pytest.mark.parametrize("body", [HTML, b"{", b"", b"[]", b'"text"', b"[" * 60_000], ids=lambda body: repr(body[:9]))
async def test_something_else_as_json(liar: Liar, call: Callable[[], Awaitable[object]], body: bytes) -> None:
    liar.lies["every"] = says(body)
    with pytest.raises(Untrusted):
        await call()


async def test_an_answer_that_breaks_off(liar: Liar, call: Callable[[], Awaitable[object]]) -> None:
    whole = json.dumps({"files": [], "value": [], "items": []}).encode()
    liar.lies["every"] = says(whole[:-5], length=len(whole))
    with pytest.raises((Untrusted, Offline)):
        await call()


@pytest.mark.parametrize("status", [400, 500])
async def test_three_megabytes_of_error(liar: Liar, call: Callable[[], Awaitable[object]], status: int) -> None:
    liar.lies["every"] = says(b'{"error": {"message": "' + b"x" * 3_000_000, status=status)
    with pytest.raises(DriveError) as caught:
        await call()
    assert "x" * 10 not in repr(caught.value)


@pytest.mark.parametrize("target", TARGETS[:7])
async def test_a_redirect_to_elsewhere(liar: Liar, call: Callable[[], Awaitable[object]], target: str) -> None:
    visits = []

    async def inside(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return web.json_response({})

    async with serving(inside) as inner:
        liar.lies["every"] = says(b"", status=302, Location=target.format(port=inner.rpartition(":")[2]))
        with pytest.raises(DriveError):
            await call()
    assert visits == []


@pytest.mark.parametrize("target", [*TARGETS, "data:image/png;base64,iVBORw0KGgo="])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_picture_that_lies_elsewhere(vendor: str, target: str) -> None:
    visits = []

    async def inside(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return web.Response(body=b"\x89PNG\r\n\x1a\n", content_type="image/png")

    async with serving(inside) as inner, lying(vendor, resolver=Inside()) as liar, asyncio.timeout(BOUND):
        where = target.format(port=inner.rpartition(":")[2])
        size = {"url": where, "width": 256, "height": 256}
        sizes = dict.fromkeys(("small", "medium", "large", "c256x256"), size)
        lie = {**liar.item(thumbnailLink=where, hasThumbnail=True), "value": [{"id": "0", **sizes}], **sizes}
        liar.lies["every"] = says(json.dumps(lie).encode())
        drive: Any = liar.drive
        with pytest.raises(DriveError):
            await drive.thumbnail(FILE)
    assert visits == []


TURNS: dict[str, Callable[[Any, str | None], Awaitable[Page]]] = {
    "children": lambda drive, cursor: drive.children(FOLDER, cursor),
    "search": lambda drive, cursor: drive.search("lesson", cursor),
    "shared": lambda drive, cursor: drive.view(View.SHARED, cursor),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_list_that_leads_to_itself(vendor: str, turn: str) -> None:
    async with lying(vendor) as liar, asyncio.timeout(BOUND):

        async def page(request: web.Request) -> web.StreamResponse:
            here = liar.url + request.path_qs if liar.vendor == "onedrive" else "page-1"
            return web.json_response(liar.page(here))

        liar.lies["every"] = page
        with pytest.raises(Untrusted) as untrusted:
            await collected(lambda cursor: TURNS[turn](liar.drive, cursor))
    assert untrusted.value.reason == "cursor"
