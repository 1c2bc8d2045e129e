"""The route table as a test: what is public is a list that somebody wrote down, and everything else denies."""

from __future__ import annotations

import re

import pytest

from gateway.api.application import build
from gateway.api.routing import PUBLIC, Route
from gateway.api.table import ROUTES
from gateway.policy.rules import RULES
from tests.gateway.api.live import Live, Person

PUBLIC_ROUTES = {
    ("GET", "/v1/ledger-keys"),
    ("GET", "/v1/receipt-keys"),
    ("GET", "/v1/receipts/{secret}"),
    ("OPTIONS", "/v1/uploads"),
    ("POST", "/v1/token"),
    ("POST", "/v1/token/revoke"),
}
"""Routes of /v1 that anybody may call. Whoever adds one writes it down here and says why in the review."""

PAGES = {
    ("GET", "/"),
    ("GET", "/connect/callback"),
    ("GET", "/extension/authorize"),
    ("GET", "/forget"),
    ("GET", "/school"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/favicon.ico"),
    ("GET", "/receipt"),
    ("GET", "/privacy"),
    ("GET", "/signed-in"),
    ("GET", "/signin"),
    ("GET", "/signin/callback"),
    ("GET", "/static/{name}"),
    ("GET", "/v1/docs"),
    ("GET", "/v1/openapi.json"),
    ("POST", "/extension/authorize"),
    ("POST", "/signout"),
}
"""What is served beside the table: pages that look for a session themselves, and what holds nothing of anybody."""

PAGE_ONLY = {
    ("POST", "/v1/connections"),
    ("POST", "/v1/connections/{connection}/confirm"),
    ("POST", "/v1/connections/{connection}/pick"),
    ("DELETE", "/v1/connections/{connection}"),
    ("DELETE", "/v1/cache"),
    ("DELETE", "/v1/cache/{cached}"),
    ("GET", "/v1/erasure/plan"),
    ("GET", "/v1/erasures"),
    ("POST", "/v1/erasures"),
    ("GET", "/v1/school/records"),
    ("GET", "/v1/school/records/{record}"),
    ("GET", "/v1/school/affected/accesses"),
    ("GET", "/v1/school/affected/objects"),
    ("GET", "/v1/school/affected/people"),
    ("GET", "/v1/school/containment"),
    ("POST", "/v1/school/containment"),
    ("GET", "/v1/school/containment/{containment}"),
    ("POST", "/v1/school/containment/{containment}/lift"),
    ("GET", "/v1/school/incidents"),
    ("POST", "/v1/school/incidents"),
    ("GET", "/v1/school/incidents/{incident}"),
    ("PATCH", "/v1/school/incidents/{incident}"),
    ("GET", "/v1/school/incidents/{incident}/acts"),
    ("GET", "/v1/school/incidents/{incident}/affected"),
    ("POST", "/v1/school/incidents/{incident}/affected"),
    ("POST", "/v1/school/incidents/{incident}/awareness"),
    ("POST", "/v1/school/incidents/{incident}/close"),
    ("POST", "/v1/school/incidents/{incident}/decisions"),
    ("POST", "/v1/school/incidents/{incident}/notes"),
    ("GET", "/v1/school/incidents/{incident}/notices/{audience}"),
    ("POST", "/v1/school/incidents/{incident}/notified"),
    ("POST", "/v1/school/incidents/{incident}/reopen"),
    ("POST", "/v1/school/incidents/{incident}/signature"),
    ("GET", "/v1/school/keys"),
    ("GET", "/v1/me/accesses"),
    ("GET", "/v1/school/holds"),
    ("GET", "/v1/school/holds/{hold}"),
    ("GET", "/v1/school/holds/{hold}/contents"),
    ("GET", "/v1/school/lawful-requests"),
    ("GET", "/v1/school/lawful-requests/{request}"),
    ("POST", "/v1/school/holds"),
    ("POST", "/v1/school/holds/{hold}/content"),
    ("POST", "/v1/school/holds/{hold}/release"),
    ("POST", "/v1/school/lawful-requests"),
    ("POST", "/v1/school/lawful-requests/{request}/approve"),
    ("POST", "/v1/school/lawful-requests/{request}/export"),
    ("POST", "/v1/school/lawful-requests/{request}/refuse"),
    ("GET", "/v1/school/ledger"),
    ("GET", "/v1/school/ledger/export"),
    ("GET", "/v1/school/ledger/status"),
    ("POST", "/v1/school/ledger/verify"),
    ("POST", "/v1/erasures/items"),
    ("POST", "/v1/erasures/items/plan"),
    ("GET", "/v1/erasures/{erasure}"),
    ("GET", "/v1/school/approvals"),
    ("GET", "/v1/school/approvals/{approval}"),
    ("GET", "/v1/school/approvals/{approval}/people"),
    ("POST", "/v1/school/approvals/{approval}/approve"),
    ("POST", "/v1/school/approvals/{approval}/cancel"),
    ("GET", "/v1/school/erasures"),
    ("POST", "/v1/school/erasures"),
    ("POST", "/v1/school/erasures/plan"),
    ("GET", "/v1/school/erasures/{erasure}"),
    ("GET", "/v1/school/settings"),
    ("PATCH", "/v1/school/settings"),
    ("POST", "/v1/school/webhook/secret"),
    ("POST", "/v1/school/webhook/test"),
    ("GET", "/v1/tokens"),
    ("DELETE", "/v1/tokens/{token}"),
    ("GET", "/v1/notices"),
    ("GET", "/v1/exports/{secret}"),
    ("GET", "/v1/me/guardians"),
    ("GET", "/v1/me/notifications"),
    ("DELETE", "/v1/me/notifications/{notification}"),
    ("GET", "/v1/children"),
    ("GET", "/v1/children/{child}/erasure/plan"),
    ("POST", "/v1/children/{child}/erasures"),
    *(
        (method, f"{whose}/{what}")
        for whose in ("/v1/me", "/v1/children/{child}", "/v1/school/people/{person}")
        for method, what in (
            ("GET", "review"), ("GET", "review/{store}"), ("GET", "deeds"), ("GET", "corrections"),
            ("POST", "corrections"), ("DELETE", "corrections/{correction}"), ("GET", "exports"), ("POST", "exports"),
        )
    ),
    ("GET", "/v1/school/people"),
    ("GET", "/v1/school/inactive"),
    ("GET", "/v1/school/notices"),
    ("POST", "/v1/school/notices/{kind}/{version}/acceptance"),
    ("GET", "/v1/school/corrections"),
    ("POST", "/v1/school/corrections/{correction}/decision"),
    ("GET", "/v1/school/guardians"),
    ("POST", "/v1/school/guardians"),
    ("DELETE", "/v1/school/guardians/{link}"),
}  # fmt: skip
"""What the browser extension may not do."""

NOT_PUBLIC = [route for route in ROUTES if route.action != PUBLIC]
UNSAFE = [route for route in NOT_PUBLIC if route.method in ("POST", "PATCH", "DELETE")]


def name(route: Route) -> str:
    """How a test of a route is called."""
    return f"{route.method} {route.path}"


def filled(path: str) -> str:
    """The path with ids that belong to nobody."""
    return re.sub(r"\{\w+(:[^}]*)?\}", "0" * 32, path)


def test_what_is_public_is_written_down() -> None:
    """Exactly these."""
    assert {(route.method, route.path) for route in ROUTES if route.action == PUBLIC} == PUBLIC_ROUTES


def test_everything_served_is_in_the_table_or_written_down(live: Live) -> None:
    """No route reaches the application by another way."""

    async def served(services: object) -> set[tuple[str, str]]:
        routes = build(services).router.routes()  # type: ignore[arg-type]  # the services of the running gateway
        return {(route.method, route.resource.canonical) for route in routes if route.resource is not None}

    table = {(route.method, route.path) for route in ROUTES}
    heads = {(method, path) for method, path in live.run(served) if method != "HEAD"}
    assert heads - table == PAGES


def test_each_route_has_a_rule() -> None:
    """An action without a rule would deny everybody."""
    assert {route.action for route in NOT_PUBLIC} <= set(RULES)


NOBODY: list[dict[str, str]] = [
    {},
    {"Cookie": "session=nobody"},
    {"Cookie": "session="},
    {"Authorization": "Bearer nobody"},
    {"Authorization": "Bearer"},
    {"Authorization": "Basic bm9ib2R5Om5vYm9keQ=="},
]
ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {},
]


