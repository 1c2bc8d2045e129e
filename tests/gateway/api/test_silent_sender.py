"""A sender that vanishes without a word: what had arrived is kept, and soon somebody may go on."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from gateway.api import routes_uploads
from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, patch, person, tus


async def test_silence_ends_a_request_and_keeps_its_bytes(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a phone that lost its network: no end of the connection is ever seen."""
    monkeypatch.setattr(routes_uploads, "SILENCE", 0.3)
    async with person(live, STUDENT) as client:
        begun = await client.ask("POST", "/v1/uploads", headers=tus(100, "Essay.txt"))
        where = urlsplit(begun.headers["Location"]).path
        cookie = "; ".join(f"{one.key}={one.value}" for one in client.jar)
        told = {**patch(0), "Host": "here", "Origin": live.url, "Cookie": cookie, "Content-Length": "100"}
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(live.url).port)
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"PATCH {where} HTTP/1.1\r\n{head}\r\n".encode() + b"x" * 40)
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        assert (await client.ask("HEAD", where)).headers["Upload-Offset"] == "40"
        assert (await client.ask("PATCH", where, data=b"x" * 60, headers=patch(40))).status == 204
