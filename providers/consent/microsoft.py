"""Microsoft's consent through MSAL: a confidential client, whose token cache is the grant of one account.

MSAL is synchronous: it runs in a thread, and its requests travel on the event loop (`bridge`). Refresh tokens rotate
inside the cache. Microsoft has no way to give back one application's grant (``revokeSignInSessions`` would sign the
person out of everything), so `MicrosoftConsent.revoke` says False. Source: Microsoft identity platform.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msal

from providers.consent import identity
from providers.consent.answers import decline, meaning
from providers.consent.bridge import Authority, Bridge
from providers.consent.flow import Access, Authoriser, Grant, GrantKeeper
from providers.errors import Offline, Reconnect, Refused, Untrusted
from providers.http import Outbound, Tokens, decoded

_RESERVED = frozenset({"openid", "profile", "offline_access"})
"""Scopes that MSAL adds by itself and does not want to be told."""
_AT_ONCE = 8
"""Sign-ins at once. Not in the loop's own threads: MSAL's requests need one of those to look up a name."""


@dataclass(frozen=True, slots=True, repr=False)
class MicrosoftConsent:
    """The Microsoft application. ``authority`` such as https://login.microsoftonline.com/organizations.

    National clouds have their own authority, and want their scopes in full.
    """

    client_id: str
    client_secret: str
    authority: str
    scopes: Iterable[str]
    outbound: Outbound
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "msal"), init=False, compare=False
    )

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]:
        """See `OAuthClient`. The answer comes by GET: a cross-site POST would not carry the session's cookie."""
        app = self._app(msal.SerializableTokenCache())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="response_mode")
            flow = app.initiate_auth_code_flow(
                self._wanted, redirect_uri=redirect_uri, state=state, prompt="select_account", response_mode="query"
            )
        return Authority.of(self.authority).actual(flow["auth_uri"]), json.dumps(flow).encode()

    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Grant:
        """See `OAuthClient`. The id_token comes straight from the token endpoint; its claims are checked here."""
        kept, cache = json.loads(flow), msal.SerializableTokenCache()
        decline(kept["state"], params)
        told = await self._in_thread(cache, lambda app: app.acquire_token_by_auth_code_flow(kept, dict(params)))
        _access(told)
        if not list(cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)):
            raise Reconnect("no refresh token was given", reason="no_refresh_token")
        who = identity.checked(
            told.get("id_token_claims"), self.client_id, Authority.of(self.authority).tenant, await self._issuer()
        )
        if not self._needed <= {_short(scope) for scope in _granted(told)}:
            raise Refused("not all that is needed was granted", reason="scopes")
        return Grant(_dump(cache), who.label, who.account)

    def authoriser(self, keeper: GrantKeeper) -> Tokens:
        """See `OAuthClient`."""
        return Authoriser(self, keeper)

    async def renew(self, grant: bytes) -> Access:
        """See `Renewer`. Always a new token: the one in the cache was tried, or is about to end."""
        cache = msal.SerializableTokenCache()
        cache.deserialize(grant.decode())

        def silently(app: Any) -> Any:
            account = next(iter(app.get_accounts()), None)
            return app.acquire_token_silent_with_error(self._held(cache), account, force_refresh=True)

        told = await self._in_thread(cache, silently)
        token, seconds = _access(told)
        return Access(token, time.time() + seconds, _dump(cache) if cache.has_state_changed else grant)

    async def revoke(self, _data: bytes) -> bool:
        """See `OAuthClient`. Never: see above."""
        return False

    @property
    def _wanted(self) -> list[str]:
        return [scope for scope in self.scopes if scope not in _RESERVED]

    @property
    def _needed(self) -> set[str]:
        """What must be granted. Without sites there are no libraries, and everything else works."""
        return {scope for scope in map(_short, self._wanted) if not scope.startswith("sites.")}

    def _held(self, cache: Any) -> list[str]:
        """What was granted of what is wanted: to ask for more than that is refused altogether."""
        kept = cache.search(msal.TokenCache.CredentialType.ACCESS_TOKEN)
        granted = {_short(scope) for token in kept for scope in str(token.get("target", "")).split()}
        return [scope for scope in self._wanted if _short(scope) in granted] or self._wanted

    async def _in_thread(self, cache: Any, work: Callable[[Any], Any]) -> Mapping[str, Any]:
        """What MSAL says to ``work``. Errors of its requests come through as they are, its own carry no text on."""
        loop = asyncio.get_running_loop()

        def run() -> Any:
            try:
                return work(self._app(cache, loop))
            except (ValueError, RuntimeError):  # state, nonce, shape; the text may hold what must not be seen
                raise Untrusted("the answer does not fit this sign-in", reason="flow") from None

        here = contextvars.copy_context()  # on whose word this is done holds in the thread, too
        told = await loop.run_in_executor(self._threads, here.run, run)
        return told if isinstance(told, Mapping) else {"error": "invalid_grant", "suberror": "empty"}

    def _app(self, cache: Any, loop: asyncio.AbstractEventLoop | None = None) -> Any:
        """MSAL over one account's cache. Made for one call: construction asks nobody and costs microseconds."""
        authority = Authority.of(self.authority)
        return msal.ConfidentialClientApplication(
            self.client_id,
            client_credential=self.client_secret,
            authority=authority.secure,
            instance_discovery=False,  # the authority is the operator's setting; nobody needs to vouch for it
            token_cache=cache,
            http_client=Bridge(authority, self.outbound, loop),
        )

    async def _issuer(self) -> str:
        """The issuer as the authority itself states it, with ``{tenantid}`` where it speaks for many tenants."""
        reply = await self.outbound.fetch("GET", Authority.of(self.authority).discovery, limit=256 * 1024)
        if not reply.ok:
            raise Offline("the sign-in server does not work")
        doc = decoded(reply)
        if not isinstance(doc, Mapping) or not isinstance(doc.get("issuer"), str):
            raise Untrusted("the authority does not say who it is", reason="iss")
        return str(doc["issuer"])


def _dump(cache: Any) -> bytes:
    return str(cache.serialize()).encode()


def _access(told: Mapping[str, Any]) -> tuple[str, float]:
    if "error" in told:
        raise meaning(told)
    token, seconds = told.get("access_token"), told.get("expires_in", 3600)
    if not isinstance(token, str) or not isinstance(seconds, (int, float)):
        raise Untrusted("the token answer holds no access token", reason="access_token")
    return token, float(seconds)


def _granted(told: Mapping[str, Any]) -> list[str]:
    return str(told.get("scope", "")).split()


def _short(scope: str) -> str:
    """Graph's scopes are named with or without Graph's address before them."""
    return scope.rpartition("/")[2].lower()
