"""A CONNECT relay with a test CA: an unmodified client that speaks to a vendor's real host reaches a stand-in instead.

The client is given the relay as its HTTPS proxy and the CA as its only trust root. A tunnel to a mapped host ends in a
TLS server here, whose certificate the CA signed for that name; each request goes on to the stand-in with its Host
header kept, and each exchange is shown to the observers (the schema checkers). A tunnel to any other host is refused
and remembered: nothing ever leaves the machine.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import aiohttp
import trustme
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.contract.exchange import KEPT, Exchange, kept

GOOGLE = ("www.googleapis.com", "oauth2.googleapis.com", "accounts.google.com")
MICROSOFT = ("graph.microsoft.com", "login.microsoftonline.com", "public.dm.files.1drv.com")
_HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "te", "upgrade"}
_PIECE = 256 * 1024


class Authority:
    """The test CA and one server certificate for all names it is asked for. Files lie in `folder`."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.ca = trustme.CA()
        self.ca_file, self.cert_file, self.key_file = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        leaf = self.ca.issue_cert(*names)
        self.ca.cert_pem.write_to_path(self.ca_file)
        leaf.private_key_pem.write_to_path(self.key_file)
        for position, pem in enumerate(leaf.cert_chain_pems):
            pem.write_to_path(self.cert_file, append=position > 0)
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        leaf.configure_cert(self.server)
        self.client = ssl.create_default_context(cafile=self.ca_file)


class Relay:
    """Run it as ``async with Relay(authority, {host: origin of the stand-in}) as relay``; clients use `relay.proxy`."""

    def __init__(self, authority: Authority, hosts: Mapping[str, str]) -> None:
        self.authority, self.hosts = authority, {host: URL(origin) for host, origin in hosts.items()}
        self.observers: list[Callable[[Exchange], None]] = []
        self.refused: list[str] = []
        self._stack = AsyncExitStack()
        self._tunnels: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self.authority.client, limit=0)
        session = aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout())
        self._out = await self._stack.enter_async_context(session)
        runner = web.ServerRunner(web.Server(self._forward), handle_signals=False)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.authority.server).start()
        self._inner = runner.addresses[0][1]
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self._stack.push_async_callback(self._hang_up)
        self._stack.callback(server.close)
        self.proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _hang_up(self) -> None:
        for task in self._tunnels:
            task.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            verb, target = head.split(b" ", 2)[:2]
            host = target.decode().partition(":")[0]
            if verb != b"CONNECT" or host not in self.hosts:
                self.refused.append(f"{verb.decode()} {host}")
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            inner = await asyncio.open_connection("127.0.0.1", self._inner)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        origin = self.hosts[request.host.partition(":")[0]]
        url = URL(str(origin) + request.raw_path.lstrip("/"), encoded=True)
        record = _Record(request)
        body = record.asking(request.content.iter_chunked(_PIECE)) if request.can_read_body else None
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in _HOP)
        plain = {"Accept-Encoding", "User-Agent", "Accept", "Content-Type"}  # aiohttp adds none of its own
        async with self._out.request(
            request.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=plain
        ) as answer:
            kept_headers = CIMultiDict((n, v) for n, v in answer.headers.items() if n.lower() not in _HOP)
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept_headers)
            await response.prepare(request)
            async for piece in record.answering(answer):
                await response.write(piece)
            await response.write_eof()
        for observe in self.observers:
            observe(record.exchange(answer))
        return response


class _Record:
    """What of one exchange is kept while it streams through."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request, self._asked, self._answered = request, bytearray(), bytearray()

    async def asking(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        keep = kept(self._request.headers)
        async for piece in pieces:
            if keep and len(self._asked) < KEPT:
                self._asked += piece
            yield piece

    async def answering(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        keep = kept(answer.headers)
        async for piece in answer.content.iter_chunked(_PIECE):
            if keep:
                self._answered += piece
            yield piece

    def exchange(self, answer: aiohttp.ClientResponse) -> Exchange:
        request = self._request
        url = URL(f"https://{request.host}{request.raw_path}", encoded=True)
        asked, answered = bytes(self._asked), bytes(self._answered)
        return Exchange(request.method, url, request.headers, asked, answer.status, answer.headers, answered)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one to the other, then the end of the stream."""
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
