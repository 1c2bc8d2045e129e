"""Every route that changes or opens something writes an entry, as every refusal does: one without fails here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from gateway.api.routing import PUBLIC, Route
from gateway.api.services import Services
from gateway.api.table import ROUTES
from gateway.db.tables_people import sessions
from gateway.ledger.ledger import Entry
from gateway.policy import RULES
from tests.gateway.api.conftest import ADMINISTRATOR
from tests.gateway.api.live import Live, Person, person, token_form
from tests.gateway.api.test_live_forget import receipt
from tests.gateway.api.test_live_school import change
from tests.gateway.api.test_routes import PAGES, filled, name
from tests.gateway.webhooks.receiver import receiving

NOBODY = "0" * 32
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/connections"): {"provider": "google"},
    ("POST", "/v1/drives/{drive}/items/{item}/children"): {"name": "x"},
    ("PATCH", "/v1/drives/{drive}/items/{item}"): {"name": "x"},
    ("POST", "/v1/erasures"): {"scope": "me", "confirm": "FORGET"},
    ("POST", "/v1/transfers"): {
        "mode": "copy", "sources": [{"drive": "native", "item": "x"}], "destination": {"drive": "native", "item": "x"},
    },
    ("POST", "/v1/transfers/preflight"): {
        "mode": "copy", "sources": [{"drive": "native", "item": "x"}], "destination": {"drive": "native", "item": "x"},
    },
    ("PATCH", "/v1/school/settings"): {"exports": {}},
    ("POST", "/v1/school/holds"): {
        "person": NOBODY, "basis": "x", "authority": "x", "reference": "x", "review": "2096-01-01T00:00:00Z",
    },
    ("POST", "/v1/school/holds/{hold}/content"): {"part": 1},
    ("POST", "/v1/school/lawful-requests"): {
        "authority": "x", "reference": "x", "basis": "x", "people": [NOBODY], "parts": ["profile"],
    },
    ("POST", "/v1/school/lawful-requests/{request}/refuse"): {"why": "x"},
    ("POST", "/v1/erasures/items/plan"): {"target": {"kind": "cached", "id": NOBODY}},
    ("POST", "/v1/erasures/items"): {"target": {"kind": "cached", "id": NOBODY}, "confirm": "FORGET"},
    ("POST", "/v1/school/erasures/plan"): {"scope": "people", "people": [NOBODY]},
    ("POST", "/v1/school/erasures"): {"scope": "people", "people": [NOBODY], "confirm": "FORGET"},
    ("POST", "/v1/me/corrections"): {"field": "name", "value": "x"},
    ("POST", "/v1/children/{child}/corrections"): {"field": "name", "value": "x"},
    ("POST", "/v1/school/people/{person}/corrections"): {"field": "name", "value": "x"},
    ("POST", "/v1/me/exports"): {},
    ("POST", "/v1/children/{child}/exports"): {},
    ("POST", "/v1/school/people/{person}/exports"): {},
    ("POST", "/v1/children/{child}/erasures"): {"confirm": "FORGET"},
    ("POST", "/v1/school/guardians"): {
        "child": NOBODY, "guardian": NOBODY, "rights": ["review"], "until": "2100-01-01T00:00:00Z",
    },
    ("POST", "/v1/school/corrections/{correction}/decision"): {"decision": "refuse"},
    ("POST", "/v1/school/containment"): {"kind": "person", "target": NOBODY, "reason": "x"},
    ("POST", "/v1/school/containment/{containment}/lift"): {"reason": "x"},
    ("POST", "/v1/school/incidents"): {"kind": "other", "severity": "low"},
    ("PATCH", "/v1/school/incidents/{incident}"): {"severity": "low"},
    ("POST", "/v1/school/incidents/{incident}/awareness"): {"at": "2026-01-01T00:00:00Z"},
    ("POST", "/v1/school/incidents/{incident}/notes"): {"text": "x"},
    ("POST", "/v1/school/incidents/{incident}/decisions"): {"about": "people", "notify": False, "reason": "x"},
    ("POST", "/v1/school/incidents/{incident}/notified"): {"about": "people", "at": "2026-01-01T00:00:00Z"},
    ("POST", "/v1/school/incidents/{incident}/reopen"): {"reason": "x"},
    ("POST", "/v1/school/incidents/{incident}/affected"): {"items": [{"kind": "person", "id": NOBODY}]},
}  # fmt: skip
"""What a route with a body is asked with here."""

ACTS = {
    ("GET", "/connect/callback"): "account.connected",
    ("GET", "/signin/callback"): "person.signed_in",
    ("GET", "/v1/drives/{drive}/items/{item}/content"): "file.opened",
    ("GET", "/v1/receipts/{secret}"): "receipt.fetched",
    ("GET", "/v1/school/ledger/export"): "ledger.exported",
    ("POST", "/extension/authorize"): "extension.authorized",
    ("POST", "/v1/connections/{connection}/confirm"): "account.confirmed",
    ("DELETE", "/v1/connections/{connection}"): "account.disconnected",
    ("POST", "/v1/drives/{drive}/items/{item}/children"): "drive.make_folder",
    ("PATCH", "/v1/drives/{drive}/items/{item}"): "drive.relocate",
    ("DELETE", "/v1/drives/{drive}/items/{item}"): "drive.trash",
    ("POST", "/v1/drives/{drive}/items/{item}/restore"): "drive.restore",
    ("POST", "/v1/uploads"): "drive.upload",
    ("POST", "/v1/transfers"): "transfer.ordered",
    ("POST", "/v1/token"): "extension.tokens",
    ("POST", "/v1/token/revoke"): "extension.revoked",
    ("PATCH", "/v1/school/settings"): "school.settings",
    ("POST", "/v1/school/webhook/secret"): "school.webhook_secret",
    ("POST", "/v1/school/webhook/test"): "webhook.sent",
}
"""What is told of what was done, beside the decision to let it be done."""

ENDS = {"erasure.done", "transfer.ended", "upload.ended"}
"""What is told of what was begun, when it ends."""

NOTHING_TO_TELL = {
    ("OPTIONS", "/v1/uploads"): "says what this server speaks",
    ("GET", "/v1/receipt-keys"): "public keys",
    ("GET", "/v1/ledger-keys"): "public keys",
    ("GET", "/"): "the way in, or a look that is counted",
    ("GET", "/extension/authorize"): "asks, and does nothing",
    ("GET", "/favicon.ico"): "of nobody",
    ("GET", "/forget"): "the way in, or a look that is counted",
    ("GET", "/healthz"): "of nobody",
    ("GET", "/metrics"): "of nobody",
    ("GET", "/readyz"): "of nobody",
    ("GET", "/school"): "the way in, or a look that is counted",
    ("GET", "/privacy"): "what is kept of whom, for everybody to read",
    ("GET", "/receipt"): "a page without anything of anybody",
    ("GET", "/signed-in"): "the way in, or a page without anything of anybody",
    ("GET", "/signin"): "sends the browser to the school's provider; who that is nobody knows yet",
    ("GET", "/static/{name}"): "of nobody",
    ("GET", "/v1/docs"): "of nobody",
    ("GET", "/v1/openapi.json"): "of nobody",
    ("POST", "/signout"): "the decision itself is the entry",
}
"""Where no session's decision is recorded, and nothing is done to anybody's data: each with its reason."""

QUERIES = {
    "/v1/drives/{drive}/search": "?q=words",
    "/v1/school/affected/accesses": f"?object={NOBODY}",
    "/v1/school/affected/objects": "?version=1",
    "/v1/school/affected/people": "?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
}
"""What a route that must be asked for something is asked for."""

DECIDED = [route for route in ROUTES if route.action != PUBLIC]


def test_every_way_in_is_told_or_written_down() -> None:
    """A new public route or page is in one of the tables; every other one passes the decision (see `endpoint`)."""
    ways = {(route.method, route.path) for route in ROUTES if route.action == PUBLIC} | PAGES
    assert ways - set(ACTS) == set(NOTHING_TO_TELL)
    assert not set(ACTS) & set(NOTHING_TO_TELL)
    unsafe = {(route.method, route.path) for route in DECIDED if route.method not in ("GET", "HEAD", "OPTIONS")}
    counted = {("PATCH", "/v1/uploads/{upload}")}
    assert {(route.method, route.path) for route in DECIDED if route.records} == (unsafe - counted) | {
        ("GET", "/v1/school/ledger/export")
    }


async def told(live: Live, who: dict[str, Any], after: int = 0) -> list[Entry]:
    """The entries about a person since a place."""

    async def read(services: Services) -> list[Entry]:
        found = await services.ledger.read(who["school"]["id"], after=after, limit=10_000)
        return [entry for entry in found if who["id"] in (entry.principal, entry.subject)]

    return live.run(read)


async def last(live: Live, who: dict[str, Any]) -> int:
    async def read(services: Services) -> int:
        return (await services.keeping.note(who["school"]["id"])).sequence

    return live.run(read)


def grow_old(live: Live, who: dict[str, Any]) -> None:
    """The person's sign-ins are no longer fresh."""

    async def age(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(sessions.c.person == who["id"]).values(signed_in_at=0))

    live.run(age)