@pytest.mark.parametrize("route", NOT_PUBLIC, ids=name)
async def test_default_deny(nobody: Person, route: Route) -> None:
    """Without credentials, or with ones that are nobody's: 401 before anything else is looked at."""
    for headers in NOBODY:
        answer = await nobody.ask(route.method, filled(route.path), headers=headers)
        assert answer.status == 401, headers
        if route.method != "HEAD":
            assert answer.code == "sign_in_required"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", UNSAFE, ids=name)
async def test_writes_come_from_our_own_pages_only(
    session_cookie: dict[str, str], nobody: Person, route: Route
) -> None:
    """A cookie that another site made the browser send does nothing."""
    nobody.http.headers.popall("Origin", None)
    for headers in ELSEWHERE:
        answer = await nobody.ask(route.method, filled(route.path), headers={**session_cookie, **headers})
        assert (answer.status, answer.code) == (403, "cross_site"), headers


@pytest.mark.parametrize("route", NOT_PUBLIC, ids=name)
async def test_what_the_extension_may_do(extension_token: str, nobody: Person, route: Route) -> None:
    """Opening, saving and moving; nothing about accounts, sign-ins and forgetting, however fresh the sign-in."""
    given = {"Authorization": f"Bearer {extension_token}"}
    answer = await nobody.ask(route.method, filled(route.path), headers=given)
    denied = answer.status == 403 and answer.code == "not_allowed" and answer.json["reason"] == "client"
    assert denied == ((route.method, route.path) in PAGE_ONLY)
    assert answer.status != 401
    assert answer.status < 500
