"""The one way between every client and the stand-ins: a CONNECT proxy and plain ports, with latency on request.

A process of its own, so that its cost is nobody's: ``python -m benchmarks.relay PLAN``. It pumps bytes
and looks at nothing. A latency holds each piece that comes from a server back for so many milliseconds, without
narrowing the stream; a number on standard input sets it anew. It prints its ports as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import deque
from dataclasses import dataclass
from typing import cast

import uvloop

HIGH = 4 * 1024 * 1024


@dataclass
class Latency:
    """Seconds that an answer is held back, the same for all tunnels."""

    seconds: float = 0.0


NONE = Latency()


class End(asyncio.Protocol):
    """One end of a tunnel; what it receives goes to ``other``, after the ``latency`` of that moment."""

    def __init__(self, other: End | None = None, latency: Latency = NONE) -> None:
        self.other, self.latency = other, latency
        self.transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[float, bytes | None]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH)

    def data_received(self, data: bytes) -> None:
        if self.latency.seconds or self._waiting:
            self._hold(data)
        else:
            self._pass(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self._waiting:
            self._hold(None)
        elif self.other and self.other.transport:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def _pass(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def _hold(self, data: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + self.latency.seconds, data))
        if len(self._waiting) == 1:
            loop.call_later(self.latency.seconds, self._release)

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time() + 0.0005:
            _, data = self._waiting.popleft()
            if data is not None:
                self._pass(data)
            elif self.other and self.other.transport:
                self.other.transport.close()
        if self._waiting:
            loop.call_later(self._waiting[0][0] - loop.time(), self._release)


class Door(End):
    """A client's end. ``target`` is the port behind it; None: the client says CONNECT first."""

    def __init__(self, hosts: dict[str, int], target: int | None, behind: Latency) -> None:
        super().__init__()
        self._hosts, self._target, self._behind = hosts, target, behind
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._target is not None:
            asyncio.ensure_future(self._open(self._target, b""))  # noqa: RUF006 - the connection holds it

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self._pass(data)
            return
        self._early += data
        if self._target is None and b"\r\n\r\n" in self._early:
            head, _, self._early = self._early.partition(b"\r\n\r\n")
            verb, host, *_ = head.decode("latin-1").split(" ", 2)
            self._target = self._hosts.get(host.partition(":")[0])
            if verb != "CONNECT" or self._target is None:
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                self.transport.close()
                return
            asyncio.ensure_future(self._open(self._target, b"HTTP/1.1 200 OK\r\n\r\n"))  # noqa: RUF006

    async def _open(self, port: int, hello: bytes) -> None:
        loop = asyncio.get_running_loop()
        beyond = End(self, self._behind)
        await loop.create_connection(lambda: beyond, "127.0.0.1", port)
        assert self.transport is not None
        if hello:
            self.transport.write(hello)
        self.other = beyond
        if self._early:
            self._pass(self._early)
            self._early = b""


async def serve(hosts: dict[str, int], forwards: dict[str, int]) -> None:
    """Listen until killed."""
    loop, latency = asyncio.get_running_loop(), Latency()

    async def door(target: int | None) -> int:
        server = await loop.create_server(lambda: Door(hosts, target, latency), "127.0.0.1", 0, backlog=512)
        return int(server.sockets[0].getsockname()[1])

    ports = {"proxy": await door(None)} | {name: await door(port) for name, port in forwards.items()}
    print("ready " + json.dumps(ports), flush=True)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        latency.seconds = float(line) / 1000


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", help='JSON: {"hosts": {name: port}, "forwards": {name: port}}')
    plan = json.loads(parser.parse_args().plan)
    uvloop.run(serve(plan["hosts"], plan["forwards"]))


if __name__ == "__main__":
    main()
