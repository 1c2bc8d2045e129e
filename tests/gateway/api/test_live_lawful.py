"""Lawful requests on the wire: a school's administrators decide, signed in afresh, and hand out what was asked for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from gateway.api.services import Services
from gateway.lawful import Actor, Order
from tests.gateway.api.conftest import ADMINISTRATOR
from tests.gateway.api.live import Live, Person, person
from tests.gateway.api.test_live_forget import grow_old, receipt
from tests.gateway.api.test_live_rights import new_person

PATH = "/v1/school/lawful-requests"


@pytest.fixture
async def first(live: Live) -> AsyncIterator[Person]:
    """Sofia Rossi, who signed in just now."""
    async with person(live) as client:
        await client.sign_in(ADMINISTRATOR)
        yield client


@pytest.fixture
async def second(live: Live) -> AsyncIterator[Person]:
    """Another administrator of her school."""
    key = f"admin.{secrets.token_hex(4)}"
    added = {"key": key, "name": "Second", "school": "riverside", "role": "administrator", "age_band": "adult"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{live.boxes['launchpad']}/_sandbox/users", json=added) as done,
    ):
        assert done.status == 200
    async with person(live) as client:
        await client.sign_in(f"{key}@riverside.example")
        yield client


def wanted(who: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "authority": "District court", "reference": "12 C 3/26", "basis": "a law", "people": [who["id"]],
        "parts": ["profile", "accounts", "ledger"], **more,
    }  # fmt: skip


async def until(who: Person, request: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while (found := await who.get(f"{PATH}/{request}"))["state"] != state:
            await asyncio.sleep(0.1)
    return dict(found)


async def test_from_an_authoritys_letter_to_the_answer(
    live: Live, first: Person, second: Person, student: Person
) -> None:
    me = await student.get("/v1/me")
    await student.upload("asked-for.txt", b"x")
    opened = await first.post(PATH, 201, json=wanted(me))
    one = f"{PATH}/{opened['id']}"
    assert (opened["state"], opened["approval"] != "", opened["opened_by"]) == (
        "open", True, (await first.get("/v1/me"))["id"],
    )  # fmt: skip
    assert (await first.ask("POST", f"{one}/export")).code == "lawful_state"
    assert (await first.ask("POST", f"{one}/approve")).code == "second_needed"
    await second.post(f"{one}/approve", 202)
    await until(second, opened["id"], "approved")
    assert any(found["id"] == opened["id"] for found in (await second.get(PATH))["items"])
    answer = await second.ask("POST", f"{one}/export")
    assert answer.status == 200
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [lines[0]["kind"], lines[1]["kind"], lines[-1]["kind"]] == ["lawful", "profile", "end"]
    assert lines[1]["email"] == me["email"]
    assert lines[-1]["lines"] == len(lines) - 1
    entries = [line for line in lines if line["kind"] == "entry"]
    assert any((line["details"] or {}).get("name") == "asked-for.txt" for line in entries)
    assert all(me["id"] in (line["principal"], line["subject"]) for line in entries)
    assert "leaves" not in answer.body.decode()
    assert (await until(first, opened["id"], "handed_out"))["ended"]

    async def told(services: Services) -> list[Any]:
        found = await services.ledger.read(me["school"]["id"], limit=100_000)
        return [one for one in found if one.instruction == opened["id"]]

    entries = live.run(told)
    assert [entry.action for entry in entries] == [
        "lawful.opened", "lawful.proposed", "lawful.approved", "lawful.handed_out", "lawful.exported",
        "lawful.delivered",
    ]  # fmt: skip
    assert entries[-1].details["sha256"] == hashlib.sha256(answer.body).hexdigest()
    assert entries[-1].details["lines"] == len(lines)
    seen = (await student.get("/v1/me/accesses?limit=5"))["items"]
    assert "lawful.handed_out" in [one["action"] for one in seen]


async def test_who_was_forgotten_or_whose_key_is_suspended_cuts_no_answer_short(
    live: Live, first: Person, second: Person
) -> None:
    """Of the one only what the school's chain keeps, of the other what needs no key; and it says so, line by line."""
    async with AsyncExitStack() as stack:
        gone, closed = [await new_person(live, stack) for _ in range(2)]
        await closed.connect("google", ADMINISTRATOR)
        left, stays = await gone.get("/v1/me"), await closed.get("/v1/me")
        await closed.upload("closed.txt", b"x")
        opened = await first.post(PATH, 201, json=wanted(left, people=[left["id"], stays["id"]]))
        await second.post(f"{PATH}/{opened['id']}/approve", 202)
        await until(second, opened["id"], "approved")
        begun = await gone.post("/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
        assert (await receipt(gone, begun["receipt"])).status == 200
        key = {"kind": "key", "target": stays["id"], "version": 1, "reason": "it may be known"}
        suspended = await first.post("/v1/school/containment", 201, json=key)
        answer = await second.ask("POST", f"{PATH}/{opened['id']}/export")
        await first.post(f"/v1/school/containment/{suspended['id']}/lift", 200, json={"reason": "it is not"})
        whole = await second.ask("POST", f"{PATH}/{opened['id']}/export")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert (lines[-1]["kind"], lines[-1]["lines"]) == ("end", len(lines) - 1)
    told = [line for line in lines if line["kind"] in ("profile", "account")]
    assert told == [
        {"kind": "profile", "person": left["id"], "gone": True},
        {"kind": "profile", "person": stays["id"], "closed": True},
        {"kind": "account", "person": stays["id"], "closed": True},
    ]
    entries = [line for line in lines if line["kind"] == "entry"]
    assert {line["person"] for line in entries} == {left["id"], stays["id"]}
    assert {line["details"] for line in entries} == {None}
    assert "closed.txt" in whole.body.decode(), "once the key may be used again"


async def test_only_administrators_with_a_fresh_sign_in(
    live: Live, first: Person, student: Person, teacher: Person
) -> None:
    me = await student.get("/v1/me")
    for who in (student, teacher):
        assert (await who.ask("GET", PATH)).code == "not_allowed"
        assert (await who.ask("POST", PATH, json=wanted(me))).code == "not_allowed"
    opened = await first.post(PATH, 201, json=wanted(me))
    grow_old(live, first, 10_000)
    steps = [(PATH, wanted(me)), (f"{PATH}/{opened['id']}/approve", None), (f"{PATH}/{opened['id']}/export", None),
             (f"{PATH}/{opened['id']}/refuse", {"why": "x"})]  # fmt: skip
    for path, body in steps:
        assert (await first.ask("POST", path, json=body)).code == "fresh_sign_in_required"
    assert (await first.get(f"{PATH}/{opened['id']}"))["state"] == "open"


async def test_what_is_refused(first: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    opened = await first.post(PATH, 201, json=wanted(me))
    refused = await first.post(f"{PATH}/{opened['id']}/refuse", 200, json={"why": "no competence"})
    assert (refused["state"], refused["why"]) == ("refused", "no competence")
    assert (await first.ask("POST", f"{PATH}/{opened['id']}/export")).code == "lawful_state"
    for unknown in ("x", "0" * 32):
        assert (await first.ask("GET", f"{PATH}/{unknown}")).code == "not_found"
        assert (await first.ask("POST", f"{PATH}/{unknown}/export")).code == "not_found"
    assert (await first.ask("POST", PATH, json=wanted({"id": "0" * 32}))).code == "no_such_person"
    refused_bodies: list[dict[str, Any]] = [
        {"parts": ["files"]}, {"people": []}, {"people": ["x"]}, {"authority": ""}, {"since": "yesterday"},
    ]  # fmt: skip
    for wrong in refused_bodies:
        assert (await first.ask("POST", PATH, json=wanted(me, **wrong))).code == "invalid_body"


async def test_the_operators_request_waits_for_the_school_and_a_secret_one_is_not_there(
    live: Live, first: Person, second: Person, student: Person
) -> None:
    me = await student.get("/v1/me")

    async def open_both(services: Services) -> list[str]:
        order = Order("Court", "1", "a law", (me["id"],), ("profile",))
        secret = Order("Court", "2", "a law", (me["id"],), ("profile",), forbidden="another law")
        by = Actor(operator="max")
        return [(await services.lawful.open(me["school"]["id"], by, one)).id for one in (order, secret)]

    open_one, secret = live.run(open_both)
    found = {one["id"]: one for one in (await first.get(PATH))["items"]}
    assert "opened_by" not in found[open_one]
    assert secret not in found
    assert (await first.ask("GET", f"{PATH}/{secret}")).code == "not_found"
    assert (await first.ask("POST", f"{PATH}/{secret}/approve")).code == "not_found"
    await first.post(f"{PATH}/{open_one}/approve", 202)
    assert (await first.ask("POST", f"{PATH}/{open_one}/approve")).code == "second_needed"
    await second.post(f"{PATH}/{open_one}/approve", 202)
    await until(first, open_one, "approved")
    answer = await first.ask("POST", f"{PATH}/{open_one}/export")
    assert [json.loads(line)["kind"] for line in answer.body.splitlines()] == ["lawful", "profile", "end"]


async def test_the_list_comes_in_pages(first: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    made = {(await first.post(PATH, 201, json=wanted(me)))["id"] for _ in range(3)}
    found: list[str] = []
    path = f"{PATH}?limit=1"
    while True:
        page = await first.get(path)
        found += [one["id"] for one in page["items"]]
        if "next" not in page:
            break
        path = f"{PATH}?limit=1&cursor={page['next']}"
    assert made <= set(found)
    assert len(found) == len(set(found))
