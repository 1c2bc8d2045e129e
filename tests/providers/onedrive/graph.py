"""A Graph that answers with what a test wrote down, and keeps what it was asked: shapes and lies of the real one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from providers.http import Outbound, Pace, Patience
from providers.onedrive import OneDrive, PersonalOneDrive
from tests.providers.webserver import serving

Answer = Callable[[web.Request], web.StreamResponse]
OWN = "b!own"


class Fixed:
    """The one token of a server that takes any."""

    async def token(self, *, fresh: bool = False) -> str:
        return "fresh" if fresh else "token"


@dataclass
class Graph:
    """``answers`` by 'METHOD /path' below the version; what is not there is 404. ``asked``: all requests, in order."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""

    @property
    def paths(self) -> list[str]:
        """What was asked, as the answers are named."""
        return [_name(request) for request in self.asked]

    @property
    def root(self) -> str:
        """Graph's address with its version."""
        return f"{self.url}/v1.0"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        told = self.answers.get(_name(request))
        if callable(told):
            answered = told(request)
            assert isinstance(answered, web.StreamResponse)
            return answered
        if told is None:
            return refusal(404, "itemNotFound")
        return web.json_response(told)

    def own(self, kind: str = "business") -> None:
        """There is a drive of this kind."""
        self.answers["GET /me/drive"] = {"id": OWN, "driveType": kind}


def _name(request: web.Request) -> str:
    return f"{request.method} {unquote(request.rel_url.raw_path.removeprefix('/v1.0'))}"


def refusal(status: int, code: str, **headers: str) -> web.Response:
    """An error of Graph's."""
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": {"code": code, "message": "no"}}, status=status, headers=known)


def file(name: str = "a.txt", **changes: Any) -> dict[str, Any]:
    """A file's JSON; None takes a property away."""
    known: dict[str, Any] = {"id": f"01{name.partition('.')[0].upper()}", "name": name, "size": 3, "cTag": "c1"}
    known |= {"lastModifiedDateTime": "2026-01-02T03:04:05Z", "file": {"mimeType": "text/plain"}}
    known |= {"parentReference": {"driveId": OWN, "id": "01TOP", "driveType": "business"}}
    return {name: value for name, value in {**known, **changes}.items() if value is not None}


def folder(name: str, **changes: Any) -> dict[str, Any]:
    """A folder's."""
    return file(name, **{"file": None, "cTag": None, "folder": {"childCount": 0}, **changes})


def top(item: str = "01TOP", drive: str = OWN, kind: str = "business") -> dict[str, Any]:
    """A drive's top folder."""
    home: Mapping[str, str] = {"driveId": drive, "driveType": kind}
    return folder("root", id=item, root={}, parentReference=home)


@asynccontextmanager
async def graph(*, personal: bool = False, page_size: int = 200) -> AsyncGenerator[tuple[Graph, OneDrive]]:
    """The server, and a drive on it."""
    made = Graph()
    async with serving(made.answer) as made.url:
        outbound = Outbound([made.url])
        kind = PersonalOneDrive if personal else OneDrive
        pace, patience = Pace(rate=100_000, burst=1000), Patience(tries=2, first=0.001, budget=1)
        made.own("personal" if personal else "business")
        try:
            yield (
                made,
                kind(outbound, Fixed(), graph_root=made.root, pace=pace, patience=patience, page_size=page_size),
            )
        finally:
            await outbound.close()
