"""A provider that lies is found out, named, bounded in time and memory, and nothing of the lie is published.

Both vendors tell the same lies; where they are named differently, the test says so.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.transfers.verify import Verdict, verify
from providers import hashes
from providers.errors import Changed, DriveError, Offline, Untrusted
from tests.conformance.base import get, new_file, push
from tests.providers.liars import DATA, FILE, FOLDER, VENDORS, Liar, endless, lying, says
from tests.providers.webserver import serving

HTML = b"<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>"
BOUND = 5.0
"""Seconds that no lie may take."""


@pytest.fixture(params=VENDORS)
async def liar(request: pytest.FixtureRequest) -> AsyncIterator[Liar]:
    async with lying(request.param) as made, asyncio.timeout(BOUND):
        yield made


async def refused(liar: Liar, start: int = 0, stop: int | None = None) -> tuple[DriveError, bytes]:
    """What reading ends with, and what came before it. Reading to an honest looking end is the failure."""
    seen = bytearray()
    try:
        async with liar.drive.read(FILE, start, stop) as read:
            async for piece in read:
                seen += piece
    except DriveError as error:
        return error, bytes(seen)
    pytest.fail("the lie was believed")


async def test_the_liar_is_honest_by_default(liar: Liar) -> None:
    assert await get(liar.drive, FILE) == DATA
    assert await get(liar.drive, FILE, 7, 70_000) == DATA[7:70_000]
    page = await liar.drive.children(FOLDER)
    assert [entry.ref for entry in page.entries] == [FILE]
    assert page.cursor is None
    progress = await push(liar.drive, await liar.drive.begin(new_file(FOLDER, "new.bin", len(DATA))), DATA)
    assert progress.done is not None


@pytest.mark.parametrize("length", [len(DATA) - 5, len(DATA) + 5])
async def test_a_length_that_is_not_the_files(liar: Liar, length: int) -> None:
    liar.lies["bytes"] = says((DATA + b"12345")[:length], media_type="video/mp4")
    error, seen = await refused(liar)
    assert type(error) is Changed, "lost trust in the version, before the first byte"
    assert seen == b""


async def test_a_body_shorter_than_its_length(liar: Liar) -> None:
    liar.lies["bytes"] = says(DATA[:-1], media_type="video/mp4", length=len(DATA))
    error, seen = await refused(liar)
    assert isinstance(error, (Untrusted, Offline))
    assert len(seen) < len(DATA)


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
async def test_a_body_without_a_length(liar: Liar, size: int) -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write((DATA + b"1")[:size])
        return response

    liar.lies["bytes"] = chunked
    error, seen = await refused(liar)
    assert type(error) is Untrusted
    assert DATA.startswith(seen)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (f"bytes 0-9/{len(DATA)}", Untrusted),
        (f"bytes 10-20/{len(DATA)}", Untrusted),
        ("bytes 10-19/11", Changed),
        ("bytes 10-19/*", Untrusted),
        ("items 10-19/600011", Untrusted),
        ("", Untrusted),
    ],
)
async def test_another_range(liar: Liar, told: str, kind: type[DriveError]) -> None:
    liar.lies["bytes"] = says(DATA[10:20], status=206, media_type="video/mp4", Content_Range=told)
    error, seen = await refused(liar, 10, 20)
    assert type(error) is kind
    assert seen == b""


@pytest.mark.parametrize("given", [9, 11])
async def test_a_range_of_another_length(liar: Liar, given: int) -> None:
    told = f"bytes 10-19/{len(DATA)}"
    liar.lies["bytes"] = says(DATA[10 : 10 + given], status=206, media_type="video/mp4", Content_Range=told)
    error, seen = await refused(liar, 10, 20)
    assert isinstance(error, (Untrusted, Changed))
    assert len(seen) < 10


async def test_the_whole_file_for_a_range(liar: Liar) -> None:
    liar.lies["bytes"] = says(DATA, media_type="video/mp4")
    if liar.vendor == "onedrive":  # documented there: the part is cut from the whole
        assert await get(liar.drive, FILE, 10, 20) == DATA[10:20]
        return
    error, seen = await refused(liar, 10, 20)
    assert type(error) is Untrusted
    assert seen == b""


async def test_a_page_as_the_file(liar: Liar) -> None:
    liar.lies["bytes"] = says(HTML, media_type="text/html")
    error, seen = await refused(liar)
    assert (type(error), error.reason) == (Untrusted, "html")
    assert seen == b""


@pytest.mark.parametrize("body", [HTML, b"{", b"", b"[]", b'"text"', b"[" * 60_000, b'{"files": {}, "value": {}}'])
async def test_something_else_as_json(liar: Liar, body: bytes) -> None:
    liar.lies["item"] = liar.lies["list"] = says(body)
    with pytest.raises(Untrusted):
        await liar.drive.stat(FILE)
    with pytest.raises(Untrusted):
        await liar.drive.children(FOLDER)


async def test_a_truncated_listing(liar: Liar) -> None:
    whole = json.dumps(liar.page(liar.following(1))).encode()
    for lie in (says(whole[:-20]), says(whole[:-20], length=len(whole))):
        liar.lies["list"] = lie
        with pytest.raises((Untrusted, Offline)):
            await liar.drive.children(FOLDER)


@pytest.mark.parametrize(
    "change",
    [
        {"size": float("inf")},
        {"size": -1},
        {"size": "-1"},
        {"size": [1]},
        {"id": ""},
        {"id": 7},
        {"name": None},
        {"modifiedTime": "yesterday", "lastModifiedDateTime": "yesterday"},
        {"mimeType": 7, "file": 7},
        {"capabilities": [1], "file": {"hashes": [1]}},
        {"parents": "x", "parentReference": "x"},
        {"sha256Checksum": "zz", "file": {"hashes": {"quickXorHash": "%"}}},
    ],
    ids=str,
)
async def test_metadata_that_cannot_be(liar: Liar, change: dict[str, object]) -> None:
    liar.lies["item"] = says(json.dumps(liar.item(**change)).encode())
    if change == {"parents": "x", "parentReference": "x"} and liar.vendor == "google":
        assert (await liar.drive.stat(FILE)).parent is not None
        return
    with pytest.raises(Untrusted):
        await liar.drive.stat(FILE)


async def test_half_a_character_in_a_name(liar: Liar) -> None:
    liar.lies["list"] = says(json.dumps({**liar.page(), "files": [liar.item(name="a\ud800b")]}).encode())
    if liar.vendor == "onedrive":
        liar.lies["list"] = says(json.dumps({"value": [liar.item(name="a\ud800b")]}).encode())
    [entry] = (await liar.drive.children(FOLDER)).entries
    assert entry.name == "a\ufffdb"


async def test_a_page_that_leads_to_itself(liar: Liar) -> None:
    liar.lies["list"] = says(json.dumps(liar.page(liar.following(1))).encode())
    page = await liar.drive.children(FOLDER)
    with pytest.raises(Untrusted) as untrusted:
        await liar.drive.children(FOLDER, page.cursor)
    assert untrusted.value.reason == "cursor"


@pytest.mark.parametrize("token", [7, True, {"a": 1}, ["x"]])
async def test_a_continuation_that_is_none(liar: Liar, token: object) -> None:
    liar.lies["list"] = says(json.dumps(liar.page(token)).encode())
    with pytest.raises(Untrusted):
        await liar.drive.children(FOLDER)


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.example.com/v1.0/me/drive/items/thefolder/children?$skiptoken=1",
        "http://169.254.169.254/v1.0/me/drive/items/thefolder/children",
        "{url}.example.com/v1.0/me/drive/items/thefolder/children",
        "{url}/v1.0/../evil/me/drive/items/thefolder/children",
        "{url}/v1.0/me/messages",
        "//evil.example.com/children",
    ],
)
async def test_a_link_to_elsewhere(link: str) -> None:
    async with lying("onedrive") as liar:
        liar.lies["list"] = says(json.dumps(liar.page(link.format(url=liar.url))).encode())
        with pytest.raises(Untrusted) as untrusted:
            await liar.drive.children(FOLDER)
        assert untrusted.value.reason == "cursor"
        liar.asked.clear()
        with pytest.raises(Untrusted):
            await liar.drive.children(FOLDER, link.format(url=liar.url))
        assert liar.asked == [], "nor does a cursor of our own take the token there"


class Inside(AbstractResolver):
    """Every name leads into the network of whoever asks."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [{"hostname": host, "host": "169.254.169.254", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


