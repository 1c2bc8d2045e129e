"""One OpenID provider: what it says about itself, its keys, its tokens, and the proof that an id_token holds.

Knows no school and no person: it gives back the claims of a token that was issued by exactly this provider, to exactly
this gateway, for exactly this sign-in, and has not expired.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.addresses import is_on_this_machine, is_plain
from gateway.identity.errors import SignInRefused
from gateway.settings import IdentityProvider
from providers.errors import DriveError
from providers.http import Exempt, Outbound, Reply, on_word

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures by the provider's own key: never 'none', never a shared secret."""

_FRESH: Final = 3600.0
_PAUSE: Final = 30.0
_LEEWAY: Final = 30
_OLDEST: Final = 600
_LONGEST: Final = 16_384
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Discovery:
    """The addresses a provider names; all plain, and encrypted unless the provider is on this machine."""

    authorization: str
    token: str
    keys: str
    basic: bool
    """Whether the client's secret goes into the Authorization header; else into the form."""


class Provider:
    """A configured provider. Discovery and keys are fetched when needed and kept for an hour."""

    def __init__(self, settings: IdentityProvider, outbound: Outbound) -> None:
        self.settings: Final = settings
        self._outbound = outbound
        self._discovery: tuple[float, Discovery] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def discovery(self) -> Discovery:
        """What the provider says about itself. SignInRefused (issuer, provider, sandbox), Offline."""
        if self._discovery is None or self._discovery[0] < time.monotonic() - _FRESH:
            told = await self._get(self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
            self._discovery = (time.monotonic(), _read(told, self.settings))
        return self._discovery[1]

    async def authorization_url(self, params: Mapping[str, str]) -> str:
        """Where the person goes to sign in."""
        place = (await self.discovery()).authorization
        fixed = {"response_type": "code", "client_id": self.settings.client_id, "scope": " ".join(self.settings.scopes)}
        return f"{place}?{urlencode({**fixed, **params})}"

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        """The id_token for a code, still unproven. SignInRefused (token, provider), Offline."""
        discovery = await self.discovery()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": self.settings.client_id}
        headers = dict(_FORM)
        secret = self.settings.client_secret
        if secret is not None and discovery.basic:
            pair = f"{quote_plus(self.settings.client_id)}:{quote_plus(secret.get_secret_value())}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif secret is not None:
            form["client_secret"] = secret.get_secret_value()
        told = _json(await self._ask("POST", discovery.token, headers, urlencode(form).encode()), "token")
        token = told.get("id_token")
        if not isinstance(token, str) or len(token) > _LONGEST:
            raise SignInRefused("token")
        return token

    async def prove(self, token: str, *, nonce: str, now: int) -> dict[str, Any]:
        """The claims of an id_token that holds; ``now`` in epoch ms. SignInRefused says what does not."""
        claims = await self._signed(token)
        second = now // 1000
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        party = claims.get("azp")
        _require(claims.get("iss") == self.settings.issuer, "issuer")
        _require(self.settings.client_id in audiences, "audience")
        _require(party == self.settings.client_id or (party is None and len(audiences) == 1), "audience")
        _require(_number(claims, "exp") > second - _LEEWAY, "expired")
        _require(second - _OLDEST < _number(claims, "iat") <= second + _LEEWAY, "expired")
        _require(_number(claims, "nbf", 0) <= second + _LEEWAY, "expired")
        _require(claims.get("nonce") == nonce, "nonce")
        subject = claims.get("sub")
        _require(isinstance(subject, str) and 0 < len(subject) <= 255, "token")
        return claims

    async def _signed(self, token: str) -> dict[str, Any]:
        """The claims, once a key of the provider proves them; an unknown key makes us look for new keys once."""
        for again in (False, True):
            try:
                found = jwt.decode(token, await self._key_set(again=again), algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError):
                if again:
                    break
            else:
                return dict(found.claims)
        raise SignInRefused("token")

    async def _key_set(self, *, again: bool) -> KeySet:
        now = time.monotonic()
        limit = _PAUSE if again else _FRESH
        if self._keys is None or self._keys[0] < now - limit:
            told = await self._get((await self.discovery()).keys)
            try:
                self._keys = (now, KeySet.import_key_set(_public(told)))
            except (JoseError, ValueError, TypeError, KeyError):
                raise SignInRefused("provider") from None
        return self._keys[1]

    async def _get(self, url: str) -> dict[str, Any]:
        return _json(await self._ask("GET", url, {"Accept": "application/json"}, None), "provider")

    async def _ask(self, method: str, url: str, headers: dict[str, str], data: bytes | None) -> Reply:
        try:
            with on_word(Exempt.SIGN_IN):
                return await self._outbound.fetch(
                    method, url, headers=headers, data=data, limit=1 << 20, read_timeout=15
                )
        except DriveError as error:
            if error.retryable:
                raise
            raise SignInRefused("provider") from error


def _json(reply: Reply, reason: str) -> dict[str, Any]:
    try:
        told = json.loads(reply.body) if reply.ok else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise SignInRefused(reason if 400 <= reply.status < 500 else "provider")
    return told


def _read(told: dict[str, Any], settings: IdentityProvider) -> Discovery:
    """Check the discovery document. The issuer must be the configured one to the letter (OpenID Discovery 4.3)."""
    if told.get("issuer") != settings.issuer:
        raise SignInRefused("issuer")
    if told.get("file_access_sandbox") and not settings.sandbox:
        raise SignInRefused("sandbox")
    places = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    local = is_on_this_machine(settings.issuer)
    for place in places:
        if not isinstance(place, str) or not is_plain(place):
            raise SignInRefused("provider")
        if urlsplit(place).scheme != "https" and not (local and is_on_this_machine(place)):
            raise SignInRefused("provider")
    ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    authorization, token, keys = (str(place) for place in places)
    return Discovery(authorization, token, keys, basic="client_secret_basic" in ways)


def _public(told: dict[str, Any]) -> Any:
    """The signing keys alone; a set may hold others, of kinds unknown here."""
    keys = [key for key in told.get("keys", []) if key.get("kty") in {"RSA", "EC"} and key.get("use", "sig") == "sig"]
    if not keys:
        raise ValueError("no keys")
    return {"keys": keys}


def _number(claims: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SignInRefused("token")
    return int(value)


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise SignInRefused(reason)
