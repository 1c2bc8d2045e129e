"""Requests of one connected account: its token, its pace, its retries, and errors in the drives' own terms.

This is the only place that retries. It gives up early and says when to come back, so that a job can be parked instead
of a worker kept waiting. What a status means is the drive's knowledge, given as ``translate``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import aiohttp
from yarl import URL

from providers.errors import Busy, DriveError, Locked, Offline, Reconnect, Refused, Untrusted
from providers.http.body import ERROR_BODY, PIECE, Reply, bounded, drained, parsed
from providers.http.outbound import EXCHANGE, Outbound
from providers.http.pace import Lane, Pace
from providers.http.patience import Patience, retry_after

Translate = Callable[[int, Mapping[str, str], bytes], DriveError]
"""What a refused request means: status, headers, at most 64 KiB of body. Busy only where nothing was done."""

JSON_LIMIT = 16 * 1024 * 1024
"""The largest JSON answer, bytes: a page of 1,000 children is about 1–2 MiB."""

ELSEWHERE = "address"
"""The reason where a provider names an address that may not be reached, for an upload or as a redirect."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Tokens(Protocol):
    """Where an account's access token comes from."""

    async def token(self, *, fresh: bool = False) -> str:
        """A token that is valid now; ``fresh`` asks for a new one in any case. Reconnect when the grant is dead."""
        ...


