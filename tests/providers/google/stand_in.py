"""A Google of one handler, for answers that the stand-in server never gives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound, Pace, Patience
from tests.providers.webserver import Handler, serving

TIME = "2026-01-02T03:04:05.000Z"


class Fixed:
    """Tokens of a server that takes any; ``asked`` for a fresh one so often."""

    def __init__(self) -> None:
        self.renewed = 0

    async def token(self, *, fresh: bool = False) -> str:
        self.renewed += fresh
        return f"token-{self.renewed}"


@asynccontextmanager
async def google_at(handler: Handler, *, page_size: int = 1000, picked: bool = False) -> AsyncGenerator[GoogleDrive]:
    """The drive of an account at that handler."""
    async with serving(handler) as url:
        outbound = Outbound([url])
        try:
            yield GoogleDrive(
                GoogleApi(url),
                outbound,
                Fixed(),
                pace=Pace(rate=100_000, burst=1000),
                patience=Patience(tries=2, first=0.001, budget=1),
                page_size=page_size,
                picked=picked,
            )
        finally:
            await outbound.close()


def resource(number: int | str = 1, **changes: Any) -> dict[str, Any]:
    """A file resource of a small text."""
    known: dict[str, Any] = {"id": f"1Id{number}", "name": f"{number}.txt", "mimeType": "text/plain", "size": "5"}
    return {**known, "modifiedTime": TIME, "headRevisionId": "r1", "parents": ["1Folder"], **changes}


def refusal(status: int, reason: str) -> web.Response:
    """Google's envelope of an error."""
    body = {"error": {"code": status, "message": "no", "errors": [{"reason": reason, "message": "no"}]}}
    return web.json_response(body, status=status)
