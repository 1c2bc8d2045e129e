"""A CONNECT relay with a test CA: an unmodified client that speaks to a vendor's real host reaches a stand-in instead.

The client is given the relay as its HTTPS proxy and the CA as its only trust root. A tunnel to a mapped host ends at
the stand-in's own TLS port, whose certificate the CA signed for that name: what passes is exactly what the vendor
would see, Host header and all. A tunnel to any other host is refused and remembered: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme

GOOGLE = ("www.googleapis.com", "oauth2.googleapis.com", "accounts.google.com")
MICROSOFT = ("graph.microsoft.com", "login.microsoftonline.com", "public.dm.files.1drv.com")
_PIECE = 256 * 1024


class Authority:
    """The test CA and one server certificate for all the names it is given. Its PEM files lie in `folder`."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.ca_file, self._cert_file, self._key_file = (folder / f"{part}.pem" for part in ("ca", "server", "key"))
        authority = trustme.CA()
        leaf = authority.issue_cert(*names, "127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self.ca_file)
        leaf.private_key_pem.write_to_path(self._key_file)
        for position, pem in enumerate(leaf.cert_chain_pems):
            pem.write_to_path(self._cert_file, append=position > 0)

    @property
    def tls(self) -> tuple[Path, Path]:
        """What a server takes: certificate file and key file."""
        return self._cert_file, self._key_file

    def client(self) -> ssl.SSLContext:
        """What a client takes: trust in this CA and in nothing else."""
        return ssl.create_default_context(cafile=self.ca_file)


class Relay:
    """``async with Relay({host: the stand-in's https origin}) as relay``; clients use `relay.proxy`.

    ``refused`` lists the hosts that a client asked for in vain. A test ends with it empty.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._ports = {host: urlsplit(origin).port for host, origin in hosts.items()}
        self._tunnels: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0, limit=_PIECE)
        self.proxy = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tunnels:
            task.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs a connection's callback as a task"
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)
        try:
            await self._tunnel(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return  # a client that goes away ends its tunnel, nothing else
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
        host = target.partition(":")[0]
        if verb != "CONNECT" or host not in self._ports:
            self.refused.append(f"{verb} {host}")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        beyond = await asyncio.open_connection("127.0.0.1", self._ports[host], limit=_PIECE)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, beyond[1]), _pump(beyond[0], writer))
        finally:
            beyond[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one to the other; the end of the stream ends both."""
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