class AccountHttp:
    """The account's requests: ``pace`` may be shared by several, ``patience`` says how often and how long to try."""

    def __init__(
        self,
        outbound: Outbound,
        tokens: Tokens,
        translate: Translate,
        pace: Pace | None = None,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._outbound = outbound
        self._tokens = tokens
        self._translate = translate
        self._pace = pace or Pace()
        self._patience = patience or Patience()

    async def json(
        self,
        method: str,
        url: str,
        *,
        body: object | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> tuple[Mapping[str, str], Any]:
        """Headers and decoded body (None where it is empty). ``retry`` False: a lost answer is not asked for again."""
        data = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json; charset=UTF-8"}
        reply = await self.call(method, url, data=data, headers={**kind, **(headers or {})}, retry=retry)
        return reply.headers, decoded(reply)

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        retry: bool = True,
        authorised: bool = True,
        ok: Sequence[int] = (),
        limit: int = JSON_LIMIT,
    ) -> Reply:
        """A small exchange. ``ok``: statuses accepted besides 2xx; any other raises what ``translate`` says."""

        async def attempt() -> Reply:
            async with self._answer(method, url, headers, data, None, authorised, "call", EXCHANGE) as response:
                if 200 <= response.status < 300 or response.status in ok:
                    return Reply(response.status, response.headers.copy(), await bounded(response, limit))
                raise await self._failure(response)

        return await self._patience.over(attempt, repeatable=retry)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | AsyncIterator[bytes] | None = None,
        length: int | None = None,
        authorised: bool = True,
        ok: Sequence[int] = (200, 206),
        retry: bool = True,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """An exchange whose body is large in one direction; the caller reads the answer with `pieces` or `bounded`.

        ``data`` as an iterator is sent once and never repeated: a failure comes back for the caller to reconcile.
        """
        once = data is not None and not isinstance(data, bytes)
        lane: Lane = "read" if data is None else "call" if isinstance(data, bytes) and len(data) <= PIECE else "write"
        async with AsyncExitStack() as stack:

            async def attempt() -> aiohttp.ClientResponse:
                exchange = self._answer(method, url, headers, data, length, authorised, lane)
                return await self._accepted(stack, exchange, ok)

            yield await (attempt() if once else self._patience.over(attempt, repeatable=retry))

    @asynccontextmanager
    async def download(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        ok: Sequence[int] = (200, 206),
        hops: int = 3,
        authorised: bool = True,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """A GET that follows redirects, through the guard and without the token. An address that died is renewed.

        ``authorised`` False: the token does not go to the first address either.
        """
        async with AsyncExitStack() as stack:

            async def attempt() -> aiohttp.ClientResponse:
                target, hop = url, 0
                while True:
                    exchange = self._answer("GET", target, headers, None, None, authorised and hop == 0, "read")
                    accepted = ok if hop == hops else [*ok, *REDIRECTS]
                    response = await self._accepted(stack, exchange, accepted, redirected=hop > 0)
                    if response.status in ok:
                        return response
                    target, hop = _next(target, response), hop + 1
                    await drained(response)
                    await stack.aclose()

            yield await self._patience.over(attempt, repeatable=True)

    async def _accepted(
        self,
        stack: AsyncExitStack,
        exchange: AbstractAsyncContextManager[aiohttp.ClientResponse],
        ok: Sequence[int],
        redirected: bool = False,
    ) -> aiohttp.ClientResponse:
        """The open response, kept by the stack; where its status is not accepted it is closed and raised."""
        try:
            response = await stack.enter_async_context(exchange)
        except Untrusted as elsewhere:
            if redirected and elsewhere.reason == ELSEWHERE:
                raise Untrusted("a redirect leads where it may not", reason="redirect") from None
            raise
        if response.status in ok:
            return response
        error = await self._failure(response)
        await stack.aclose()
        if redirected and response.status in (401, 403, 404, 410):
            raise Offline("the download address has expired", reason="address_expired", retry_after=0)
        raise error

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        data: bytes | AsyncIterator[bytes] | None,
        length: int | None,
        authorised: bool,
        lane: Lane,
        total: float | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """One exchange in the account's turn; a token that is no longer accepted is replaced once."""

        def exchange(token: str | None) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
            bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
            return self._outbound.request(
                method, url, headers={**(headers or {}), **bearer}, data=data, length=length, total=total
            )

        async with self._pace.turn(lane), self._outbound.place(lane), AsyncExitStack() as stack:
            token = await self._tokens.token() if authorised else None
            try:
                response = await stack.enter_async_context(exchange(token))
            except Refused:
                if authorised:
                    raise
                raise Untrusted("the provider names an address where nothing may go", reason=ELSEWHERE) from None
            if response.status == 401 and token is not None:
                await drained(response)
                await stack.aclose()
                renewed = await self._renewed(token)
                if data is not None and not isinstance(data, bytes):
                    raise Busy("the token was renewed while a body was sent", reason="token", retry_after=0)
                response = await stack.enter_async_context(exchange(renewed))
                if response.status == 401:
                    raise Reconnect("the provider accepts no token of this account", reason="unauthorized")
            yield response

    async def _renewed(self, refused: str) -> str:
        """Another token than the refused one; asks for a fresh one only if nobody else has done so meanwhile."""
        current = await self._tokens.token()
        return current if current != refused else await self._tokens.token(fresh=True)

    async def _failure(self, response: aiohttp.ClientResponse) -> DriveError:
        """What the answer means, with the provider's waiting time; whom it concerns waits as a whole."""
        try:
            body = await bounded(response, ERROR_BODY)
        except DriveError:
            body = b""  # the status alone still tells what to do
        error = self._translate(response.status, response.headers, body)
        if error.retry_after is None:
            error.retry_after = retry_after(response.headers)
        if isinstance(error, Busy) and not isinstance(error, Locked):
            self._pace.hold(error.retry_after or 0.2, wide=error.wide)
        return error


def _next(current: str, response: aiohttp.ClientResponse) -> str:
    location = response.headers.get("Location")
    if not location:
        raise Untrusted("a redirect without an address", reason="redirect")
    try:
        return str(URL(current, encoded=True).join(URL(location, encoded=True)))
    except ValueError:
        raise Untrusted("a redirect to something that is no address", reason="redirect") from None


def decoded(reply: Reply) -> Any:
    """The JSON of an answer, None where it is empty. Untrusted where it is something else (an HTML page, say)."""
    if not reply.body:
        return None
    try:
        return parsed(reply.body)
    except ValueError:
        raise Untrusted("the answer is not JSON", reason="json") from None
