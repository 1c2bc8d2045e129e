"""OAuth 2.0 as the stand-ins speak it: authorization codes with PKCE, refresh tokens, rotation, expiry, revocation.

How a vendor uses it
--------------------
``box.oauth = oauth = OAuth(box, settings, hooks)`` in ``Vendor.mount``, then
``oauth.mount(authorize="/o/oauth2/v2/auth", token="/token", revoke="/revoke")``. In a handler:
``oauth.session(request)`` gives the `Session` (person, client, scopes) of a live bearer token, or None.

`Hooks` (all optional) shape it: ``offline(params) -> bool`` (does this consent give a refresh token?),
``extras(request, code, session) -> dict`` (more fields in the token answer, such as id_token; ``code`` holds nonce and
``at``, the second of the consent, and is {} on a refresh), ``refuse(status, error, description) -> Response`` (the
vendor's own error body), ``granular`` (a person may untick scopes on the consent page), ``further(request, person,
params)`` (a further page before the code, or what goes back beside the code).

Query parameters for tests, beside the standard ones: ``sandbox_user=`` (e-mail, sub or id) approves at once;
``sandbox_deny=access_denied`` returns that error; ``sandbox_scope=`` grants other scopes than were asked for;
``sandbox_pick=ID,ID`` picks files where the vendor has a page for that.
Any client id is taken with any secret, unless ``oauth.register(client, secret, redirects)`` has named its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, Sandbox
from providers.sandbox.consent import consent_page
from providers.sandbox.people import Person

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """How tokens live. Times in seconds; ``rotates``: every refresh gives a new refresh token.

    ``once``: which ends the one that was shown. ``reuse_ends_grant``: showing an ended one again takes the whole grant
    away.
    """

    access_ttl: int = 3600
    code_ttl: int = 600
    refresh_ttl: int | None = None
    rotates: bool = False
    once: bool = True
    reuse_ends_grant: bool = False
    access_prefix: str = "at-"
    refresh_prefix: str = "rt-"
    code_prefix: str = ""
    needs_pkce: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """Who is behind a bearer token."""

    person: Person
    client: str
    scopes: frozenset[str]
    grant: str


def _oauth_error(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a vendor differs; see the module's docstring."""

    offline: Callable[[Form], bool] = lambda params: True
    extras: Callable[[web.Request, Mapping[str, Any], Session], dict[str, Any]] = lambda request, code, session: {}
    refuse: Callable[[int, str, str], web.Response] = _oauth_error
    granular: bool = False
    further: Callable[[web.Request, Person, Form], web.Response | dict[str, str]] = lambda request, person, params: {}