@pytest.fixture
async def somebody(live: Live) -> AsyncIterator[Person]:
    """Sofia Rossi in a session of her own, whose looks nobody has counted yet."""
    async with person(live) as client:
        await client.sign_in(ADMINISTRATOR)
        yield client


@pytest.mark.parametrize("route", DECIDED, ids=name)
async def test_each_decision_is_in_the_ledger_before_its_handler_runs(
    live: Live, somebody: Person, route: Route
) -> None:
    """Asked about things that do not exist, so that no handler gets further than to say so."""
    me = await somebody.get("/v1/me")
    grow_old(live, me)  # nobody is to be forgotten here
    before = await last(live, me)
    body = BODIES[route.method, route.path] if route.body is not None else None
    answer = await somebody.ask(route.method, filled(route.path) + QUERIES.get(route.path, ""), json=body)
    assert answer.status != 500, answer.body
    assert answer.status != 422 or answer.code not in ("invalid_query", "invalid_body"), answer.body
    if RULES[route.action].fresh:
        assert answer.code == "fresh_sign_in_required"
        assert not [entry for entry in await told(live, me, before) if entry.action == "policy.allowed"]
        return
    entries = [entry for entry in await told(live, me, before) if entry.action == "policy.allowed"]
    decided = [(entry.details or {}) for entry in entries if (entry.details or {})["action"] == route.action]
    if route.records:
        assert [one["request"] for one in decided] == [f"{route.method} {route.path}"]
        assert entries[0].instruction
    elif route.path != "/v1/me":  # that look was counted when it was asked who this is
        assert len(decided) == 1


