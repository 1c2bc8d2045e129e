"""Providers that lie: a Google and a Graph with one folder and one file, honest until a test says otherwise.

A lie is put in the place of one kind of answer: 'item' (metadata), 'list' (a folder's page), 'bytes' (the download),
'made' (the answer to an upload), or of 'every' answer. The same test so meets both vendors.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver

from providers import hashes
from providers.drive import Drive, Ref
from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound, Pace, Patience
from providers.onedrive import OneDrive
from tests.conformance.base import content
from tests.providers.webserver import serving

DATA = content(600_011, seed=21)
FILE, FOLDER = Ref("", "thefile"), Ref("", "thefolder")
TIME = "2026-01-02T03:04:05Z"
VENDORS = ("google", "onedrive")

Lie = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fixed:
    """The one token of a server that takes any."""

    async def token(self, *, fresh: bool = False) -> str:
        return "fresh" if fresh else "token"


@dataclass
class Liar:
    """A vendor's server. ``lies`` by kind of answer; ``asked`` the kinds of all requests, ``tokens`` what they bore."""

    vendor: str
    drive: Drive = field(init=False)
    url: str = field(init=False)
    lies: dict[str, Lie] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        kind = self._kind(request)
        self.asked.append(kind)
        honest = {"item": self._item, "list": self._list, "bytes": self._bytes, "made": self._made}
        honest |= {"ids": self._ids, "session": self._session, "address": self._address}
        return await self.lies.get("every", self.lies.get(kind, honest[kind]))(request)

    def _kind(self, request: web.Request) -> str:
        path, query = request.path, request.query
        if request.method == "PUT" or query.get("uploadType") == "multipart":
            return "made"
        if request.method == "POST":
            return "session"
        if query.get("alt") == "media" or path == "/bytes":
            return "bytes"
        if path.endswith("/content"):
            return "address"
        if path.endswith("/generateIds"):
            return "ids"
        return "list" if path.endswith(("/children", "/v3/files")) else "item"

    def item(self, **changes: Any) -> dict[str, Any]:
        """The file's metadata as this vendor writes it."""
        xor = hashes.new("quickxor")
        xor.update(DATA)
        if self.vendor == "google":
            known: dict[str, Any] = {"id": FILE.id, "name": "film.bin", "mimeType": "video/mp4"}
            known |= {"size": str(len(DATA)), "parents": [FOLDER.id], "modifiedTime": TIME, "headRevisionId": "r1"}
            return {**known, "sha256Checksum": hashlib.sha256(DATA).hexdigest(), **changes}
        facet = {"mimeType": "video/mp4", "hashes": {"quickXorHash": base64.b64encode(xor.digest()).decode()}}
        graph = {"id": FILE.id, "name": "film.bin", "size": len(DATA), "cTag": "c1", "file": facet}
        return {**graph, "lastModifiedDateTime": TIME, "parentReference": {"id": FOLDER.id}, **changes}

    def page(self, following: object = None) -> dict[str, Any]:
        """A page of the folder. ``following``: what continues it, a token or (OneDrive) a link."""
        rows, more = ("files", "nextPageToken") if self.vendor == "google" else ("value", "@odata.nextLink")
        return {rows: [self.item()], **({} if following is None else {more: following})}

    def following(self, number: int) -> str:
        """An honest looking continuation."""
        if self.vendor == "google":
            return f"page-{number}"
        return f"{self.url}/v1.0/me/drive/items/{FOLDER.id}/children?$skiptoken={number}"

    async def _item(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.item())

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.page())

    async def _made(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.json_response(self.item(), status=201)

    async def _ids(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ids": ["new1", "new2"]})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"uploadUrl": f"{self.url}/up"}, headers={"Location": f"{self.url}/up"})

    async def _address(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/bytes"})

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        part = request.http_range
        if part.start is None:
            return web.Response(body=DATA, content_type="video/mp4")
        told = f"bytes {part.start}-{part.stop - 1}/{len(DATA)}"
        return web.Response(status=206, body=DATA[part], headers={"Content-Range": told})


@asynccontextmanager
async def lying(vendor: str, *, resolver: AbstractResolver | None = None) -> AsyncGenerator[Liar]:
    """The server, and the drive that believes it to be its vendor."""
    liar = Liar(vendor)
    async with serving(liar.answer) as url:
        outbound = Outbound([url], resolver=resolver)
        pace, patience = Pace(rate=100_000, burst=1000), Patience(tries=2, first=0.001, budget=1)
        liar.url = url
        liar.drive = (
            GoogleDrive(GoogleApi(url), outbound, Fixed(), pace=pace, patience=patience)
            if vendor == "google"
            else OneDrive(outbound, Fixed(), graph_root=f"{url}/v1.0", pace=pace, patience=patience)
        )
        try:
            yield liar
        finally:
            await outbound.close()


def says(
    body: bytes, *, status: int = 200, media_type: str = "application/json", length: int | None = None, **headers: str
) -> Lie:
    """An answer of these bytes; ``length`` is what it pretends to be, under which the connection then closes."""

    async def lie(request: web.Request) -> web.StreamResponse:
        known = {name.replace("_", "-"): value for name, value in headers.items()}
        response = web.StreamResponse(status=status, headers={"Content-Type": media_type, **known})
        response.content_length = len(body) if length is None else length
        await request.read()
        await response.prepare(request)
        await response.write(body[: response.content_length])
        if request.transport is not None and response.content_length > len(body):
            request.transport.close()
        return response

    return lie


def endless(piece: bytes, sent: list[int], *, start: bytes = b"", status: int = 200) -> Lie:
    """An answer that never ends; ``sent`` counts the bytes that were taken."""

    async def lie(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(start)
        while True:
            await response.write(piece)
            sent.append(len(piece))

    return lie
