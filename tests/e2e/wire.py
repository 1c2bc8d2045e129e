"""A relay between the gateway and a stand-in: it counts what is sent, and strikes at a chosen point of a request.

It reads no more than the head of each request, so that a test knows which bytes of which upload went over the wire,
and whether their answer came back. It knows nothing of drives and of the gateway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

_RANGE: Final = re.compile(rb"bytes (\d+)-(\d+)/(\d+)")
_PIECE: Final = 128 * 1024
_LARGE: Final = 1024 * 1024


class Where(Enum):
    """In the life of a request: it does not arrive, half of it arrives, its answer is lost."""

    BEFORE = "before"
    AMID = "amid"
    AFTER = "after"


@dataclass(eq=False)
class Sent:
    """One request. ``key`` is its address; ``start`` and ``total`` are those of Content-Range; bytes."""

    method: str
    key: str
    length: int
    start: int = 0
    total: int | None = None
    received: int = 0
    answered: bool = False
    status: int = 0
    victim: bool = False


@dataclass(eq=False)
class Strike:
    """``act`` is called when the request is reached: the ``after``-th from now, or a large one that comes before."""

    after: int
    where: Where
    part: float
    large: bool
    act: Callable[[], None]
    struck: asyncio.Event = field(default_factory=asyncio.Event)


class Cut(Exception):
    """This connection ends here."""


class Wire:
    """The relays of one test. ``sent`` is everything since the last `forget`, in order."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.idle: float | None = None
        """Seconds after which a body that stands still is given up, as servers do."""
        self.wrong: list[Exception] = []
        """What the relays themselves did not understand: nothing they counted is worth anything then."""
        self._strike: Strike | None = None

    def arm(self, strike: Strike) -> Strike:
        """The next strike."""
        self._strike = strike
        return strike

    def disarm(self) -> None:
        """No strike any more."""
        self._strike = None

    def met(self, sent: Sent) -> None:
        """A request has begun."""
        self.sent.append(sent)
        strike = self._strike
        if strike is None:
            return
        strike.after -= 1
        sent.victim = strike.after < 0 or (strike.large and sent.length >= _LARGE)

    def reached(self, sent: Sent, where: Where) -> None:
        """A request is at this point of its life. Cut where it is struck."""
        strike = self._strike
        if strike is None or not sent.victim or where is not strike.where:
            return
        if where is Where.AMID and sent.received < int(sent.length * strike.part):
            return
        self._strike = None
        strike.act()
        strike.struck.set()
        raise Cut

    @asynccontextmanager
    async def relay(self) -> AsyncGenerator[Relay]:
        """A relay that listens; tell it where to."""
        made = Relay(self)
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=_PIECE)
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield made
        finally:
            server.close()
            made.close()


class Relay:
    """One address that stands for another."""

    def __init__(self, wire: Wire) -> None:
        self.url = ""
        self.to = ""
        """The origin behind it: 'http://host:port'."""
        self._wire = wire
        self._open: set[asyncio.StreamWriter] = set()

    def close(self) -> None:
        """End every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._open.add(writer)
        with suppress(OSError):
            there = urlsplit(self.to)
            reader_up, writer_up = await asyncio.open_connection(there.hostname, there.port, limit=_PIECE)
            self._open.add(writer_up)
            try:
                await self._between(_Connection(self._wire, reader, writer, reader_up, writer_up))
            finally:
                writer_up.close()
                self._open.discard(writer_up)
        writer.close()
        self._open.discard(writer)

    async def _between(self, connection: _Connection) -> None:
        ways = [asyncio.create_task(connection.up()), asyncio.create_task(connection.down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for ended in await asyncio.gather(*ways, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, (OSError, EOFError, Cut, TimeoutError)):
                    self._wire.wrong.append(ended)


@dataclass(eq=False)
class _Connection:
    wire: Wire
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    reader_up: asyncio.StreamReader
    writer_up: asyncio.StreamWriter
    now: Sent | None = None

    async def up(self) -> None:
        """Requests, one after the other."""
        while True:
            head = await self.reader.readuntil(b"\r\n\r\n")
            self.now = sent = _parsed(head)
            self.wire.met(sent)
            self.wire.reached(sent, Where.BEFORE)
            self.writer_up.write(head)
            while sent.received < sent.length:
                async with asyncio.timeout(self.wire.idle):
                    piece = await self.reader.read(min(sent.length - sent.received, _PIECE))
                if not piece:
                    raise EOFError
                self.writer_up.write(piece)
                await self.writer_up.drain()
                sent.received += len(piece)
                self.wire.reached(sent, Where.AMID)
            await self.writer_up.drain()
            self.wire.reached(sent, Where.AMID)

    async def down(self) -> None:
        """Answers, as they come."""
        while piece := await self.reader_up.read(_PIECE):
            if self.now is not None:
                self.wire.reached(self.now, Where.AFTER)
                if not self.now.answered:
                    self.now.answered, self.now.status = True, int(piece[9:12])
            self.writer.write(piece)
            await self.writer.drain()


def _parsed(head: bytes) -> Sent:
    """The request of a head. A body that does not tell its length is not ours to count: AssertionError."""
    first, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    assert b"transfer-encoding" not in headers, "a body without a length"
    method, key = first.decode().split()[:2]
    sent = Sent(method, key, int(headers.get(b"content-length", 0)))
    if found := _RANGE.fullmatch(headers.get(b"content-range", b"")):
        sent.start, sent.total = int(found[1]), int(found[3])
    return sent