async def test_a_look_is_told_once_and_counted(live: Live, somebody: Person) -> None:
    me = await somebody.get("/v1/me")
    before = await last(live, me)
    for _ in range(5):
        await somebody.get("/v1/drives")
    assert [entry.action for entry in await told(live, me, before)] == ["policy.allowed"]


async def tell_all(services: Services) -> None:
    """Counts of other tests are over: what comes now is told anew."""
    for count in services.decisions._counts.values():
        count.over = 0
    await services.decisions.sweep()


async def test_each_refusal_is_told_and_a_loop_of_them_counted(live: Live, student: Person) -> None:
    me = await student.get("/v1/me")
    live.run(tell_all)
    before = await last(live, me)
    for _ in range(30):
        assert (await student.ask("GET", "/v1/school/ledger")).status == 403
    other = {"Origin": "https://elsewhere.example"}
    for _ in range(30):
        assert (await student.ask("POST", "/v1/jobs/x/cancel", headers=other)).code == "cross_site"
    denied = [entry for entry in await told(live, me, before) if entry.action.startswith("policy.denied")]
    assert [(entry.details or {})["reason"] for entry in denied] == ["role", "cross_site"]
    live.run(tell_all)
    more = [entry for entry in await told(live, me, before) if entry.action == "policy.denied.more"]
    assert [(entry.details or {})["more"] for entry in more] == [29, 29]


