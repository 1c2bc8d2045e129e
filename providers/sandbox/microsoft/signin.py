"""The identity platform: authorize and token under /{tenant}/oauth2/v2.0, discovery, RS256 id_tokens and their keys."""

from __future__ import annotations

import base64
import html
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, base, label
from providers.sandbox.microsoft.accounts import CONSUMERS, Account, tenant
from providers.sandbox.microsoft.policies import Policies, Trouble
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.oauth import Form, Hooks, OAuth, Session, Settings

_CODES = {"invalid_grant": 70000, "invalid_client": 7000215, "invalid_scope": 70011, "unsupported_grant_type": 70003}
_ANYONE = ("common", "organizations", "consumers")
ID_TTL = 3600


class SignIn:
    """Sign-in for every tenant of one stand-in."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.kept = box, Kept(box.store.table("meta"))
        self.policies = Policies(box, self.kept)
        settings = Settings(rotates=True, once=False, access_prefix="EwB4", refresh_prefix="M.C5", code_prefix="M.C")
        self.oauth = OAuth(box, settings, Hooks(offline=_offline, extras=self._extras, refuse=_refuse))
        router = box.app.router
        router.add_route("*", "/{tenant}/oauth2/v2.0/authorize", self.authorize)
        router.add_post("/{tenant}/oauth2/v2.0/token", self.token)
        router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self.discovery)
        router.add_get("/{tenant}/discovery/v2.0/keys", self.keys)
        kept = box.store.table("meta").get("signing")
        self._key = RSAKey.import_key(kept["jwk"]) if kept else RSAKey.generate_key(2048, auto_kid=True)
        if not kept:
            box.store.table("meta").put("signing", {"jwk": self._key.as_dict(private=True)})

    @behaviour("documented", "response_mode=form_post comes back as a form that posts itself to the redirect address.")
    @behaviour("documented", "Signing in to a tenant that the account does not belong to fails with AADSTS50020.")
    async def authorize(self, request: web.Request) -> web.Response:
        """The consent page, or back with a code."""
        label(request, "/{tenant}/oauth2/v2.0/authorize")
        form = await request.post() if request.method == "POST" else {}
        params = {**request.query, **{name: str(value) for name, value in form.items()}}
        person = self.box.people.find(params.get("sandbox_user", ""))
        if person and not _belongs(Account(person), request.match_info["tenant"]):
            raise Refused(400, "invalid_request", "AADSTS50020: User account does not exist in tenant.")
        answer = await self.oauth.authorize(request)
        trouble = self.policies.at_sign_in(person, params.get("claims", "")) if person else None
        if trouble and answer.status == 302:
            answer.headers["Location"] = _instead(answer.headers["Location"], trouble)
        if answer.status == 302 and params.get("response_mode") == "form_post":
            return _posting(answer.headers["Location"])
        return answer

    @behaviour("documented", "A refresh token replaces itself upon every use, and the old one is not revoked by that.")
    @behaviour("documented", "The token endpoint speaks AADSTS codes in its errors.")
    async def token(self, request: web.Request) -> web.Response:
        """Code or refresh token in, tokens out."""
        label(request, "/{tenant}/oauth2/v2.0/token")
        form = await request.post()
        row = self.box.store.table("refresh").get(str(form.get("refresh_token", "")))
        grant = self.box.store.table("grants").get(row["grant"]) if row else None
        person = self.box.people.find(grant["person"]) if grant else None
        if trouble := self.policies.at_refresh(person) if person else None:
            return _refuse(400, trouble.error, trouble.text, trouble)
        return await self.oauth.token(request)

    def _tid(self, name: str) -> str:
        """A tenant's id, also of its domain."""
        schools = {person.school for person in self.box.people.all()}
        return next((tenant(one) for one in schools if name == f"{one}.example"), name)

    @behaviour("documented", "A tenant's own discovery, under its id or its domain, names the issuer by its id.")
    @behaviour("documented", "Discovery: of 'common' and its like the issuer has a literal {tenantid} in it.")
    async def discovery(self, request: web.Request) -> web.Response:
        """The OpenID configuration of a tenant, on the request's own scheme and host."""
        label(request, "/{tenant}/v2.0/.well-known/openid-configuration")
        wanted = request.match_info["tenant"]
        root = f"{base(request)}/{wanted}"
        doc: dict[str, Any] = {name: f"{root}/oauth2/v2.0/{name.partition('_')[0]}" for name in ("token_endpoint",)}
        doc["authorization_endpoint"] = f"{root}/oauth2/v2.0/authorize"
        doc["jwks_uri"] = f"{root}/discovery/v2.0/keys"
        doc["issuer"] = f"{base(request)}/{'{tenantid}' if wanted in _ANYONE else self._tid(wanted)}/v2.0"
        doc |= {"response_types_supported": ["code"], "response_modes_supported": ["query", "form_post"]}
        doc |= {"subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"]}
        doc |= {"scopes_supported": ["openid", "profile", "email", "offline_access"]}
        doc |= {"token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]}
        doc |= {"code_challenge_methods_supported": ["S256", "plain"], "tenant_region_scope": None}
        return web.json_response(doc)

    async def keys(self, request: web.Request) -> web.Response:
        """The public keys, as a JWK set."""
        label(request, "/{tenant}/discovery/v2.0/keys")
        return web.json_response({"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "RS256"}]})

    @behaviour(
        "documented",
        "With openid an id_token comes along: iss, aud, sub, tid, oid, preferred_username, nonce, ver 2.0.",
    )
    @behaviour("documented", "The scope of the answer leaves out offline_access; client_info names uid and utid.")
    def _extras(self, request: web.Request, code: Mapping[str, Any], session: Session) -> dict[str, Any]:
        account = Account(session.person)
        info = json.dumps({"uid": account.oid, "utid": account.tid}).encode()
        extras: dict[str, Any] = {"ext_expires_in": self.oauth.settings.access_ttl}
        extras["client_info"] = base64.urlsafe_b64encode(info).rstrip(b"=").decode()
        extras["scope"] = " ".join(sorted(session.scopes - {"offline_access"}))
        if "openid" in session.scopes:
            extras["id_token"] = self._id_token(request, account, session.client, str(code.get("nonce", "")))
        return extras

    def _id_token(self, request: web.Request, account: Account, client: str, nonce: str) -> str:
        now = int(self.box.now())
        claims: dict[str, Any] = {"iss": f"{base(request)}/{account.tid}/v2.0", "aud": client, "ver": "2.0"}
        claims |= {"sub": str(uuid.uuid5(uuid.UUID(account.oid), client)), "oid": account.oid, "tid": account.tid}
        claims |= {"iat": now, "nbf": now, "exp": now + ID_TTL, "name": account.person.name}
        claims |= {"preferred_username": account.person.email, "email": account.person.email}
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self._key.kid}, claims, self._key)


@behaviour("documented", "A refresh token comes only where offline_access was asked for.")
def _offline(params: Form) -> bool:
    return "offline_access" in params.get("scope", "").split()


def _belongs(account: Account, wanted: str) -> bool:
    if wanted == "common":
        return True
    own = {
        account.tid,
        f"{account.person.school}.example",
        "consumers" if account.tid == CONSUMERS else "organizations",
    }
    return wanted in own


def _posting(location: str) -> web.Response:
    """The page that carries an answer to the redirect address as a cross-site POST."""
    parts = urlsplit(location)
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    action = html.escape(parts._replace(query="").geturl())
    page = f'<form method="post" action="{action}">{fields}<button>Continue</button></form>'
    script = "<script>document.forms[0].submit()</script>"
    return web.Response(text=f"<!doctype html><title>Working</title>{page}{script}", content_type="text/html")


def _instead(location: str, trouble: Trouble) -> str:
    """The way back to the app with an error where the code was."""
    parts = urlsplit(location)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "code"]
    error = [("error", trouble.error), ("error_description", f"AADSTS{trouble.number}: {trouble.text}")]
    return urlunsplit(parts._replace(query=urlencode([*error, *kept])))


def _refuse(status: int, error: str, description: str, trouble: Trouble | None = None) -> web.Response:
    """The token endpoint's error body."""
    code = trouble.number if trouble else _CODES.get(error, 900144)
    more = {"suberror": trouble.suberror, "claims": trouble.claims} if trouble else {}
    doc: dict[str, Any] = {"error": error, "error_description": f"AADSTS{code}: {description}", "error_codes": [code]}
    doc |= {"timestamp": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"), "trace_id": str(uuid.uuid4())}
    doc |= {name: value for name, value in more.items() if value}
    return web.json_response(doc | {"correlation_id": str(uuid.uuid4())}, status=status)
