"""Microsoft's consent through MSAL, whose requests leave by our own guarded connector and never block the event loop.

MSAL is synchronous: it runs in a thread, and each of its requests is handed back to the loop. Its token cache is the
grant; refresh tokens rotate inside it, so it is saved whenever it changed. Source: Microsoft identity platform.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import msal

from providers.consent.flow import Access, Authoriser, Grant, GrantKeeper, GrantRefused, blocked
from providers.errors import DriveError, Offline, Untrusted
from providers.http import Outbound, Tokens

_LEEWAY = 60
_THREAD_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class _Response:
    """What MSAL expects of a response."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """MSAL asks this of discovery only."""
        if self.status_code >= 400:
            raise _Unreachable


class _Unreachable(Exception):
    """Discovery failed."""


@dataclass(frozen=True, slots=True, eq=False)
class _HttpClient:
    """MSAL's ``http_client`` over `Outbound`. ``plain``: the authority is a stand-in on loopback without TLS."""

    outbound: Outbound
    loop: asyncio.AbstractEventLoop
    plain: bool

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> _Response:
        """Called by MSAL in its thread."""
        body = urlencode(data).encode() if isinstance(data, Mapping) else (data or "").encode()
        told = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._fetch("POST", url, params, told, body)

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> _Response:
        """Called by MSAL in its thread."""
        return self._fetch("GET", url, params, headers or {}, None)

    def close(self) -> None:
        """Nothing of its own to close."""

    def _fetch(self, method: str, url: str, params: Any, headers: Mapping[str, str], body: bytes | None) -> _Response:
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        if self.plain:
            url = url.replace("https://", "http://", 1)
        sent = self.outbound.fetch(method, url, headers=headers, data=body, limit=1 << 20)
        reply = asyncio.run_coroutine_threadsafe(sent, self.loop).result(_THREAD_PATIENCE)
        text = reply.body.decode("utf-8", "replace")
        if self.plain and method == "GET":  # MSAL takes no address without TLS, not even in discovery
            text = text.replace("http://", "https://")
        return _Response(reply.status, text, reply.headers)


@dataclass(frozen=True, slots=True, repr=False)
class MicrosoftConsent:
    """The Microsoft application. ``authority`` such as https://login.microsoftonline.com/organizations."""

    client_id: str
    client_secret: str
    authority: str
    scopes: Iterable[str]
    outbound: Outbound
    _shared: dict[str, Any] = field(default_factory=dict)

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]:
        """See `OAuthClient`. The answer comes by GET: a cross-site POST would not carry the session's cookie."""

        def begin(app: Any) -> dict[str, Any]:
            flow: dict[str, Any] = app.initiate_auth_code_flow(
                list(self.scopes), redirect_uri, state=state, prompt="select_account", response_mode="query"
            )
            return flow

        flow = await self._with_app(msal.SerializableTokenCache(), begin)
        url = str(flow["auth_uri"])
        if self.authority.startswith("http://"):
            url = url.replace("https://", "http://", 1)
        return url, json.dumps(flow).encode()

    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Grant:
        """See `OAuthClient`. The id_token comes straight from the token endpoint; its claims are checked here."""
        kept, cache = json.loads(flow), msal.SerializableTokenCache()

        def finish(app: Any) -> dict[str, Any]:
            result: dict[str, Any] = app.acquire_token_by_auth_code_flow(kept, dict(params))
            return result

        try:
            told = await self._with_app(cache, finish)
        except ValueError:  # MSAL's word for a state or nonce that does not fit
            raise Untrusted("the answer belongs to another consent", reason="state") from None
        if "error" in told:
            raise blocked(str(told["error"]), str(told.get("error_description", "")))
        claims = self._checked(told.get("id_token_claims"))
        label = claims.get("preferred_username") or claims.get("email")
        if not isinstance(label, str) or not label:
            raise Untrusted("no name in the id_token")
        return Grant(cache.serialize().encode(), label, f"{claims['tid']}.{claims['oid']}")

    def _checked(self, claims: Any) -> dict[str, Any]:
        """MSAL checks only the nonce. aud, iss, exp and tid are ours to check."""
        if not isinstance(claims, dict):
            raise Untrusted("no id_token")
        tenant, parts = claims.get("tid"), urlsplit(self.authority)
        issuer = f"{parts.scheme}://{parts.netloc}/{tenant}/v2.0"
        ends = claims.get("exp")
        if (
            claims.get("aud") != self.client_id
            or claims.get("iss") != issuer
            or not isinstance(claims.get("oid"), str)
            or not isinstance(ends, int)
            or ends < time.time() - _LEEWAY
        ):
            raise Untrusted("the id_token is not for us", reason="id_token")
        return claims

    def authoriser(self, keeper: GrantKeeper) -> Tokens:
        """See `OAuthClient`."""
        return Authoriser(self, keeper)

    async def renew(self, grant: bytes) -> Access:
        """See `Renewer`. Always a new token: the one in the cache was tried, or is about to end."""
        cache = msal.SerializableTokenCache()
        cache.deserialize(grant.decode())

        def silently(app: Any) -> dict[str, Any]:
            accounts = app.get_accounts()
            if not accounts:
                return {"error": "invalid_grant"}
            found = app.acquire_token_silent_with_error(list(self.scopes), accounts[0], force_refresh=True)
            return found if isinstance(found, dict) else {"error": "invalid_grant"}

        told = await self._with_app(cache, silently)
        if "error" in told:
            if told["error"] in ("invalid_grant", "interaction_required", "consent_required"):
                raise GrantRefused
            raise Offline("the provider's sign-in does not answer")
        kept = cache.serialize().encode() if cache.has_state_changed else grant
        return Access(str(told["access_token"]), time.time() + float(told.get("expires_in", 3600)), kept)

    async def revoke(self, _data: bytes) -> bool:
        """Microsoft has no way to give back one app's consent; signing out everywhere would hit every other app."""
        return False

    async def _with_app(self, cache: Any, work: Any) -> dict[str, Any]:
        """Run ``work`` with an MSAL application in a thread. Whatever its requests raise comes out as it was."""
        loop = asyncio.get_running_loop()
        plain = self.authority.startswith("http://")

        def run() -> dict[str, Any]:
            app = msal.ConfidentialClientApplication(
                self.client_id,
                client_credential=self.client_secret,
                authority=self.authority.replace("http://", "https://", 1),
                token_cache=cache,
                http_client=_HttpClient(self.outbound, loop, plain),
                http_cache=self._shared,
                instance_discovery=None if self._microsofts_own() else False,
            )
            result: dict[str, Any] = work(app)
            return result

        try:
            return await asyncio.to_thread(run)
        except (DriveError, ValueError):
            raise
        except (_Unreachable, TimeoutError, KeyError) as error:
            raise Offline("the provider's sign-in does not answer") from error

    def _microsofts_own(self) -> bool:
        return urlsplit(self.authority).hostname == "login.microsoftonline.com"
