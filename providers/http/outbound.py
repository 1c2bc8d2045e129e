"""The guarded connector: one per process, passed down to whoever must speak to another server.

It follows no redirect, sends no cookie, reads no proxy setting, and puts no address into an error. Retries, tokens and
vendors' meanings are not its business (`providers.http.account`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver

from providers.errors import Refused
from providers.http.body import ANSWER_SECONDS, PIECE, Reply, Upload, bounded, broken, identity, once
from providers.http.gate import Gate
from providers.http.guard import SUFFIXES, Allowed, Forbidden, GuardedResolver
from providers.http.pace import Lane
from providers.http.turns import Turns

SOCKET_BUFFER = 512 * 1024
"""What the kernel may hold for one connection in each direction, bytes; by default it takes up to 8 MiB."""

EXCHANGE = 120.0
"""How long a small exchange may take from its first byte to its last, seconds. Bulk has a floor speed instead."""

CALLS_PER_HOST = 256
"""Connections to one host beside those of the bulk streams, so that small calls never wait for them."""

KEPT_OPEN = 15.0
"""Seconds that an idle connection is kept: servers close theirs later, so that a request seldom meets the closing."""

USER_AGENT = "file-access-gateway"


class Outbound:
    """Requests to configured origins, and over https to the vendors' own host families (``suffixes``).

    ``roots``: addresses whose origins are allowed; only they may resolve to private or loopback addresses. ``cafile``:
    PEM trust anchors instead of the system's; without it ``SSL_CERT_FILE`` is honoured. ``streams``: bulk reads, and as
    many bulk writes, at the same time in this process. ``turns``: shared with whatever else is bulk here. Times in
    seconds.
    """

    def __init__(
        self,
        roots: Iterable[str],
        *,
        suffixes: Iterable[str] = SUFFIXES,
        cafile: str | None = None,
        connect_timeout: float = 10,
        write_timeout: float = 30,
        resolver: AbstractResolver | None = None,
        streams: int = 64,
        turns: Turns | None = None,
    ) -> None:
        self._allowed = Allowed.of(roots, suffixes)
        self._tls = ssl.create_default_context(cafile=cafile)
        self._connect_timeout = connect_timeout
        self._write_timeout = write_timeout
        self._resolver = resolver
        self._per_host = 2 * streams + CALLS_PER_HOST
        self._streams: dict[Lane, Gate] = {"read": Gate(streams), "write": Gate(streams)}
        self._turns = turns or Turns()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the connection pool in the running loop. Done by the first request where it was not called."""
        self._open()

    async def close(self) -> None:
        """Closes every connection. The next request opens a new pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def place(self, lane: Lane) -> AbstractAsyncContextManager[None]:
        """A bulk stream's place among all of this process; a small call needs none. Busy where it takes too long.

        Reads and writes are counted apart because a copy holds one of each.
        """
        gate = self._streams.get(lane)
        return nullcontext() if gate is None else gate.place()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._per_host,
                keepalive_timeout=KEPT_OPEN,
                ttl_dns_cache=30,
                ssl=self._tls,
                resolver=GuardedResolver(self._allowed, self._resolver),
                socket_factory=bounded_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=256 * 1024,
                headers={"User-Agent": USER_AGENT},
            )
            # aiohttp would send an idempotent request again by itself when its connection is cut: a piece of an upload
            # would leave twice, and a lost answer would never be seen. It has no public switch.
            self._session._retry_connection = False  # noqa: SLF001
        return self._session

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | AsyncIterator[bytes] | None = None,
        length: int | None = None,
        read_timeout: float = 30,
        total: float | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One exchange, any status, body unread (`pieces` reads it). ``length`` is required with an iterator.

        ``total`` seconds for all of it, the body too; None for what is large.

        Refused where the address is not allowed, Offline where the server does not answer, Untrusted where bytes and
        promises differ; an error of the ``data`` iterator comes through as it is.
        """
        if data is not None and not isinstance(data, bytes) and length is None:
            raise ValueError("a body without a length")
        size = len(data) if isinstance(data, bytes) else length
        body: Upload | bytes | None = None
        if isinstance(data, bytes) and len(data) <= PIECE:
            body = data or None  # the kernel takes it whole: nothing is to be counted, and no write can hang
        elif data is not None and size:
            body = Upload(once(data) if isinstance(data, bytes) else data, size, self._write_timeout, self._turns)
        elif data is None:
            size = None
        limits = aiohttp.ClientTimeout(total=total, sock_connect=self._connect_timeout, sock_read=read_timeout)
        return self._exchange(method, url, identity(headers), body, size, limits)

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: Upload | bytes | None,
        size: int | None,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        target = self._allowed.check(url)
        if size is not None:
            headers["Content-Length"] = str(size)
        counted = body if isinstance(body, Upload) else None
        try:
            async with asyncio.timeout(None if counted else ANSWER_SECONDS) as clock:
                response = await self._open().request(
                    method,
                    target,
                    headers=headers,
                    data=counted.under(clock) if counted else body,
                    allow_redirects=False,
                    timeout=limits,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _cause(error, counted) from None
        try:
            yield response
        except aiohttp.ClientError as error:
            raise broken(error) from None
        finally:
            response.release()

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        limit: int = 4 * 1024 * 1024,
        read_timeout: float = 30,
        total: float = EXCHANGE,
    ) -> Reply:
        """One exchange with a small answer, any status. Untrusted where the body exceeds ``limit`` bytes."""
        async with self.request(
            method, url, headers=headers, data=data, read_timeout=read_timeout, total=total
        ) as response:
            return Reply(response.status, response.headers.copy(), await bounded(response, limit))


def _cause(error: BaseException, body: Upload | None) -> BaseException:
    """The first cause: the source's own error, the guard's refusal, or the network's."""
    if body is not None and isinstance(body.error, Exception):
        return body.error
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Forbidden):
            return Refused("this address is not allowed", reason="address")
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, aiohttp.InvalidURL):
        return Refused("this address is not allowed", reason="address")
    return broken(error)


def bounded_socket(address: AddrInfoType) -> socket.socket:
    """A TCP socket with bounded kernel buffers, for the address the resolver gave."""
    family, kind, proto, _, _ = address
    sock = socket.socket(family=family, type=kind, proto=proto)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    return sock
