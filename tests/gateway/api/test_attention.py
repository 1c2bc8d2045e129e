"""Bulk work gives way to a request until its answer begins, however the request ends."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.api import middleware
from providers.http import Turns


class Watched(Turns):
    """Tells how many are being answered."""

    @property
    def waiting(self) -> int:
        return self._attended


@pytest.fixture
def turns() -> Watched:
    return Watched()


async def asked(turns: Watched, handler: object) -> TestClient[web.Request, web.Application]:
    app = web.Application(middlewares=[middleware.attentive(turns)])
    app.on_response_prepare.append(middleware.answered)
    app.router.add_get("/", handler)  # type: ignore[arg-type]  # each test's handler is one
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_a_request_is_waited_for_until_it_is_answered(turns: Watched) -> None:
    seen = []

    async def handler(_request: web.Request) -> web.Response:
        seen.append(turns.waiting)
        return web.Response()

    client = await asked(turns, handler)
    await (await client.get("/")).read()
    await client.close()
    assert (seen, turns.waiting) == ([1], 0)


async def test_a_request_that_fails_is_waited_for_no_longer(turns: Watched) -> None:
    async def handler(_request: web.Request) -> web.Response:
        raise RuntimeError

    client = await asked(turns, handler)
    assert (await client.get("/")).status == 500
    await client.close()
    assert turns.waiting == 0


async def test_a_long_answer_is_bulk_work_itself(turns: Watched) -> None:
    seen, go_on = list[int](), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        seen.append(turns.waiting)
        await go_on.wait()
        return response

    client = await asked(turns, handler)
    async with client.get("/"):
        assert seen == [0]
        go_on.set()
    await client.close()
    assert turns.waiting == 0
