"""An answer that breaks in its middle ends the connection: nothing of ours is ever written into somebody's file."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from cache.errors import Shredded
from gateway.api import middleware
from gateway.identity.errors import NoSuchAccount
from providers.errors import Offline

TOLD = 1000


@pytest.mark.parametrize("error", [NoSuchAccount("gone"), Shredded("gone"), Offline("gone"), KeyError("a bug")])
@pytest.mark.parametrize("length", [TOLD, None])
async def test_no_problem_is_written_into_a_body(error: Exception, length: int | None) -> None:
    """The bytes so far, then the end: with a length or in chunks, whatever was raised."""

    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = length
        await response.prepare(request)
        await response.write(b"x" * 10)
        raise error

    sent = await raw(breaks)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1" not in body
    assert b"problem" not in body
    assert body in (b"", b"x" * 10, b"a\r\n" + b"x" * 10 + b"\r\n")


async def test_before_its_beginning_an_error_is_a_problem() -> None:
    """As ever."""

    async def breaks(_request: web.Request) -> web.StreamResponse:
        raise Offline("gone")

    sent = await raw(breaks)
    assert sent.startswith(b"HTTP/1.1 504")
    assert b"urn:file-access:problem:" in sent


async def test_a_malformed_body_is_the_senders_mistake() -> None:
    """400, not 500."""

    async def reads(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.content.read())

    packed = b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"this is not any gzip"
    assert (await raw(reads, packed)).startswith(b"HTTP/1.1 400")


async def raw(handler: object, body: bytes = b"Content-Length: 0\r\n\r\n") -> bytes:
    """All bytes that a request is answered with until the connection ends; it is asked to end after the answer."""
    app = web.Application(middlewares=[middleware.problems])
    app.on_response_prepare.append(middleware.security_headers)
    app.router.add_post("/", handler)  # type: ignore[arg-type]  # a handler
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" + body)
        sent = b""
        async with asyncio.timeout(5):
            try:
                while piece := await reader.read(65536):
                    sent += piece
            except ConnectionResetError:
                pass
        writer.close()
        return sent
    finally:
        await runner.cleanup()
