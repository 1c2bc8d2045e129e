"""One exchange: addresses byte for byte, bodies counted and timed, no redirect followed, no address in an error."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from providers.errors import DriveError, Offline, Untrusted
from providers.http import PIECE, Outbound, bounded, pieces
from providers.http.outbound import SOCKET_BUFFER, bounded_socket
from tests.providers.webserver import reaching


async def echo(request: web.Request) -> web.Response:
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
    return web.json_response(
        {"size": size, "path": request.raw_path, "headers": {k.lower(): v for k, v in request.headers.items()}}
    )


async def source(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_the_address_is_sent_byte_for_byte() -> None:
    async with reaching(echo) as (outbound, url):
        path = "/a%2Fb/%E2%82%AC;x=1?q=%27a%20b%27+c&sig=a%2Bb%3D%3D&empty="
        reply = await outbound.fetch("GET", url + path)
        assert f'"path": "{path}"' in reply.body.decode()


async def test_compression_is_declined_and_nothing_else_is_told() -> None:
    async with reaching(echo) as (outbound, url):
        reply = await outbound.fetch("GET", url, headers={"accept-encoding": "gzip", "X-One": "1"})
        body = reply.body.decode()
        assert '"accept-encoding": "identity"' in body
        assert '"x-one": "1"' in body
        assert "gzip" not in body
        assert "cookie" not in body


async def test_bodies_have_a_length_and_are_not_chunked() -> None:
    async with reaching(echo) as (outbound, url):
        for data, length in ((source(b"x" * 700_000, b"", b"y" * 3), 700_003), (source(), 0)):
            async with outbound.request("PUT", url, data=data, length=length) as response:
                body = (await bounded(response, 10_000)).decode()
            assert f'"size": {length}' in body
            assert f'"content-length": "{length}"' in body
            assert "transfer-encoding" not in body


async def test_an_iterator_without_a_length_is_a_mistake() -> None:
    async with reaching(echo) as (outbound, url):
        with pytest.raises(ValueError):
            outbound.request("PUT", url, data=source(b"x"))


@pytest.mark.parametrize("length", [4, 6])
async def test_a_source_that_breaks_its_promise_does_not_complete(length: int) -> None:
    whole: list[int] = []

    async def count(request: web.Request) -> web.Response:
        whole.append(len(await request.read()))
        return web.Response()

    async with reaching(count) as (outbound, url):
        with pytest.raises(Untrusted) as untrusted:
            async with outbound.request("PUT", url, data=source(b"12345"), length=length):
                pass
        assert untrusted.value.reason == "length"
        await asyncio.sleep(0.05)
        assert whole == []


async def test_the_sources_own_error_comes_through() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise LookupError("of the source")

    async with reaching(echo) as (outbound, url):
        with pytest.raises(LookupError, match="of the source"):
            async with outbound.request("PUT", url, data=failing(), length=10):
                pass


async def test_a_server_that_stops_reading_is_left() -> None:
    async def stuck(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * PIECE

    async with reaching(stuck, write_timeout=0.2) as (outbound, url):
        async with asyncio.timeout(5):
            with pytest.raises(Offline):
                async with outbound.request("PUT", url, data=endless(), length=1 << 40):
                    pass


async def test_a_slow_source_is_not_a_slow_server() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.15)
            yield b"x"

    async with (
        reaching(echo, write_timeout=0.1) as (outbound, url),
        outbound.request("PUT", url, data=slow(), length=4, read_timeout=0.3) as response,
    ):
        assert b'"size": 4' in await bounded(response, 10_000)


async def test_an_early_refusal_is_seen_before_the_body_is_through() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=403, text="no")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * PIECE

    async with reaching(refuse, write_timeout=1) as (outbound, url):
        async with asyncio.timeout(5):
            async with outbound.request("PUT", url, data=endless(), length=1 << 40) as response:
                assert response.status == 403
        assert (await outbound.fetch("GET", url)).status == 403


async def test_redirects_are_not_followed() -> None:
    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})

    async with reaching(redirect) as (outbound, url):
        assert (await outbound.fetch("GET", url)).status == 302


async def test_silence_is_offline() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        if request.path == "/late":
            response = web.StreamResponse(headers={"Content-Length": "10"})
            await response.prepare(request)
            await response.write(b"12345")
        await asyncio.sleep(30)
        return web.Response()

    async with reaching(silent) as (outbound, url):
        with pytest.raises(Offline):
            await outbound.fetch("GET", url, read_timeout=0.1)
        with pytest.raises(Offline):
            await outbound.fetch("GET", url + "/late", read_timeout=0.1)


async def test_a_closed_port_is_offline_and_its_address_is_not_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        outbound = Outbound([url])
        with pytest.raises(Offline) as offline:
            await outbound.fetch("GET", url + "/secret?token=1")
        await outbound.close()
    error: BaseException = offline.value
    assert "127.0.0.1" not in repr(error)
    assert error.__suppress_context__
    assert error.__cause__ is None


async def test_an_answer_that_breaks_off_is_not_trusted() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 500)
        assert request.transport is not None
        request.transport.close()
        return response

    async with reaching(cut) as (outbound, url):
        with pytest.raises(Untrusted):
            await outbound.fetch("GET", url)
        async with outbound.request("GET", url) as response:
            with pytest.raises(Untrusted):
                await bounded(response, 1000)


@pytest.mark.parametrize("expected", [9, 11])
async def test_pieces_are_counted(expected: int) -> None:
    async def ten(request: web.Request) -> web.Response:
        return web.Response(body=b"0123456789")

    async with reaching(ten) as (outbound, url), outbound.request("GET", url) as response:
        with pytest.raises(Untrusted):
            async for _ in pieces(response, expected):
                pass


async def test_pieces_are_small() -> None:
    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 3_000_000)

    async with reaching(large) as (outbound, url), outbound.request("GET", url) as response:
        sizes = [len(piece) async for piece in pieces(response, 3_000_000)]
    assert sum(sizes) == 3_000_000
    assert max(sizes) <= PIECE


async def test_small_answers_are_bounded_and_errors_are_cut() -> None:
    async def large(request: web.Request) -> web.Response:
        return web.Response(status=500 if request.path == "/error" else 200, body=b"x" * 3_000_000)

    async with reaching(large) as (outbound, url):
        with pytest.raises(Untrusted):
            await outbound.fetch("GET", url, limit=1_000_000)
        assert len((await outbound.fetch("GET", url, limit=3_000_000)).body) == 3_000_000
        reply = await outbound.fetch("GET", url + "/error")
        assert (reply.status, len(reply.body)) == (500, 64 * 1024)


async def test_it_opens_again_after_it_was_closed() -> None:
    async with reaching(echo) as (outbound, url):
        await outbound.start()
        await outbound.close()
        assert (await outbound.fetch("GET", url)).ok


def test_sockets_hold_little() -> None:
    with bounded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))) as made:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            assert made.getsockopt(socket.SOL_SOCKET, option) <= 2 * SOCKET_BUFFER  # the kernel doubles it


async def test_only_trusted_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    anchors = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(anchors)
    runner = web.ServerRunner(web.Server(lambda _: _answer()))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"

    async def status(outbound: Outbound) -> int | str | None:
        try:
            return (await outbound.fetch("GET", url)).status
        except DriveError as error:
            return error.reason
        finally:
            await outbound.close()

    assert await status(Outbound([url])) == "tls"
    assert await status(Outbound([url], cafile=str(anchors))) == 200
    monkeypatch.setenv("SSL_CERT_FILE", str(anchors))
    assert await status(Outbound([url])) == 200
    await runner.cleanup()


async def _answer() -> web.Response:
    return web.Response(text="ok")
