"""Downloads in trouble: addresses that run out, bodies that break off, files that change, servers without ranges."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from providers import hashes
from providers.drive import Kind, Read, Ref
from providers.errors import Changed, DriveError, Malware, Offline, Unsupported, Untrusted
from providers.http import Outbound, Pace, Patience
from providers.onedrive import OneDrive
from tests.conformance.base import REPLACE, content, everything, get, put
from tests.sandboxes import Running

DATA = content(1_000_003, seed=9)
ADDRESS = "/y4m*"


def fault(match: Mapping[str, Any], **do: Any) -> dict[str, Any]:
    return {"match": match, "do": do}


async def gather(read: Read, seen: bytearray) -> None:
    """Keeps what comes before something goes wrong."""
    async for piece in read:
        seen += piece


@pytest.mark.parametrize(("start", "stop"), [(0, None), (100_001, 900_001)])
async def test_a_body_that_breaks_off_is_continued(
    drive: OneDrive, folder: Ref, microsoft: Running, start: int, stop: int | None
) -> None:
    made = await put(drive, folder, "broken.bin", DATA)
    await microsoft.requests()
    async with microsoft.faults(fault({"path": ADDRESS, "times": 2}, truncate=300_000)):
        assert await get(drive, made.ref, start, stop) == DATA[start:stop]
    redirects = [one for one in await microsoft.requests() if one["path"] == "/v1.0/item/content"]
    assert len(redirects) == 3, "every continuation asks for a fresh address"


async def test_an_address_that_ran_out_is_renewed(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "expired.bin", DATA)
    async with microsoft.faults(fault({"path": ADDRESS, "times": 1}, expire_session=True)):
        assert await get(drive, made.ref) == DATA
    async with microsoft.faults(
        fault({"path": ADDRESS, "times": 1}, truncate=300_000), fault({"path": ADDRESS, "times": 1}, status=403)
    ):
        assert await get(drive, made.ref) == DATA


async def test_it_gives_up_where_nothing_comes(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "never.bin", DATA)
    await microsoft.requests()
    async with microsoft.faults(fault({"path": ADDRESS}, truncate=10)):
        with pytest.raises((Offline, Untrusted)):
            await get(drive, made.ref)
    opened = [one for one in await microsoft.requests() if one["path"] == "/y4m{item}/{name}"]
    assert 1 < len(opened) < 10


async def test_bytes_of_two_versions_are_never_mixed(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "mixed.bin", DATA)
    seen = bytearray()
    short = fault({"path": ADDRESS, "times": 1}, truncate=300_000, stall_ms=700)
    async with microsoft.faults(short), drive.read(made.ref) as read:
        seen += await anext(aiter(read))
        await put(drive, folder, "mixed.bin", content(len(DATA), seed=8), on_conflict=REPLACE)
        with pytest.raises(Changed):
            await gather(read, seen)
    assert 0 < len(seen) <= 300_000
    assert DATA.startswith(seen)


async def test_a_page_instead_of_the_file(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "portal.bin", DATA)
    async with microsoft.faults(fault({"path": ADDRESS}, html=True)):
        with pytest.raises(Untrusted):
            await get(drive, made.ref)


async def test_a_notebook_cannot_be_read(drive: OneDrive) -> None:
    [notebook] = [one for one in await everything(drive, await drive.root()) if one.name == "Class notebook"]
    assert notebook.kind is Kind.PACKAGE
    with pytest.raises(Unsupported):
        await get(drive, notebook.ref)


async def test_there_are_no_exports(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "plain.txt", b"plain")
    with pytest.raises(Unsupported):
        await get(drive, made.ref, export="pdf")


class Fixed:
    """The one token of a server that takes any."""

    async def token(self, *, fresh: bool = False) -> str:
        return "fresh" if fresh else "token"


class Simple:
    """A Graph with one file, whose download host answers as each test wants it to."""

    def __init__(self) -> None:
        self.facets: dict[str, Any] = {}
        self.seen: list[Mapping[str, str]] = []
        self.answer: Callable[[web.Request], web.Response] = lambda _: web.Response(body=DATA)
        self.location = "/file"

    def app(self, bytes_: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1.0/me/drive/items/{id}", self._item)
        app.router.add_get("/v1.0/me/drive/items/{id}/content", self._content)
        app.router.add_get("/file", bytes_ or self._file)
        return app

    async def _item(self, request: web.Request) -> web.Response:
        item = {"id": "1", "name": "file.bin", "size": len(DATA), "cTag": "c1", "file": {}}
        times = {"lastModifiedDateTime": "2026-01-02T03:04:05Z"}
        return web.json_response({**item, **times, **self.facets})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": self.location})

    async def _file(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers)
        return self.answer(request)


@pytest.fixture
def simple() -> Simple:
    return Simple()


@pytest.fixture
async def plain(simple: Simple) -> AsyncIterator[OneDrive]:
    """A drive on it."""
    async with TestServer(simple.app(), host="127.0.0.1") as server:
        root = str(server.make_url("/v1.0"))
        outbound = Outbound([root])
        yield OneDrive(
            outbound, Fixed(), graph_root=root, pace=Pace(rate=1000), patience=Patience(first=0.01, budget=1)
        )
        await outbound.close()


@pytest.mark.parametrize(("start", "stop"), [(0, None), (5, 300_000), (262_144, None), (999_999, 1_000_003)])
async def test_a_server_without_ranges(plain: OneDrive, simple: Simple, start: int, stop: int | None) -> None:
    assert await get(plain, Ref("", "1"), start, stop) == DATA[start:stop]
    assert all("Authorization" not in headers for headers in simple.seen)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("bytes 0-9/1000003", Untrusted),
        ("bytes 10-19/7", Changed),
        ("bytes 10-19/*", Untrusted),
        ("", Untrusted),
    ],
)
async def test_another_range_than_asked_for(
    plain: OneDrive, simple: Simple, told: str, error: type[DriveError]
) -> None:
    simple.answer = lambda _: web.Response(status=206, body=DATA[10:20], headers={"Content-Range": told})
    with pytest.raises(error):
        await get(plain, Ref("", "1"), 10, 20)


async def test_a_whole_of_another_size(plain: OneDrive, simple: Simple) -> None:
    simple.answer = lambda _: web.Response(body=DATA + b"!")
    with pytest.raises(Changed):
        await get(plain, Ref("", "1"))


async def test_bytes_in_another_encoding(plain: OneDrive, simple: Simple) -> None:
    simple.answer = lambda _: web.Response(body=DATA, headers={"Content-Encoding": "br"})
    with pytest.raises(Untrusted):
        await get(plain, Ref("", "1"))


async def test_what_the_provider_flagged_stays_closed(plain: OneDrive, simple: Simple) -> None:
    simple.facets = {"malware": {"description": "EICAR"}}
    with pytest.raises(Malware):
        await get(plain, Ref("", "1"))
    assert not simple.seen


def stated(data: bytes) -> dict[str, Any]:
    """The facet of a file with the hash of these bytes."""
    made = hashes.new("quickxor")
    made.update(data)
    return {"file": {"hashes": {"quickXorHash": base64.b64encode(made.digest()).decode()}}}


async def test_other_bytes_than_the_hash_states(plain: OneDrive, simple: Simple) -> None:
    """Of the right number. The last piece is never given out, so nobody takes them for the file."""
    simple.facets = stated(DATA[:-1] + b"!")
    seen = bytearray()
    async with plain.read(Ref("", "1")) as read:
        with pytest.raises(Untrusted) as untrusted:
            await gather(read, seen)
    assert untrusted.value.reason == "hash"
    assert 0 < len(seen) < len(DATA)
    assert DATA.startswith(seen)


async def test_the_bytes_that_the_hash_states(plain: OneDrive, simple: Simple) -> None:
    simple.facets = stated(DATA)
    assert await get(plain, Ref("", "1")) == DATA
    simple.facets = stated(b"something else")
    assert await get(plain, Ref("", "1"), 5, 300_000) == DATA[5:300_000], "a part has no hash"
    simple.facets = {"file": {"hashes": {}}}
    assert await get(plain, Ref("", "1")) == DATA


async def test_a_file_that_was_rewritten_while_it_was_read(plain: OneDrive, simple: Simple) -> None:
    """A school drive does so a moment after an upload: that is another version, and no lie."""
    simple.facets = stated(b"as it was uploaded")
    async with plain.read(Ref("", "1")) as read:
        simple.facets = {**stated(DATA), "cTag": "c2"}
        with pytest.raises(Changed):
            await gather(read, bytearray())


async def test_an_address_that_runs_out_in_the_middle_is_renewed_and_nothing_is_read_twice(
    plain: OneDrive, simple: Simple, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Outbound.request
    monkeypatch.setattr(Outbound, "request", lambda *args, **known: ask(*args, **{**known, "read_timeout": 0.2}))

    def short(request: web.Request) -> web.Response:
        simple.answer = ranged
        answer = web.Response(body=DATA[:400_000])
        answer.headers["Content-Length"] = str(len(DATA))
        return answer

    def ranged(request: web.Request) -> web.Response:
        part = request.http_range
        told = f"bytes {part.start}-{len(DATA) - 1}/{len(DATA)}"
        return web.Response(status=206, body=DATA[part.start :], headers={"Content-Range": told})

    simple.facets, simple.answer = stated(DATA), short
    assert await get(plain, Ref("", "1")) == DATA
    first, second = [headers.get("Range") for headers in simple.seen]
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").partition("-")[0]) <= 400_000


async def test_an_address_that_falls_silent_is_given_up(simple: Simple, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the read timeout, for another address and from the byte that is missing."""
    ask = Outbound.request
    monkeypatch.setattr(Outbound, "request", lambda *args, **known: ask(*args, **{**known, "read_timeout": 0.2}))
    silent = asyncio.Event()

    async def stalls(request: web.Request) -> web.StreamResponse:
        simple.seen.append(request.headers)
        response = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        if len(simple.seen) > 1:
            part = request.http_range
            told = f"bytes {part.start}-{len(DATA) - 1}/{len(DATA)}"
            return web.Response(status=206, body=DATA[part.start :], headers={"Content-Range": told})
        await response.prepare(request)
        await response.write(DATA[:300_000])
        await silent.wait()
        return response

    app = simple.app(stalls)
    async with TestServer(app, host="127.0.0.1") as server:
        root = str(server.make_url("/v1.0"))
        outbound = Outbound([root])
        drive = OneDrive(
            outbound, Fixed(), graph_root=root, pace=Pace(rate=1000), patience=Patience(first=0.01, budget=1)
        )
        try:
            assert await get(drive, Ref("", "1")) == DATA
        finally:
            silent.set()
            await outbound.close()
    assert len(simple.seen) == 2
    assert simple.seen[1]["Range"].startswith("bytes=")


async def test_a_redirect_into_our_own_network(plain: OneDrive, simple: Simple) -> None:
    simple.location = "http://127.0.0.1:1/file"
    with pytest.raises(Untrusted):
        await get(plain, Ref("", "1"))
