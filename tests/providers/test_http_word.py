"""A connector that is told to: nothing leaves it but on a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from providers.http import Exempt, Outbound, Unrecorded, Word, on_word, spoken


@pytest.fixture
async def asked() -> AsyncIterator[tuple[str, list[str]]]:
    """A server's address, and the requests that reached it."""
    seen: list[str] = []

    async def noted(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", noted)
    async with TestServer(app) as server:
        yield str(server.make_url("/")), seen


async def test_nothing_leaves_without_a_word(asked: tuple[str, list[str]]) -> None:
    url, seen = asked
    outbound = Outbound([url], recorded=True)
    try:
        for method, data in (("GET", None), ("POST", b"bytes")):
            with pytest.raises(Unrecorded):
                await outbound.fetch(method, url + "no", data=data)
        assert seen == []
        for word in (Word("i"), Exempt.SIGN_IN):
            with on_word(word):
                assert (await outbound.fetch("GET", url + "yes")).body == b"ok"
                assert await asyncio.create_task(_fetched(outbound, url + "task")) == b"ok"
                told = await asyncio.to_thread(_from_a_thread, asyncio.get_running_loop(), outbound, url + "thread")
                assert told == b"ok", "as MSAL asks, in a thread of its own"
            assert spoken() is None
            with pytest.raises(Unrecorded):
                await outbound.fetch("GET", url + "no")
        assert seen == ["/yes", "/task", "/thread"] * 2
    finally:
        await outbound.close()


async def _fetched(outbound: Outbound, url: str) -> bytes:
    return (await outbound.fetch("GET", url)).body


def _from_a_thread(loop: asyncio.AbstractEventLoop, outbound: Outbound, url: str) -> bytes:
    return asyncio.run_coroutine_threadsafe(_fetched(outbound, url), loop).result(10)


async def test_words_are_those_of_their_own_task() -> None:
    async def one(name: str) -> object:
        with on_word(Word(name)):
            await asyncio.sleep(0)
            return spoken()

    assert [*await asyncio.gather(one("a"), one("b"))] == [Word("a"), Word("b")]
    assert spoken() is None


async def test_a_connector_that_is_not_told_to_asks_for_none(asked: tuple[str, list[str]]) -> None:
    url, seen = asked
    outbound = Outbound([url])
    try:
        await outbound.fetch("GET", url + "plain")
    finally:
        await outbound.close()
    assert seen == ["/plain"]