TARGETS = [
    "http://127.0.0.1:{port}/secret",
    "http://localhost:{port}/secret",
    "http://[::1]:{port}/secret",
    "http://[::ffff:127.0.0.1]:{port}/secret",
    "http://2130706433:{port}/secret",
    "http://169.254.169.254/latest/meta-data",
    "https://evil.example.com/file",
    "https://inside.1drv.com/file",
    "https://inside.googleusercontent.com/file",
    "file:///etc/passwd",
    "//[",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_redirect_to_elsewhere(vendor: str, target: str) -> None:
    visits = []

    async def inside(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return web.Response(body=DATA)

    async with serving(inside) as inner, lying(vendor, resolver=Inside()) as liar, asyncio.timeout(BOUND):
        where = target.format(port=inner.rpartition(":")[2])
        for kind in ("address", "bytes"):
            liar.lies[kind] = says(b"", status=302, Location=where)
        error, seen = await refused(liar)
    assert (type(error), error.reason) == (Untrusted, "redirect")
    assert (seen, visits) == (b"", [])


@pytest.mark.parametrize("target", TARGETS[:7])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_upload_sent_elsewhere(vendor: str, target: str) -> None:
    visits = []

    async def inside(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return web.Response(status=201)

    async with serving(inside) as inner, lying(vendor, resolver=Inside()) as liar, asyncio.timeout(BOUND):
        where = target.format(port=inner.rpartition(":")[2])
        liar.lies["session"] = says(json.dumps({"uploadUrl": where}).encode(), Location=where)
        session = await liar.drive.begin(new_file(FOLDER, "new.bin", len(DATA) * 20))
        with pytest.raises(Untrusted) as untrusted:
            await push(liar.drive, session, DATA * 20)
        with pytest.raises(Untrusted):
            await liar.drive.progress(session)
    assert untrusted.value.reason == "address"
    assert visits == []


@pytest.mark.parametrize("body", [b'{"error": {"message": "' + b"x" * 3_000_000, b"[" * 3_000_000, HTML * 50_000])
@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_three_megabytes_of_error(liar: Liar, body: bytes, status: int) -> None:
    liar.lies["item"] = liar.lies["list"] = says(body, status=status)
    for call in (liar.drive.stat, liar.drive.children):
        with pytest.raises(DriveError) as caught:
            await call(FILE)
        assert caught.value.reason == f"status_{status}"
        assert "x" * 10 not in repr(caught.value)


async def test_an_error_without_an_end(liar: Liar) -> None:
    sent: list[int] = []
    liar.lies["item"] = endless(b"x" * 65_536, sent, status=400)
    with pytest.raises(DriveError):
        await liar.drive.stat(FILE)
    assert sum(sent) < 16 * 1024 * 1024


async def test_a_listing_without_an_end_is_bounded(liar: Liar) -> None:
    sent: list[int] = []
    liar.lies["list"] = endless(b" " * 262_144, sent, start=b'{"files": [')
    tracemalloc.start()
    try:
        with pytest.raises(Untrusted) as untrusted:
            await liar.drive.children(FOLDER)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert untrusted.value.reason == "length"
    assert peak < 40 * 1024 * 1024


async def test_a_finished_upload_with_another_hash(liar: Liar) -> None:
    other = liar.item(sha256Checksum="00" * 32, file={"hashes": {"quickXorHash": "A" * 27 + "="}})
    liar.lies["made"] = liar.lies["item"] = says(json.dumps(other).encode(), status=200)
    session = await liar.drive.begin(new_file(FOLDER, "new.bin", len(DATA)))
    progress = await push(liar.drive, session, DATA)
    assert progress.done is not None
    sent = hashes.new(liar.drive.traits.hash)
    sent.update(DATA)
    verdict, _ = await verify(liar.drive, progress.done, len(DATA), sent.digest(), "video/mp4")
    assert verdict is Verdict.DIFFERENT
