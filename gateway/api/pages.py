"""The pages and what a browser visits on its way: sign-in, connecting an account, the extension's consent, sign-out.

Pages are rendered by `gateway.web`; this room decides who sees which, sets cookies and redirects. A redirect goes only
to our own paths, to a configured provider, or to a known extension.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import structlog
from aiohttp import web

from cache.vault import Scope
from gateway.api import headers
from gateway.api.endpoint import check_origin, permit
from gateway.api.problems import Problem
from gateway.identity.errors import ConnectRefused, NotActive, SignInRefused, TokenRefused, WrongState
from gateway.policy import Principal
from gateway.web import pages
from providers.errors import DriveError

if TYPE_CHECKING:
    from gateway.services import Services

log = structlog.get_logger()

FLOW_SECONDS = 600
STATE = 500
"""Characters of an extension's state at most."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def html(text: str, status: int = 200, csp: str = headers.PAGE_CSP) -> web.Response:
    """A page of ours."""
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        headers={"Content-Security-Policy": csp, "Cache-Control": "no-store"},
    )


def see(address: str) -> web.Response:
    """303 to an address that was decided here."""
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


class Pages:
    """The handlers of everything that is not /v1."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._flow_cookie = services.cookie_name.replace("session", "signin")

    def routes(self) -> list[web.RouteDef]:
        """Addresses and handlers."""
        return [
            web.get("/", self.home),
            web.get("/forget", self.forget),
            web.get("/forgotten", self.forgotten),
            web.get("/signin", self.sign_in),
            web.get("/signin/callback", self.signed_in),
            web.post("/signout", self.sign_out),
            web.get("/connect/callback", self.connected),
            web.get("/extension/authorize", self.ask_extension),
            web.post("/extension/authorize", self.allow_extension),
        ]

    def _locale(self, request: web.Request) -> str:
        return pages.negotiate(request.headers.get("Accept-Language", ""))

    async def _who(self, request: web.Request) -> Principal | None:
        cookie = request.cookies.get(self._services.cookie_name)
        return await self._services.sessions.resolve(cookie) if cookie else None

    def _set(self, response: web.Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._services.secure, httponly=True, samesite="Lax"
        )

    async def _shell(self, request: web.Request, page: str) -> web.StreamResponse:
        principal = await self._who(request)
        if principal is None:
            return self._sign_in_page(request)
        scope = Scope(principal.school, principal.person)
        try:
            person = await self._services.people.get(scope)
        except NotActive:
            return self._sign_in_page(request)
        locale = person.locale if person.locale in pages.LOCALES else self._locale(request)
        return html(pages.render(page, locale, person=person, school=self._services.schools.get(principal.school)))

    def _sign_in_page(self, request: web.Request, problem: str = "", status: int = 200) -> web.Response:
        settings = self._services.settings
        schools = [
            {"name": school.name, "url": "/signin?" + urlencode({"issuer": provider.issuer})}
            for provider in settings.identity_providers
            for school in provider.schools.values()
        ]
        return html(pages.render("signin.html", self._locale(request), schools=schools, problem=problem), status)

    async def home(self, request: web.Request) -> web.StreamResponse:
        """The drives, side by side; or the way in."""
        return await self._shell(request, "home.html")

    async def forget(self, request: web.Request) -> web.StreamResponse:
        """What would be forgotten, and the button."""
        return await self._shell(request, "forget.html")

    async def forgotten(self, request: web.Request) -> web.StreamResponse:
        """Shows the receipt; the session is gone by then."""
        return html(pages.render("receipt.html", self._locale(request)))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """To the school's own provider."""
        query = request.query
        try:
            begun = await self._services.sign_in.begin(
                query.get("issuer"), fresh=query.get("fresh") == "1", next_page=query.get("next", "/")
            )
        except (SignInRefused, DriveError) as error:
            return self._sign_in_page(request, getattr(error, "advice", ""), 400)
        response = see(begun.url)
        self._set(response, self._flow_cookie, begun.cookie, FLOW_SECONDS)
        return response

    async def signed_in(self, request: web.Request) -> web.StreamResponse:
        """Back from the provider."""
        services = self._services
        try:
            finished = await services.sign_in.finish(
                request.cookies.get(self._flow_cookie, ""),
                dict(request.query),
                instead_of=request.cookies.get(services.cookie_name),
            )
        except (SignInRefused, NotActive, DriveError) as error:
            log.info("sign_in_refused", reason=getattr(error, "reason", "") or type(error).__name__)
            return self._sign_in_page(request, error.advice, 400)
        response = see(finished.next)
        response.del_cookie(self._flow_cookie, path="/", secure=services.secure, httponly=True)
        self._set(response, services.cookie_name, finished.session.secret, services.settings.session.absolute_seconds)
        return response

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End this session."""
        check_origin(request, self._services.public_origin)
        principal = await self._who(request)
        if principal is not None:
            await self._services.sessions.end(principal)
        response = see("/")
        response.del_cookie(self._services.cookie_name, path="/", secure=self._services.secure, httponly=True)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    async def connected(self, request: web.Request) -> web.StreamResponse:
        """Back from a consent: the account exists now, but is used only after the person confirmed it."""
        principal = await self._who(request)
        if principal is None:
            return self._sign_in_page(request)
        try:
            account = await self._services.accounts.finish(principal, dict(request.query))
        except (ConnectRefused, WrongState, NotActive, DriveError) as error:
            log.info("connect_refused", reason=getattr(error, "reason", "") or type(error).__name__)
            return html(pages.render("problem.html", self._locale(request), advice=error.advice), 400)
        return see(f"/?connected={account}")

    def _check_extension(self, asked: Mapping[str, str]) -> str:
        """The origin that the answer goes to, for a request of a known extension. TokenRefused."""
        self._services.client_tokens.check(
            asked.get("client_id", ""),
            asked.get("redirect_uri", ""),
            asked.get("code_challenge", ""),
            asked.get("code_challenge_method", ""),
        )
        if asked.get("response_type") != "code" or len(asked.get("state", "")) > STATE:
            raise TokenRefused("invalid_request")
        return "https://" + asked["redirect_uri"].split("/")[2]

    async def ask_extension(self, request: web.Request) -> web.StreamResponse:
        """May the browser extension act for the person?"""
        principal = await self._who(request)
        if principal is None:
            return see("/signin?" + urlencode({"next": request.rel_url.raw_path_qs}))
        permit(principal, "extension.authorize")
        asked = dict(request.query)
        try:
            target = self._check_extension(asked)
        except TokenRefused:
            return html(pages.render("problem.html", self._locale(request), advice=TokenRefused.advice), 400)
        person = await self._services.people.get(Scope(principal.school, principal.person))
        csp = headers.PAGE_CSP.replace("form-action 'self'", f"form-action 'self' {target}")
        return html(pages.render("authorize.html", self._locale(request), person=person, asked=asked), csp=csp)

    async def allow_extension(self, request: web.Request) -> web.StreamResponse:
        """The person's answer: a code for the extension, or its refusal."""
        check_origin(request, self._services.public_origin)
        principal = await self._who(request)
        if principal is None:
            raise Problem(401, "sign_in_required", "Sign in first.")
        permit(principal, "extension.authorize")
        raw = await request.content.read(16_384)
        asked = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))
        decision = asked.pop("decision", "")
        try:
            self._check_extension(asked)
        except TokenRefused:
            return html(pages.render("problem.html", self._locale(request), advice=TokenRefused.advice), 400)
        answer = {"state": asked.get("state", "")}
        if decision == "allow":
            answer["code"] = await self._services.client_tokens.authorize(
                principal, asked["client_id"], asked["redirect_uri"], asked["code_challenge"]
            )
        else:
            answer["error"] = "access_denied"
        return see(f"{asked['redirect_uri']}?{urlencode(answer)}")
