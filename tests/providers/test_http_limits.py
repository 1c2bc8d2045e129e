"""How long and how slow an exchange may be, how many streams there are at once, and connections that are used again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from providers.errors import DriveError, Offline
from providers.http import PIECE, AccountHttp, Outbound, Pace, bounded, pieces
from providers.http.body import Floor
from tests.providers.webserver import reaching


async def source(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_small_exchange_that_drips_ends() -> None:
    async with reaching(_dripping) as (outbound, url), asyncio.timeout(10):
        with pytest.raises(Offline):
            await outbound.fetch("GET", url, total=0.3)
        with pytest.raises(Offline):
            async with outbound.request("GET", url, total=0.3) as response:
                await bounded(response, 1000)


async def test_a_head_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.http.outbound.ANSWER_SECONDS", 0.3)
    monkeypatch.setattr("providers.http.body.ANSWER_SECONDS", 0.3)

    async def head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(b"X-More: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(head, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    outbound = Outbound([url])
    async with asyncio.timeout(10):
        for data in (None, source(b"12345")):
            with pytest.raises(Offline):
                async with outbound.request("PUT", url, data=data, length=5):
                    pass
    await outbound.close()
    server.close()


async def _dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    for _ in range(100_000):
        await response.write(b"x")
        await asyncio.sleep(0.02)
    return response


async def test_a_bulk_body_that_drips_ends_and_a_slow_reader_does_not_end_it() -> None:
    ticks = iter(range(0, 10**9, 20))  # each look at the clock is twenty seconds after the last one
    async with reaching(_dripping) as (outbound, url), outbound.request("GET", url) as response:
        with pytest.raises(Offline) as slow:
            async for _ in pieces(response, 100_000, floor=Floor(lambda: float(next(ticks)))):
                pass
    assert slow.value.reason == "slow"

    clock = [0.0]
    floor = Floor(lambda: clock[0])
    for _ in range(50):
        floor.waits()
        clock[0] += 1
        floor.came(10)
        clock[0] += 3600  # the reader's own time
    for _ in range(50):
        floor.waits()
        clock[0] += 30
        floor.came(100_000)


async def test_connections_are_used_again() -> None:
    """Small files by several at once, each behind a redirect whose body comes late: no more connections than in use."""
    peers: set[object] = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        if request.path == "/item":
            moved = web.StreamResponse(status=302, headers={"Location": "/bytes", "Content-Length": "5"})
            await moved.prepare(request)
            await asyncio.sleep(0.01)
            await moved.write(b"moved")
            return moved
        return web.Response(body=b"x" * 4096)

    async def some(http: AccountHttp, url: str) -> None:
        for _ in range(20):
            async with http.download(url + "/item") as response:
                assert len(b"".join([piece async for piece in pieces(response, 4096)])) == 4096
            assert (await http.call("GET", url + "/more")).ok

    async with reaching(handler) as (outbound, url):
        http = AccountHttp(outbound, _Token(), lambda *_: DriveError(), Pace(rate=10_000, burst=10_000))
        await asyncio.gather(*(some(http, url) for _ in range(8)))
    assert len(peers) <= 8


async def test_bulk_streams_are_counted_and_small_calls_do_not_wait_for_them() -> None:
    opened, go_on = [], asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path != "/bulk":
            return web.Response(text="ok")
        opened.append(request.method)
        response = web.StreamResponse(headers={"Content-Length": "1"})
        await response.prepare(request)
        await request.read()
        await go_on.wait()
        await response.write(b"x")
        return response

    async def one(http: AccountHttp, url: str, data: bytes | None) -> None:
        method = "GET" if data is None else "PUT"
        async with http.stream(method, url + "/bulk", data=data) as response:
            await response.read()

    async with reaching(handler, streams=2) as (outbound, url), asyncio.timeout(20):
        accounts = [AccountHttp(outbound, _Token(), lambda *_: DriveError()) for _ in range(8)]
        bodies = [None] * 4 + [b"x" * (PIECE + 1)] * 4
        tasks = [asyncio.create_task(one(*each)) for each in zip(accounts, [url] * 8, bodies, strict=True)]
        while len(opened) < 4:
            await asyncio.sleep(0.01)
        for http in accounts:
            assert (await http.call("GET", url + "/small")).ok
            async with http.stream("PUT", url + "/small", data=b"small") as response:
                assert response.status == 200
        assert sorted(opened) == ["GET", "GET", "PUT", "PUT"]
        go_on.set()
        await asyncio.gather(*tasks)
        assert len(opened) == 8


class _Token:
    async def token(self, *, fresh: bool = False) -> str:
        return "t"


class _Ready:
    """A body whose every piece is there already: reading it never waits."""

    def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        return source(*[b"x" * size] * 8)


async def test_a_body_that_is_there_already_lets_others_go_on() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    read = SimpleNamespace(content=_Ready())
    async for _ in pieces(cast("aiohttp.ClientResponse", read), 8 * PIECE):
        pass
    beside.cancel()
    assert turns >= 7