class Denied(Exception):
    """An OAuth error answer."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


@dataclass(slots=True)
class OAuth:
    """The authorization server of one stand-in."""

    box: Sandbox
    settings: Settings = field(default_factory=Settings)
    hooks: Hooks = field(default_factory=Hooks)

    def mount(self, *, authorize: str, token: str, revoke: str | None = None) -> None:
        """Adds the routes."""
        self.box.app.router.add_route("*", authorize, self.authorize)
        self.box.app.router.add_post(token, self.token)
        if revoke:
            self.box.app.router.add_post(revoke, self.revoke)

    def register(self, client: str, secret: str | None, redirects: list[str]) -> None:
        """From now on this client must show this secret (None: it is public) and one of these redirect addresses."""
        self.box.store.table("clients").put(client, {"secret": secret, "redirects": redirects})

    def configure(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes settings while running; the settings now. ValueError for unknown ones."""
        try:
            self.settings = replace(self.settings, **changes)
        except TypeError as error:
            raise ValueError("unknown setting") from error
        return asdict(self.settings)

    def session(self, request: web.BaseRequest) -> Session | None:
        """The person behind a live bearer token, or None."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        row = self.box.store.table("access").get(value.strip()) if scheme.lower() == "bearer" else None
        if row is None or row["ends"] <= self.box.now():
            return None
        return self._session(row["grant"], row["scope"])

    def expire_token(self, request: web.BaseRequest) -> None:
        """The access token of this request has run out."""
        self.box.store.table("access").drop(request.headers.get("Authorization", "").partition(" ")[2].strip())

    def expire_grant(self, request: web.BaseRequest, body: Form) -> None:
        """The grant behind the tokens of this request has been taken away."""
        bearer = request.headers.get("Authorization", "").partition(" ")[2].strip()
        self._end_grant_of(bearer, body.get("refresh_token", ""))

    @behaviour(
        "documented",
        "Authorization: code flow with state and PKCE (S256 or plain); errors go back to the redirect address.",
    )
    async def authorize(self, request: web.Request) -> web.Response:
        """Shows the consent page, or goes back with a code."""
        params = await _asked(request)
        self._check_redirect(params)
        if params.get("response_type") != "code":
            return self._back(params, {"error": "unsupported_response_type"})
        if self.settings.needs_pkce and not params.get("code_challenge"):
            return self._back(params, {"error": "invalid_request", "error_description": "code_challenge is missing"})
        if params.get("sandbox_deny"):
            return self._back(params, {"error": params["sandbox_deny"]})
        silent = params.get("login_hint", "") if params.get("prompt") == "none" else ""
        person = self.box.people.find(params.get("sandbox_user") or silent)
        if person is None and params.get("prompt") == "none":
            return self._back(params, {"error": "login_required"})
        if person is None:
            people, granular = self.box.people.all(), self.hooks.granular
            return consent_page(self.box.vendor.title, people, params, request.path, granular=granular)
        more = self.hooks.further(request, person, params)
        if isinstance(more, web.Response):
            return more
        return self._back(params, {"code": self._code(person, params), **more})

    @behaviour(
        "documented",
        "Tokens: authorization_code (single use, bound to client, redirect address and verifier) and refresh_token.",
    )
    async def token(self, request: web.Request) -> web.Response:
        """Code or refresh token in, tokens out."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            client = self._client(request, form)
            answer = self._granted(form.get("grant_type", ""))(request, client, form)
        except Denied as denied:
            return self.hooks.refuse(denied.status, denied.error, denied.description)
        return web.json_response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    @behaviour(
        "documented", "Revocation of either token ends the whole grant: every token of this person for this app."
    )
    async def revoke(self, request: web.Request) -> web.Response:
        """Ends the grant of the token that is shown."""
        form = await request.post()
        shown = str(form.get("token") or request.query.get("token", ""))
        if not self._end_grant_of(shown, shown):
            return self.hooks.refuse(400, "invalid_token", "Token expired or revoked")
        return web.json_response({})

    def _check_redirect(self, params: Form) -> None:
        target, client = params.get("redirect_uri", ""), params.get("client_id", "")
        known = self.box.store.table("clients").get(client)
        parts = urlsplit(target)
        if not client or parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
            raise Refused(400, "invalid_request", "client_id or redirect_uri is missing or malformed.")
        if known and target not in known["redirects"]:
            raise Refused(400, "redirect_uri_mismatch", "The redirect_uri is not registered for this client.")

    def _back(self, params: Form, answer: dict[str, str]) -> web.Response:
        parts = urlsplit(params["redirect_uri"])
        state = {"state": params["state"]} if "state" in params else {}
        query = "&".join(filter(None, [parts.query, urlencode({**answer, **state})]))
        return web.Response(status=302, headers={"Location": urlunsplit(parts._replace(query=query))})

    def _code(self, person: Person, params: Form) -> str:
        code = self.settings.code_prefix + secrets.token_urlsafe(32)
        kept = ("client_id", "redirect_uri", "code_challenge", "code_challenge_method", "nonce", "scope")
        row: dict[str, Any] = {name: params.get(name, "") for name in kept}
        row["scope"] = params.get("sandbox_scope", row["scope"])
        row |= {"person": person.email, "at": int(self.box.now()), "ends": self.box.now() + self.settings.code_ttl}
        self.box.store.table("codes").put(code, row | {"offline": self.hooks.offline(params), "grant": None})
        return code

    @behaviour("assumed", "Any client id is taken with any secret, unless that client was registered.")
    def _client(self, request: web.Request, form: Form) -> str:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client, _, secret = base64.b64decode(value).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                client = ""
        known = self.box.store.table("clients").get(client)
        if not client or (known and known["secret"] is not None and known["secret"] != secret):
            raise Denied("invalid_client", "The client is unknown or its secret is wrong.", 401)
        return client

    def _granted(self, kind: str) -> Callable[[web.Request, str, Form], dict[str, Any]]:
        ways = {"authorization_code": self._exchange, "refresh_token": self._refresh}
        if kind not in ways:
            raise Denied("unsupported_grant_type", "Only authorization_code and refresh_token.")
        return ways[kind]

    def _exchange(self, request: web.Request, client: str, form: Form) -> dict[str, Any]:
        code = self.box.store.table("codes").get(form.get("code", ""))
        if code and code["grant"]:
            self._end_grant(code["grant"])  # a code shown twice was stolen once
            raise Denied("invalid_grant", "The code was used before.")
        if not code or code["ends"] <= self.box.now() or code["client_id"] != client:
            raise Denied("invalid_grant", "The code is unknown or has expired.")
        if code["redirect_uri"] != form.get("redirect_uri"):
            raise Denied("invalid_grant", "The redirect_uri differs from the first one.")
        if not _verified(code, form.get("code_verifier", "")):
            raise Denied("invalid_grant", "The code verifier does not match.")
        grant = secrets.token_hex(16)
        with self.box.store.batch():
            self.box.store.table("codes").merge(form["code"], grant=grant)
            row = {"person": code["person"], "client": client, "scope": code["scope"], "offline": code["offline"]}
            self.box.store.table("grants").put(grant, row)
            return self._issue(request, grant, code["scope"], code, fresh_refresh=code["offline"])

    def _refresh(self, request: web.Request, client: str, form: Form) -> dict[str, Any]:
        shown = form.get("refresh_token", "")
        row = self.box.store.table("refresh").get(shown)
        grant = self.box.store.table("grants").get(row["grant"]) if row else None
        if row and row["used"] and self.settings.reuse_ends_grant:
            self._end_grant(row["grant"])
        if not row or not grant or row["used"] or grant["client"] != client or row["ends"] <= self.box.now():
            raise Denied("invalid_grant", "Token has been expired or revoked.")
        wanted = form.get("scope", "") or grant["scope"]
        if not set(wanted.split()) <= set(grant["scope"].split()):
            raise Denied("invalid_scope", "More was asked for than was granted.")
        with self.box.store.batch():
            if self.settings.rotates and self.settings.once:
                self.box.store.table("refresh").merge(shown, used=True)
            return self._issue(request, row["grant"], wanted, {}, fresh_refresh=self.settings.rotates)

    def _issue(
        self, request: web.Request, grant: str, scope: str, code: Mapping[str, Any], *, fresh_refresh: bool
    ) -> dict[str, Any]:
        now = self.box.now()
        access = self.settings.access_prefix + secrets.token_urlsafe(32)
        self.box.store.table("access").put(
            access, {"grant": grant, "scope": scope, "ends": now + self.settings.access_ttl}
        )
        answer: dict[str, Any] = {
            "access_token": access,
            "expires_in": self.settings.access_ttl,
            "scope": scope,
            "token_type": "Bearer",
        }
        if fresh_refresh:
            answer["refresh_token"] = self.settings.refresh_prefix + secrets.token_urlsafe(48)
            ends = now + (self.settings.refresh_ttl or 10 * 365 * 86400)
            self.box.store.table("refresh").put(answer["refresh_token"], {"grant": grant, "ends": ends, "used": False})
        session = self._session(grant, scope)
        assert session is not None, "the grant was put a moment ago"
        return answer | self.hooks.extras(request, code, session)

    def _session(self, grant: str, scope: str) -> Session | None:
        row = self.box.store.table("grants").get(grant)
        person = self.box.people.find(row["person"]) if row else None
        if row is None or person is None:
            return None
        return Session(person, row["client"], frozenset(scope.split()), grant)

    def _end_grant_of(self, access: str, refresh: str) -> bool:
        row = self.box.store.table("access").get(access) or self.box.store.table("refresh").get(refresh)
        return self._end_grant(row["grant"]) if row else False

    def _end_grant(self, grant: str) -> bool:
        return self.box.store.table("grants").drop(grant) is not None


async def _asked(request: web.Request) -> dict[str, str]:
    """The parameters of query and form; what was ticked several times comes as one text."""
    params: dict[str, str] = dict(request.query)
    if request.method == "POST":
        form = await request.post()
        params |= {name: str(value) for name, value in form.items()}
        if form.get("sandbox_granular"):
            params["sandbox_scope"] = " ".join(map(str, form.getall("sandbox_scope", [])))
        if "sandbox_pick" in form:
            params["sandbox_pick"] = ",".join(map(str, form.getall("sandbox_pick")))
    return params


def _verified(code: Mapping[str, Any], verifier: str) -> bool:
    challenge = code["code_challenge"]
    if not challenge:
        return True
    if code["code_challenge_method"] == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(challenge.encode(), verifier.encode())
