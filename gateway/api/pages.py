"""The pages and what a browser visits on its way: sign-in, connecting an account, the extension's consent, sign-out.

Pages are rendered by `gateway.web`; this room decides who sees which, sets cookies and redirects. A redirect goes only
to our own paths, to a configured provider, or to a known extension.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import structlog
from aiohttp import web

from gateway.api import headers
from gateway.api.endpoint import check_origin, permit
from gateway.api.problems import Problem
from gateway.api.routes_account import me_out
from gateway.api.routing import read_form
from gateway.identity.errors import ConnectRefused, NotActive, SignInRefused, TokenRefused, WrongState
from gateway.inventory.page import shown
from gateway.policy import Principal
from gateway.sentences import sentence
from gateway.web import catalogs, pages
from providers.errors import DriveError

if TYPE_CHECKING:
    from gateway.api.services import Services

log = structlog.get_logger()

FLOW_SECONDS = 600
LANGUAGE = "language"
"""Cookie of a language that a person picked."""
KEPT_LANGUAGE = 365 * 86_400
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


def _changed_their_mind(error: Exception) -> bool:
    """Who cancels at the provider is back where they were: that is no failure, and nothing to be told off for."""
    return isinstance(error, SignInRefused | ConnectRefused) and error.reason == "cancelled"


class Pages:
    """The handlers of everything that is not /v1."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._flow_cookie = services.cookie_name.replace("session", "signin")

    def routes(self) -> list[web.RouteDef]:
        """Addresses and handlers."""
        return [
            web.get("/", self.home),
            web.get("/favicon.ico", self.icon),
            web.get("/forget", self.home),
            web.get("/school", self.home),
            web.get("/receipt", self.receipt),
            web.get("/privacy", self.privacy),
            web.get("/signin", self.sign_in),
            web.get("/signin/callback", self.signed_in),
            web.get("/signed-in", self.signed_again),
            web.post("/signout", self.sign_out),
            web.get("/connect/callback", self.connected),
            web.get("/extension/authorize", self.ask_extension),
            web.post("/extension/authorize", self.allow_extension),
        ]

    def _locale(self, request: web.Request, known: str | None = None) -> str:
        accepted = request.headers.get("Accept-Language", "")
        chosen = (request.query.get("lang"), request.cookies.get(LANGUAGE))
        return catalogs.choose(*chosen, known, accept_language=accepted)

    async def _who(self, request: web.Request) -> Principal | None:
        cookie = request.cookies.get(self._services.cookie_name)
        return await self._services.sessions.resolve(cookie) if cookie else None

    def _set(self, response: web.Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._services.secure, httponly=True, samesite="Lax"
        )

    async def _me(self, principal: Principal) -> dict[str, Any]:
        async with self._services.decisions.looking(principal, "me.read"):
            return (await me_out(self._services, principal)).model_dump(mode="json")

    async def _permitted(self, principal: Principal, action: str) -> None:
        """As `permit`; what is refused is told to the ledger."""
        try:
            permit(principal, action)
        except Problem as error:
            await self._services.decisions.refused(principal, action, error.denied)
            raise

    @asynccontextmanager
    async def _allowed(self, principal: Principal, action: str, request: web.Request) -> AsyncIterator[None]:
        """What is inside is done on this person's word, which the ledger knows before."""
        await self._permitted(principal, action)
        async with self._services.decisions.allowed(principal, action, {"request": f"{request.method} {request.path}"}):
            yield

    def _sign_in_page(self, request: web.Request, notice: str = "", status: int = 200) -> web.Response:
        locale = self._locale(request)
        schools = [{"id": school.id, "name": school.name} for school, _ in self._services.ways_in()]
        told = catalogs.translate(locale, notice) if notice else ""
        page = pages.render("signin", locale, schools=schools, next=request.query.get("next", ""), notice=told)
        return html(page, status)

    def _problem(self, request: web.Request, advice: str) -> web.Response:
        locale = self._locale(request)
        title, told = (catalogs.translate(locale, text) for text in (sentence("That did not work"), advice))
        return html(pages.render("problem", locale, title=title, detail="", advice=told, action=None), 400)

    async def home(self, request: web.Request) -> web.StreamResponse:
        """The drives, side by side; for a guardian the children; or the way in."""
        principal = await self._who(request)
        if principal is None:
            return self._sign_in_page(request)
        try:
            me = await self._me(principal)
        except NotActive:
            return self._sign_in_page(request)
        locale = self._locale(request, me["locale"])
        response = html(pages.render("guardian" if me["role"] == "guardian" else "drives", locale, me=me))
        if request.query.get("lang") == locale:  # a choice is kept for those who are signed in; before, nothing is
            self._set(response, LANGUAGE, locale, KEPT_LANGUAGE)
        return response

    async def icon(self, _request: web.Request) -> web.StreamResponse:
        """For what asks without having read a page."""
        return web.Response(status=301, headers={"Location": "/static/logo.svg"})

    async def receipt(self, request: web.Request) -> web.StreamResponse:
        """Shows the receipt; the session is gone by then."""
        return html(pages.render("receipt", self._locale(request)))

    async def privacy(self, request: web.Request) -> web.StreamResponse:
        """What is kept of whom, why and how long: for everybody, signed in or not."""
        locale = self._locale(request)
        return html(pages.render("privacy", locale, **shown(self._services.facts, locale)))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """To the school's own provider."""
        self._services.arrivals.admit(request, "/signin")
        query = request.query
        issuers = {school.id: issuer for school, issuer in self._services.ways_in()}
        issuer = issuers.get(query["school"], "") if "school" in query else None
        try:
            begun = await self._services.sign_in.begin(
                issuer, fresh=query.get("fresh") == "1", next_page=query.get("next", "/")
            )
        except (SignInRefused, DriveError) as error:
            return self._sign_in_page(request, error.advice, 400)
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
            if _changed_their_mind(error):
                return see("/")
            return self._sign_in_page(request, error.advice, 400)
        response = see(finished.next)
        response.del_cookie(self._flow_cookie, path="/", secure=services.secure, httponly=True)
        self._set(response, services.cookie_name, finished.session.secret, services.settings.session.absolute_seconds)
        return response

    async def signed_again(self, request: web.Request) -> web.StreamResponse:
        """Where a second tab ends in which somebody signed in again, so that the first one loses nothing."""
        if await self._who(request) is None:
            return self._sign_in_page(request)
        return html(pages.render("signed_in", self._locale(request)))

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End this session."""
        check_origin(request, self._services.public_origin)
        principal = await self._who(request)
        if principal is not None:
            async with self._allowed(principal, "session.end", request):
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
            async with self._allowed(principal, "connection.manage", request):
                account = await self._services.accounts.finish(principal, dict(request.query))
        except (ConnectRefused, WrongState, NotActive, DriveError) as error:
            log.info("connect_refused", reason=getattr(error, "reason", "") or type(error).__name__)
            if _changed_their_mind(error):
                return see("/")
            return self._problem(request, error.advice)
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
        await self._permitted(principal, "extension.authorize")
        asked = dict(request.query)
        try:
            target = self._check_extension(asked)
        except TokenRefused:
            return self._problem(request, DriveError.advice)  # nothing that signing in again could mend
        me = await self._me(principal)
        csp = headers.PAGE_CSP.replace("form-action 'self'", f"form-action 'self' {target}")
        return html(pages.render("extension_consent", self._locale(request), me=me, fields=asked), csp=csp)

    async def allow_extension(self, request: web.Request) -> web.StreamResponse:
        """The person's answer: a code for the extension, or its refusal."""
        check_origin(request, self._services.public_origin)
        principal = await self._who(request)
        if principal is None:
            raise Problem(401, "sign_in_required", "Sign in first.")
        await self._permitted(principal, "extension.authorize")
        asked = await read_form(request, self._services.settings.limits.body_bytes)
        decision = asked.pop("decision", "")
        try:
            self._check_extension(asked)
        except TokenRefused:
            return self._problem(request, DriveError.advice)  # nothing that signing in again could mend
        answer = {"state": asked.get("state", "")}
        if decision == "allow":
            async with self._allowed(principal, "extension.authorize", request):
                answer["code"] = await self._services.client_tokens.authorize(
                    principal, asked["client_id"], asked["redirect_uri"], asked["code_challenge"]
                )
        else:
            answer["error"] = "access_denied"
        return see(f"{asked['redirect_uri']}?{urlencode(answer)}")