async def test_a_sign_in_that_is_too_old_is_a_refusal(live: Live, somebody: Person) -> None:
    me = await somebody.get("/v1/me")
    grow_old(live, me)
    live.run(tell_all)
    before = await last(live, me)
    assert (await somebody.ask("POST", "/v1/erasures", json=BODIES["POST", "/v1/erasures"])).status == 403
    denied = [entry for entry in await told(live, me, before) if entry.action == "policy.denied"]
    assert [(entry.details or {})["reason"] for entry in denied] == ["fresh_sign_in_required"]


async def test_what_is_done_is_told_as_what_it_is(live: Live, somebody: Person) -> None:
    """One day of one person; afterwards each act of the table is in the ledger, each under an instruction."""
    me = await somebody.get("/v1/me")
    before = 0
    folder = await somebody.post("/v1/drives/native/items/root/children", 201, json={"name": "told"})
    path = f"/v1/drives/native/items/{folder['id']}"
    await somebody.ask("PATCH", path, json={"name": "told again"}, headers={"If-Match": folder["etag"]})
    file = await somebody.upload("told.txt", b"bytes")
    assert (await somebody.ask("GET", f"/v1/drives/native/items/{file}/content")).body == b"bytes"
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": file}],
        "destination": {"drive": "native", "item": folder["id"]},
    }  # fmt: skip
    job = await somebody.post("/v1/transfers", 202, json=order)
    async with asyncio.timeout(20):
        while (await somebody.get(f"/v1/jobs/{job['id']}"))["state"] not in ("done", "failed"):
            await asyncio.sleep(0.05)
    assert (await somebody.ask("DELETE", f"/v1/drives/native/items/{file}")).status == 204
    assert (await somebody.ask("POST", f"/v1/drives/native/items/{file}/restore")).status == 200
    drive = await somebody.connect("google", ADMINISTRATOR)
    assert (await somebody.ask("DELETE", f"/v1/connections/{drive}")).status == 204
    code, verifier = await somebody.extension_code()
    tokens = await somebody.post("/v1/token", 200, data=token_form(code, verifier))
    await somebody.ask("POST", "/v1/token/revoke", data={"token": tokens["refresh_token"]})
    async with receiving() as receiver:
        assert (await change(somebody, "*", {"webhook": {"url": receiver.url}})).status == 200
        await somebody.post("/v1/school/webhook/test", 200)
        await somebody.post("/v1/school/webhook/secret", 200)
        assert (await change(somebody, "*", {"webhook": None})).status == 200
    assert (await somebody.ask("GET", "/v1/school/ledger/export")).status == 200
    target = {"kind": "report", "id": job["id"]}
    forgotten = await somebody.post("/v1/erasures/items", 202, json={"target": target, "confirm": "FORGET"})
    assert (await receipt(somebody, forgotten["receipt"])).status == 200

    async def read(services: Services) -> list[Entry]:
        return await services.ledger.read(me["school"]["id"], after=before, limit=100_000)

    entries = live.run(read)
    assert {*ACTS.values(), *ENDS} <= {entry.action for entry in entries}
    (end,) = [one for one in entries if one.action == "transfer.ended" and one.subject == me["id"]]
    assert end.details is not None
    assert (end.details["job"], end.details["state"], end.details["counts"]["copied"]) == (job["id"], "done", 1)
    opened = [entry for entry in entries if entry.action == "file.opened" and entry.principal == me["id"]][-1]
    assert opened.details is not None
    assert (opened.details["name"], opened.details["item"]) == ("told.txt", file)
    for action in ("file.opened", "drive.make_folder", "drive.trash", "transfer.ordered", "transfer.ended"):
        word = next(entry.instruction for entry in reversed(entries) if entry.action == action)
        assert any(entry.action == "policy.allowed" and entry.instruction == word for entry in entries), action


async def test_signing_out_is_told(live: Live, somebody: Person) -> None:
    me = await somebody.get("/v1/me")
    before = await last(live, me)
    assert (await somebody.ask("POST", "/signout")).status == 303
    (entry,) = await told(live, me, before)
    assert (entry.action, (entry.details or {})["action"]) == ("policy.allowed", "session.end")
