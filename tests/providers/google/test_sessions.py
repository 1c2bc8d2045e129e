"""The address of an upload session is a key by itself: the account's token has no business there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from providers.drive import NewFile, Ref
from providers.google.traits import SIMPLE_LIMIT
from tests.providers.google.stand_in import google_at, resource

SIZE = SIMPLE_LIMIT + 1


async def zeros() -> AsyncIterator[bytes]:
    left = SIZE
    while left:
        piece = bytes(min(left, 65536))
        left -= len(piece)
        yield piece


async def test_the_upload_address_never_gets_the_token() -> None:
    asked: list[tuple[str, str, bool]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.path, "Authorization" in request.headers))
        data = await request.read()
        if request.path.endswith("/generateIds"):
            return web.json_response({"ids": ["1New"]})
        if request.path != "/session":
            if "uploadType" in request.query:
                return web.Response(headers={"Location": f"{request.url.origin()}/session"})
            return web.json_response({"files": []})
        if request.method == "DELETE":
            return web.Response(status=499)
        return web.json_response(resource("New", size=str(SIZE))) if data else web.Response(status=308)

    async with google_at(answer) as drive:
        new = NewFile(Ref("", "1Folder"), "New.txt", "text/plain", SIZE, datetime(2026, 1, 2, tzinfo=UTC))
        session = await drive.begin(new)
        assert (await drive.progress(session)).offset == 0
        assert (await drive.send(session, 0, zeros(), SIZE, last=True)).done is not None
        await drive.abort(session)
    there = [(method, authorised) for method, path, authorised in asked if path == "/session"]
    assert there == [("PUT", False), ("PUT", False), ("DELETE", False)]
    assert all(authorised for _, path, authorised in asked if path != "/session")
