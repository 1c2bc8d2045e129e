"""What every request passes on its way to a route's handler: who asks, from where, whether they may, what they sent.

What was decided is in the ledger before the handler runs (`gateway.api.decisions`), whatever the handler is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.api.fresh import require_fresh
from gateway.api.problems import Problem, not_found
from gateway.api.routing import PUBLIC, Call, Route, parse_form, parse_json, parse_query
from gateway.policy import Decision, Principal, Resource, decide
from gateway.sentences import sentence

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
        if route.action == PUBLIC:
            return await route.handler(await _read(route, Call(request, services, None)))
        principal = await authenticate(request, services)
        try:
            check_sender(request, services.public_origin)
            if permit(principal, route.action).fresh:
                await require_fresh(services, principal, route.page)
            services.arrivals.admit_person(principal.person, route.path, route.rate)
            return await _decided(route, await _read(route, Call(request, services, principal)))
        except Problem as error:
            if error.denied:
                await services.decisions.refused(principal, route.action, error.denied)
            raise

    return handle


async def _read(route: Route, call: Call) -> Call:
    """With what was sent, checked."""
    if route.query is not None:
        call.query = parse_query(route.query, call.request)
    if route.body is not None:
        parse, most = parse_form if route.form else parse_json, call.services.settings.limits.body_bytes
        call.body = await parse(route.body, call.request, most)
    return call


async def _decided(route: Route, call: Call) -> web.StreamResponse:
    """The handler's answer, once the ledger knows on whose word it works."""
    decisions, me = call.services.decisions, call.me
    if not route.records:
        async with decisions.looking(me, route.action) as call.instruction:
            return await route.handler(call)
    key = call.request.headers.get("Idempotency-Key") if route.idempotent else None
    fingerprint = None if key is None else _fingerprint(call)
    if fingerprint is not None:
        call.word = hashlib.sha256(f"{me.person}\0{key}\0{fingerprint.hex()}".encode()).hexdigest()[:32]
    told = {"request": f"{route.method} {route.path}", "of": dict(call.request.match_info)}
    async with decisions.allowed(me, route.action, told, call.word) as call.instruction:
        if key is None or fingerprint is None:
            return await route.handler(call)
        return await _once(route, call, key, fingerprint)


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
    return principal


def check_sender(request: web.Request, ours: str) -> None:
    """`check_origin` where a cookie proved who asks and something is to change."""
    if request.method in UNSAFE and "Authorization" not in request.headers:
        check_origin(request, ours)


def check_origin(request: web.Request, ours: str) -> None:
    """Refuse what another site made a browser send: writes with a cookie come from our own pages only."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in (None, "same-origin") or origin not in (None, ours)
    if foreign or (origin is None and site is None):
        raise Problem(403, "cross_site", "This request did not come from this gateway's own page.")


def permit(principal: Principal, action: str, resource: Resource | None = None) -> Decision:
    """The decision that allows it. 403 where the policy says no, with its reason."""
    decision = decide(principal, action, resource or own(principal))
    if decision.allowed:
        return decision
    if decision.hidden:
        hidden = not_found()
        hidden.denied = decision.reason
        raise hidden
    if decision.reason == "contained":
        raise Problem(
            403, "contained", "Your school's access is suspended while something is looked into.",
            advice=sentence("Until then only incidents, suspensions, the ledger and being forgotten work."),
        )  # fmt: skip
    raise Problem(403, "not_allowed", "You are not allowed to do this here.", reason=decision.reason)


def own(principal: Principal) -> Resource:
    """A resource of the caller."""
    return Resource(school=principal.school, person=principal.person)


def _fingerprint(call: Call) -> bytes:
    """What a request asks for: the same under the same Idempotency-Key, or it is a mistake."""
    body = call.body.model_dump_json() if call.body is not None else ""
    return hashlib.sha256(f"{call.request.method}\0{call.request.rel_url.raw_path}\0{body}".encode()).digest()


async def _once(route: Route, call: Call, key: str, fingerprint: bytes) -> web.StreamResponse:
    claim = await call.services.idempotency.claim(call.scope, key, fingerprint)
    if isinstance(claim, web.Response):
        return claim
    try:
        response = await route.handler(call)
    except BaseException:
        await call.services.idempotency.release(claim)
        raise
    if isinstance(response, web.Response):
        await call.services.idempotency.finish(call.scope, claim, response)
    return response
