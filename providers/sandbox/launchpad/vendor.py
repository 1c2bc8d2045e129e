"""The LaunchPad stand-in put together: discovery, keys, authorization, tokens, userinfo, end of session.

Query parameters for tests, beside OpenID's: ``sandbox_user=`` (sub or e-mail) approves at once, see `oauth`.
Control: POST /_sandbox/tokens (see `spoil`), POST /_sandbox/keys (a new signing key; the old ones stay published).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, Sandbox, base
from providers.sandbox.launchpad.keys import Keys
from providers.sandbox.launchpad.spoil import Spoiler
from providers.sandbox.oauth import Form, Hooks, OAuth, Session, Settings
from providers.sandbox.people import Person

COOKIE = "sandbox_launchpad"
_LIFE = 300
_USUAL = {400: "invalid_request", 401: "invalid_token", 404: "not_found", 429: "slow_down"}


@behaviour("documented", "A refresh token comes only with the scope offline_access; refreshing rotates it.")
def _offline(params: Form) -> bool:
    return "offline_access" in params.get("scope", "").split()


class LaunchPad:
    """The schools' identity provider."""

    title = "Sign in with LaunchPad (sandbox)"

    def mount(self, box: Sandbox) -> None:
        """Adds every route; loads or makes the signing keys."""
        self._box = box
        self._keys = Keys(box.store.table("signing_keys"))
        self._spoiler = Spoiler(self._keys)
        settings = Settings(needs_pkce=True, rotates=True, reuse_ends_grant=True, code_ttl=60)
        self._oauth = OAuth(box, settings, Hooks(offline=_offline, extras=self._id_token))
        box.oauth = self._oauth
        router = box.app.router
        router.add_get("/.well-known/openid-configuration", self.discovery)
        router.add_get("/jwks", self.jwks)
        router.add_route("*", "/authorize", self.authorize)
        router.add_post("/token", self._oauth.token)
        router.add_post("/revoke", self._oauth.revoke)
        router.add_route("*", "/userinfo", self.userinfo)
        router.add_get("/end_session", self.end_session)
        router.add_post("/_sandbox/tokens", self._spoiler.control)
        router.add_post("/_sandbox/keys", self.rotate)

    def seed(self, box: Sandbox) -> None:
        """The people are all there is, and they are there already."""

    def refuse(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """OAuth's error body (RFC 6749, section 5.2)."""
        reason = refused.reason or _USUAL.get(refused.status, "server_error")
        told = {"error": reason, "error_description": refused.message}
        return web.json_response(told, status=refused.status, headers=refused.headers)

    def expire_session(self, box: Sandbox, request: web.BaseRequest) -> None:
        """Forgets this browser's sign-in."""
        box.store.table("browsers").drop(request.cookies.get(COOKIE, ""))

    @behaviour("documented", "Discovery: every address lies below the issuer, which is the address it is asked at.")
    async def discovery(self, request: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0. ``file_access_sandbox`` lets a gateway see that this signs anybody in."""
        here = base(request)
        places = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "jwks",
            "end_session_endpoint": "end_session",
            "revocation_endpoint": "revoke",
        }
        fixed = {
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "auth_time", "name", "locale", "email", "role", "age_band", "school"],
        }
        told = {"issuer": here, **{name: f"{here}/{path}" for name, path in places.items()}, **fixed}
        return web.json_response({**told, "file_access_sandbox": True})

    async def jwks(self, request: web.Request) -> web.Response:
        """The public keys."""
        return web.json_response(self._keys.published())

    @behaviour("documented", "prompt=login and an exceeded max_age make the person sign in anew: auth_time is now.")
    @behaviour(
        "assumed", "Otherwise the account is still chosen by hand, but auth_time stays that of the first sign-in."
    )
    async def authorize(self, request: web.Request) -> web.Response:
        """The page with the people as buttons, or back with a code."""
        form = await request.post() if request.method == "POST" else {}
        params = {**request.query, **{name: str(value) for name, value in form.items()}}
        if "openid" not in params.get("scope", "").split():
            raise Refused(400, "invalid_scope", "The scope must hold openid.")
        response = await self._oauth.authorize(request)
        codes = parse_qs(urlsplit(response.headers.get("Location", "")).query).get("code")
        if codes:
            self._signed_in(request, response, codes[0], params)
        return response

    def _signed_in(self, request: web.Request, response: web.Response, code: str, params: Mapping[str, str]) -> None:
        """Notes when this browser's person proved who they are, and tells the code."""
        browsers, now = self._box.store.table("browsers"), int(self._box.now())
        person = self._box.store.table("codes")[code]["person"]
        known = browsers.get(request.cookies.get(COOKIE, ""))
        oldest = now - int(params["max_age"]) if params.get("max_age", "").isdigit() else 0
        anew = "login" in params.get("prompt", "").split() or params.get("max_age") == "0"
        if known and known["person"] == person and known["at"] >= oldest and not anew:
            self._box.store.table("codes").merge(code, at=known["at"])
            return
        browser = secrets.token_urlsafe(24)
        browsers.put(browser, {"person": person, "at": now})
        response.set_cookie(COOKIE, browser, httponly=True, samesite="Lax", secure=request.secure)

    def _id_token(self, request: web.Request, code: Mapping[str, Any], session: Session) -> dict[str, Any]:
        if "openid" not in session.scopes:
            return {}
        now = int(self._box.now())
        claims = {"iss": base(request), "aud": session.client, "iat": now, "exp": now + _LIFE}
        claims |= {"auth_time": code["at"]} if code else {}
        claims |= {"nonce": code["nonce"]} if code.get("nonce") else {}
        return {"id_token": self._spoiler.sign({**claims, **_about(session.person, session.scopes)})}

    async def userinfo(self, request: web.Request) -> web.Response:
        """The same claims for a live access token."""
        session = self._oauth.session(request)
        if session is None or "openid" not in session.scopes:
            raise Refused(401, "invalid_token", "Sign in.", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return web.json_response(_about(session.person, session.scopes))

    async def end_session(self, request: web.Request) -> web.Response:
        """RP-initiated logout: this browser's sign-in ends, and it goes back where it is told."""
        self.expire_session(self._box, request)
        target = urlsplit(request.query.get("post_logout_redirect_uri", ""))
        if target.scheme in ("http", "https") and target.netloc:
            query = urlencode({"state": request.query["state"]}) if "state" in request.query else target.query
            response = web.Response(status=302, headers={"Location": urlunsplit(target._replace(query=query))})
        else:
            response = web.Response(text="You are signed out.")
        response.del_cookie(COOKIE)
        return response

    async def rotate(self, request: web.Request) -> web.Response:
        """A new key signs from now on."""
        self._keys.rotate()
        return web.json_response({"keys": len(self._keys.published()["keys"])})


@behaviour("assumed", "Role, age band and school are claims of every token; name, locale and e-mail follow the scopes.")
def _about(person: Person, scopes: frozenset[str]) -> dict[str, Any]:
    told = {"sub": person.sub, "role": person.role, "age_band": person.age_band, "school": person.school}
    told |= {"name": person.name, "locale": person.locale} if "profile" in scopes else {}
    return told | ({"email": person.email, "email_verified": True} if "email" in scopes else {})
