"""Streams, live: what a sign-in began to read or to follow ends soon after the sign-in does."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.api import presence
from gateway.jobs.model import JobView
from gateway.jobs.service import Jobs
from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, Person, person

SIZE = 24 << 20
"""More than all the buffers between two sockets of this machine hold."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at with every piece, so that a test waits for nothing."""
    monkeypatch.setattr(presence, "EVERY", 0.05)


@pytest.fixture
async def leaving(live: Live) -> AsyncIterator[Person]:
    """Leo Park in a session of his own, which may be ended."""
    async with person(live) as client:
        await client.sign_in(STUDENT)
        yield client


async def sign_out(who: Person) -> None:
    assert (await who.ask("POST", "/signout")).status == 303


async def revoke(who: Person) -> None:
    for one in (await who.get("/v1/tokens"))["items"]:
        assert (await who.ask("DELETE", f"/v1/tokens/{one['id']}")).status == 204


@pytest.mark.parametrize("client", ["page", "extension"])
async def test_bytes_end_with_the_sign_in(live: Live, leaving: Person, client: str) -> None:
    """The connection breaks, so that nobody takes what has arrived for the whole file."""
    item = await leaving.upload(f"{secrets.token_hex(6)}.bin", bytes(SIZE))
    path = f"{live.url}/v1/drives/native/items/{item}/content"
    token = (await leaving.extension())["access_token"] if client == "extension" else None
    async with person(live, token=token) as app:
        reader = app if token else leaving
        async with asyncio.timeout(20), reader.http.get(path) as response:
            assert response.status == 200
            await response.content.readexactly(1000)
            await (revoke if token else sign_out)(leaving)
            await asyncio.sleep(0.2)
            with pytest.raises(aiohttp.ClientError):
                await response.read()


@pytest.mark.parametrize("client", ["page", "extension"])
async def test_events_end_with_the_sign_in(
    live: Live, leaving: Person, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that goes on and on is not told to who has left."""
    await leaving.upload(f"{secrets.token_hex(6)}.txt", b"x")
    job = (await leaving.get("/v1/jobs?limit=1"))["items"][0]["id"]
    token = (await leaving.extension())["access_token"] if client == "extension" else None

    async def endless(
        jobs: Jobs, tenant: str, owner: str, one: str, _after: str | None = None
    ) -> AsyncIterator[JobView]:
        view = await jobs.get(tenant, owner, one)
        assert view is not None
        yield view
        await asyncio.Event().wait()

    monkeypatch.setattr(Jobs, "watch", endless)
    async with person(live, token=token) as app:
        reader = app if token else leaving
        async with asyncio.timeout(20), reader.http.get(f"{live.url}/v1/jobs/{job}/events") as response:
            assert response.status == 200
            assert (await response.content.readline()).startswith(b"event: progress")
            await (revoke if token else sign_out)(leaving)
            assert b"event: end" not in await response.read()
