"""A school's administrators have people, or the school, forgotten: fresh sign-ins, two of them, a delay, a way back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from gateway.api.services import Services
from gateway.db.tables_people import sessions
from gateway.identity.secrets import digest
from gateway.signing import verify
from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, Person, person

ERASURES = "/v1/school/erasures"
APPROVALS = "/v1/school/approvals"


async def newcomer(live: Live, role: str) -> tuple[Person, Any, dict[str, Any]]:
    """Somebody whom nobody else knows, signed in a moment ago; leave the second to sign out."""
    key = f"new.{secrets.token_hex(4)}"
    added = {"key": key, "name": "New Person", "school": "riverside", "role": role}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{live.boxes['launchpad']}/_sandbox/users", json=added) as done,
    ):
        assert done.status == 200
    entered = person(live, f"{key}@riverside.example")
    client = await entered.__aenter__()
    return client, entered, await client.get("/v1/me")


class Office:
    """Two administrators and two students of riverside."""

    def __init__(self, people: list[tuple[Person, Any, dict[str, Any]]]) -> None:
        self.first, self.second, self.third, self.fourth = [one[0] for one in people]
        self.ids = [str(one[2]["id"]) for one in people]


@pytest.fixture
async def office(live: Live) -> AsyncIterator[Office]:
    roles = ("administrator", "administrator", "student", "student")
    people = [await newcomer(live, role) for role in roles]
    await no_delay(people[0][0])
    yield Office(people)
    await people[0][0].ask("PATCH", "/v1/school/settings", headers={"If-Match": "*"}, json={"delay_hours": None})
    for _, entered, _ in people:
        await entered.__aexit__(None, None, None)


async def no_delay(admin: Person) -> None:
    answer = await admin.ask("PATCH", "/v1/school/settings", headers={"If-Match": "*"}, json={"delay_hours": 0})
    assert (answer.status, answer.json["delay_hours"]) == (200, 0)


def grow_old(live: Live, client: Person) -> None:
    """The sign-in is six minutes old from now on."""

    async def age(services: Services) -> None:
        then = await services.database.now() - 360_000
        async with services.database.write() as tx:
            await tx.execute(
                update(sessions).where(sessions.c.secret == digest(client.cookie)).values(signed_in_at=then)
            )

    live.run(age)


async def receipt(live: Live, address: str) -> dict[str, Any]:
    """By anybody who has the link."""
    async with person(live) as nobody, asyncio.timeout(60):
        while (answer := await nobody.ask("GET", address)).status == 425:
            await asyncio.sleep(0.2)
        assert answer.status == 200
        return verify(answer.json, await nobody.get("/v1/receipt-keys"))


def order(scope: str, *people: str) -> dict[str, Any]:
    return {"scope": scope, "people": list(people), "confirm": "FORGET", "reason": "They have left."}


async def test_many_people_need_two(live: Live, office: Office) -> None:
    students = office.ids[2:]
    plan = await office.first.post(f"{ERASURES}/plan", 200, json={"scope": "people", "people": students})
    assert plan["people"] == 2
    asked = await office.first.ask("POST", ERASURES, json=order("people", *students))
    assert asked.status == 202
    request = asked.json["approval"]
    assert (request["state"], request["people"], request["reason"]) == ("proposed", 2, "They have left.")
    assert request["words"]
    one = f"{APPROVALS}/{request['id']}"
    assert asked.headers["Location"] == one
    assert (await office.first.ask("POST", f"{one}/approve")).code == "second_administrator"
    assert (await office.second.get(f"{one}/people"))["items"] == sorted(students)
    given = await office.second.post(f"{one}/approve", 200)
    assert [who["person"] for who in given["approval"]["behind"]] == office.ids[:2]
    assert given["receipt"] != asked.json["receipt"], "each has a link of their own"
    for address in (asked.json["receipt"], given["receipt"]):
        statement = await receipt(live, address)
        assert (statement["scope"], statement["people"]) == ("people", 2)
    assert (await office.third.ask("GET", "/v1/me")).status == 401
    seen = await office.first.get(f"{ERASURES}/{request['id']}")
    assert (seen["state"], seen["people"], seen["forgotten"]) == ("done", 2, 2)
    assert request["id"] in [found["id"] for found in (await office.second.get(APPROVALS))["items"]]


async def test_a_request_is_cancelled(office: Office) -> None:
    changed = {"If-Match": "*"}
    await office.first.ask("PATCH", "/v1/school/settings", headers=changed, json={"delay_hours": 720})
    asked = await office.first.post(ERASURES, 202, json=order("people", office.ids[2]))
    one = f"{APPROVALS}/{asked['approval']['id']}"
    given = await office.second.post(f"{one}/approve", 200)
    assert (given["approval"]["state"], given["approval"]["delay_seconds"]) == ("approved", 720 * 3600)
    assert (await office.first.post(f"{one}/cancel", 200))["state"] == "cancelled"
    assert (await office.second.ask("POST", f"{one}/cancel")).code == "approval_over"
    assert (await office.third.ask("GET", "/v1/me")).status == 200
    assert (await office.first.ask("GET", given["receipt"])).status == 404


async def test_one_person_at_once_and_no_administrator(live: Live, office: Office) -> None:
    begun = await office.first.post(ERASURES, 202, json=order("person", office.ids[3]))
    assert (await receipt(live, begun["receipt"]))["asked_by"] == "school"
    assert (await office.fourth.ask("GET", "/v1/me")).status == 401
    for person_id, code in ((office.ids[1], "second_administrator"), (office.ids[0], "yourself")):
        answer = await office.first.ask("POST", ERASURES, json=order("person", person_id))
        assert (answer.status, answer.code) == (409, code)
        assert answer.json["advice"]


async def test_an_old_sign_in_orders_and_approves_nothing(live: Live, office: Office) -> None:
    """Six minutes are too old, whatever the deployment allows; looking is fine."""
    asked = await office.first.post(ERASURES, 202, json=order("people", office.ids[2]))
    one = f"{APPROVALS}/{asked['approval']['id']}"
    for client in (office.first, office.second):
        grow_old(live, client)
    for path, client in ((ERASURES, office.first), (f"{one}/approve", office.second)):
        answer = await client.ask("POST", path, json=order("people", office.ids[3]))
        assert (answer.status, answer.code) == (403, "fresh_sign_in_required")
        assert answer.json["sign_in"] == "/signin?fresh=1&next=/school"
    assert (await office.second.get(one))["state"] == "proposed"
    assert (await office.second.post(f"{one}/cancel", 200))["state"] == "cancelled"


async def test_only_administrators_and_only_of_this_school(live: Live, office: Office) -> None:
    asked = await office.first.post(ERASURES, 202, json=order("people", office.ids[2]))
    one = f"{APPROVALS}/{asked['approval']['id']}"
    for method, path in (("GET", APPROVALS), ("GET", one), ("POST", f"{one}/approve"), ("POST", f"{one}/cancel")):
        assert (await office.fourth.ask(method, path)).code == "not_allowed"
    assert (await office.fourth.ask("POST", ERASURES, json=order("school"))).code == "not_allowed"
    async with person(live, "noor.khan@hillcrest.example") as foreigner:
        assert (await foreigner.ask("GET", one)).status == 404
        assert (await foreigner.ask("POST", f"{one}/cancel")).status == 404
        answer = await foreigner.ask("POST", ERASURES, json=order("people", office.ids[2]))
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"scope": "school"}, {"scope": "school", "confirm": "forget"}, {"scope": "people", "confirm": "FORGET"},
        {"scope": "person", "people": ["0" * 32, "1" * 32], "confirm": "FORGET"},
        {"scope": "school", "people": ["0" * 32], "confirm": "FORGET"},
        {"scope": "people", "people": ["nonsense"], "confirm": "FORGET"},
        {"scope": "school", "confirm": "FORGET", "reason": "x" * 501},
    ],
)  # fmt: skip
async def test_bad_orders(office: Office, body: Any) -> None:
    answer = await office.first.ask("POST", ERASURES, json=body)
    assert (answer.status, answer.code) == (422, "invalid_body")


async def test_a_school_that_leaves(tmp_path: Path) -> None:
    """Nobody of it is signed in any more, nobody can sign in, and the other school notices nothing."""
    with Live(tmp_path) as live:
        first, entered, _ = await newcomer(live, "administrator")
        second, also, _ = await newcomer(live, "administrator")
        async with person(live, STUDENT) as student, person(live, "mia.chen@hillcrest.example") as other:
            await no_delay(first)
            await student.upload("Essay.txt", b"mine")
            assert (await first.post(f"{ERASURES}/plan", 200, json={"scope": "school"}))["people"] == 3
            asked = await first.post(ERASURES, 202, json=order("school"))
            await second.post(f"{APPROVALS}/{asked['approval']['id']}/approve", 200)
            statement = await receipt(live, asked["receipt"])
            assert (statement["scope"], statement["people"]) == ("school", 3)
            for client in (first, second, student):
                assert (await client.ask("GET", "/v1/me")).status == 401
            with pytest.raises(AssertionError):
                await student.sign_in(STUDENT)
            assert (await other.ask("GET", "/v1/me")).status == 200
        for one in (entered, also):
            await one.__aexit__(None, None, None)
