"""An account's requests: one renewal of its token, Retry-After obeyed, redirects without the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

from providers.errors import Busy, DriveError, NotFound, Offline, Reconnect, Untrusted
from providers.http import AccountHttp, Outbound, Pace, Patience, pieces
from tests.providers.webserver import Handler, reaching, serving


class Fake:
    """Tokens t0, t1, …; ``dead`` after so many renewals."""

    def __init__(self, dead: int = 99) -> None:
        self.count = 0
        self.dead = dead

    async def token(self, *, fresh: bool = False) -> str:
        if fresh:
            self.count += 1
            if self.count >= self.dead:
                raise Reconnect
        return f"t{self.count}"


def translate(status: int, headers: Mapping[str, str], body: bytes) -> DriveError:
    """A vendor's rules in short."""
    kinds: dict[int, type[DriveError]] = {404: NotFound, 429: Busy}
    return kinds.get(status, Offline if status >= 500 else DriveError)(reason=body.decode()[:20] or None)


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def account(outbound: Outbound, tokens: Fake | None = None) -> AccountHttp:
    return AccountHttp(outbound, tokens or Fake(), translate, Pace(sleep=_no_sleep), patience=Patience(sleep=_no_sleep))


class Script:
    """Answers with the given statuses in turn, then with 200 and what it got."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses = list(statuses)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.seen: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(request.headers.get("Authorization"))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), headers=self.headers, text="why")
        return web.json_response({"body": body.decode()})


@asynccontextmanager
async def scripted(*statuses: int, **headers: str) -> AsyncIterator[tuple[Outbound, str, Script]]:
    script = Script(*statuses, **headers)
    async with reaching(script.answer) as (outbound, url):
        yield outbound, url, script


async def test_the_token_goes_along_and_json_comes_back() -> None:
    async with scripted() as (outbound, url, script):
        headers, data = await account(outbound).json("POST", url, body={"a": "ü"})
        assert data == {"body": '{"a": "\\u00fc"}'}
        assert headers["content-type"].startswith("application/json")
        assert script.seen == ["Bearer t0"]


async def test_a_refused_token_is_renewed_once() -> None:
    async with scripted(401) as (outbound, url, script):
        await account(outbound).json("POST", url, body={}, retry=False)
        assert script.seen == ["Bearer t0", "Bearer t1"]


async def test_a_token_that_somebody_else_renewed_is_used() -> None:
    class Renewed(Fake):
        async def token(self, *, fresh: bool = False) -> str:
            assert not fresh
            self.count += 1
            return f"t{self.count}"

    async with scripted(401) as (outbound, url, script):
        await account(outbound, Renewed()).json("GET", url)
        assert script.seen == ["Bearer t1", "Bearer t2"]


async def test_refused_again_means_reconnect() -> None:
    async with scripted(401, 401, 401, 401) as (outbound, url, script):
        with pytest.raises(Reconnect):
            await account(outbound).json("GET", url)
        assert len(script.seen) == 2


async def test_a_dead_grant_means_reconnect() -> None:
    async with scripted(401) as (outbound, url, _):
        with pytest.raises(Reconnect):
            await account(outbound, Fake(dead=1)).json("GET", url)


async def test_a_streamed_body_is_not_sent_twice() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"12345"

    for status, expected in ((401, Busy), (503, Offline), (429, Busy)):
        async with scripted(status) as (outbound, url, script):
            with pytest.raises(expected):
                async with account(outbound).stream("PUT", url, data=body(), length=5):
                    pass
            assert len(script.seen) == 1


async def test_throttling_is_waited_out() -> None:
    async with scripted(429, 429, Retry_After="1") as (outbound, url, script):
        await account(outbound).json("POST", url, body={}, retry=False)
        assert len(script.seen) == 3


async def test_throttling_for_long_is_told() -> None:
    async with scripted(429, Retry_After="300") as (outbound, url, script):
        http = account(outbound)
        with pytest.raises(Busy) as busy:
            await http.json("GET", url)
        assert busy.value.retry_after == 300
        assert busy.value.reason == "why"
        with pytest.raises(Busy):  # and the account's next request does not even leave
            await http.json("GET", url)
        assert len(script.seen) == 1


async def test_failures_are_repeated_only_where_that_is_safe() -> None:
    async with scripted(503, 502) as (outbound, url, script):
        await account(outbound).json("GET", url)
        assert len(script.seen) == 3
    async with scripted(503) as (outbound, url, script):
        with pytest.raises(Offline):
            await account(outbound).json("POST", url, body={}, retry=False)
        assert len(script.seen) == 1


async def test_final_errors_are_translated_and_not_repeated() -> None:
    async with scripted(404) as (outbound, url, script):
        with pytest.raises(NotFound):
            await account(outbound).json("GET", url)
        assert len(script.seen) == 1


async def test_accepted_statuses_are_no_errors() -> None:
    async with scripted(404) as (outbound, url, _):
        reply = await account(outbound).call("DELETE", url, ok=(404,))
        assert (reply.status, reply.body) == (404, b"why")


async def test_a_page_instead_of_json() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>signed out</html>", content_type="text/html")

    async with reaching(page) as (outbound, url):
        with pytest.raises(Untrusted):
            await account(outbound).json("GET", url)


def _redirecting(target: str, seen: list[str | None]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=302, headers={"Location": target})

    return handler


def _download(http: AccountHttp, url: str) -> AbstractAsyncContextManager[object]:
    return http.download(url)


async def test_a_download_follows_redirects_without_the_token() -> None:
    seen: list[str | None] = []

    async def content(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        assert request.headers["Range"] == "bytes=2-3"
        return web.Response(status=206, body=request.raw_path.encode())

    async with serving(content) as files, serving(_redirecting(files + "/c?sig=a%2Bb", seen)) as url:
        outbound = Outbound([url, files])
        async with account(outbound).download(url, headers={"Range": "bytes=2-3"}) as response:
            assert b"".join([piece async for piece in pieces(response)]) == b"/c?sig=a%2Bb"
        await outbound.close()
    assert seen == ["Bearer t0", None]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest",
        "http://localhost:1/",
        "https://attacker.example/",
        "http://[bad",
        "",
        "//169.254.169.254/",
        "http://2852039166/",
        "http://0251.0376.0251.0376/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::1]/",
        "https://x.sharepoint.com@10.0.0.1/",
        "https://x.sharepoint.com:pass@x.sharepoint.com/",
        "https://school.sharepoint.com.attacker.example/",
        "file:///etc/passwd",
        "ftp://x.sharepoint.com/",
        "javascript:alert(1)",
    ],
)
async def test_a_redirect_to_somewhere_else_is_not_followed(target: str) -> None:
    seen: list[str | None] = []
    async with reaching(_redirecting(target, seen)) as (outbound, url):
        with pytest.raises(Untrusted) as untrusted:
            async with _download(account(outbound), url):
                pass
    assert untrusted.value.reason == "redirect"
    assert set(seen) == {"Bearer t0"}


async def test_a_circle_of_redirects_ends() -> None:
    seen: list[str | None] = []
    async with reaching(_redirecting("/again", seen)) as (outbound, url):
        with pytest.raises(DriveError):
            async with _download(account(outbound), url):
                pass
    assert len(seen) <= 4


async def test_an_expired_download_address_is_renewed() -> None:
    calls: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        calls.append(request.path)
        if request.path == "/item":
            return web.Response(status=302, headers={"Location": f"/bytes{len(calls)}"})
        return web.Response(status=403) if request.path == "/bytes1" else web.Response(body=b"bytes")

    async with reaching(handler) as (outbound, url), account(outbound).download(url + "/item") as response:
        assert await response.read() == b"bytes"
    assert calls == ["/item", "/bytes1", "/item", "/bytes3"]
