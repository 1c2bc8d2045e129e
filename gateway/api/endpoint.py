"""What every request passes on its way to a route's handler: who asks, from where, whether they may, what they sent."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from cache.vault import Scope
from gateway.api.problems import Problem, not_found
from gateway.api.routing import PUBLIC, Call, Route, parse_form, parse_json, parse_query
from gateway.policy import Decision, Principal, Resource, decide, is_fresh

if TYPE_CHECKING:
    from gateway.api.services import Services

FRESH = 300
"""Seconds that a sign-in may be old at most for what cannot be undone, whatever the deployment allows."""
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def endpoint(route: Route, services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if route.counted:
            services.arrivals.admit(request, route.path)
        principal = None
        if route.action != PUBLIC:
            principal = await authenticate(request, services)
            if permit(principal, route.action).fresh:
                await require_fresh(services, principal, route.page)
            services.arrivals.admit_person(principal.person, route.path, route.rate)
        call = Call(request, services, principal)
        if route.query is not None:
            call.query = parse_query(route.query, request)
        if route.body is not None:
            call.body = await (parse_form if route.form else parse_json)(
                route.body, request, services.settings.limits.body_bytes
            )
        key = request.headers.get("Idempotency-Key")
        if route.idempotent and key is not None:
            return await _once(route, call, key)
        return await route.handler(call)

    return handle


async def authenticate(request: web.Request, services: Services) -> Principal:
    """Who asks: by bearer token, or by the page's session cookie with a same-origin check on unsafe methods."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        principal = await services.client_tokens.resolve(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            raise Problem(
                401, "sign_in_required", "This sign-in has ended. Sign in again.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )  # fmt: skip
        return principal
    cookie = request.cookies.get(services.cookie_name)
    principal = await services.sessions.resolve(cookie) if cookie else None
    if principal is None:
        raise Problem(401, "sign_in_required", "Sign in first.", headers={"WWW-Authenticate": "Bearer"})
    if request.method in UNSAFE:
        check_origin(request, services.public_origin)
    return principal


def check_origin(request: web.Request, ours: str) -> None:
    """Refuse what another site made a browser send: writes with a cookie come from our own pages only."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in (None, "same-origin") or origin not in (None, ours)
    if foreign or (origin is None and site is None):
        raise Problem(403, "cross_site", "This request did not come from this gateway's own page.")


async def require_fresh(services: Services, principal: Principal, page: str = "/") -> None:
    """403 with the way to sign in again where the sign-in is too old; ``page``: where they come back to."""
    now, limit = await services.database.now(), services.settings.session.fresh_seconds
    if not is_fresh(principal, now, min(limit, FRESH)):
        raise Problem(
            403,
            "fresh_sign_in_required",
            "Sign in again first, so that nobody else can do this in your name.",
            sign_in=f"/signin?fresh=1&next={page}",
        )


def permit(principal: Principal, action: str, resource: Resource | None = None) -> Decision:
    """The decision that allows it. 403 where the policy says no, with its reason."""
    decision = decide(principal, action, resource or own(principal))
    if not decision.allowed:
        if decision.hidden:
            raise not_found()
        raise Problem(403, "not_allowed", "You are not allowed to do this here.", reason=decision.reason)
    return decision


def own(principal: Principal) -> Resource:
    """A resource of the caller."""
    return Resource(school=principal.school, person=principal.person)


async def _once(route: Route, call: Call, key: str) -> web.StreamResponse:
    me = call.me
    scope = Scope(me.school, me.person)
    body = call.body.model_dump_json() if call.body is not None else ""
    told = f"{call.request.method}\0{call.request.rel_url.raw_path}\0{body}"
    fingerprint = hashlib.sha256(told.encode())
    claim = await call.services.idempotency.claim(scope, key, fingerprint.digest())
    call.word = hashlib.sha256(f"{me.person}\0{key}\0{fingerprint.hexdigest()}".encode()).hexdigest()[:32]
    if isinstance(claim, web.Response):
        return claim
    try:
        response = await route.handler(call)
    except BaseException:
        await call.services.idempotency.release(claim)
        raise
    if isinstance(response, web.Response):
        await call.services.idempotency.finish(scope, claim, response)
    return response
