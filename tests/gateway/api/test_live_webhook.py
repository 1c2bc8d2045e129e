"""The address where a school is told of ended jobs: set by its administrators, shown without its secrets, and used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.gateway.api.live import Person
from tests.gateway.api.test_live_jobs import copied
from tests.gateway.api.test_live_school import PATH, change
from tests.gateway.webhooks.receiver import Receiver, receiving, verified

TEST, SECRET = "/v1/school/webhook/test", "/v1/school/webhook/secret"


@pytest.fixture
async def receiver(administrator: Person) -> AsyncIterator[Receiver]:
    async with receiving() as started:
        yield started
        assert (await change(administrator, "*", {"webhook": None})).status == 200


async def test_an_administrator_sets_it_tries_it_and_turns_its_secret(
    administrator: Person, receiver: Receiver
) -> None:
    assert "webhook" not in await administrator.get(PATH)
    assert (await administrator.post(TEST, 409))["code"] == "no_webhook"
    answer = await change(administrator, "*", {"webhook": {"url": receiver.url}})
    told = answer.json["webhook"]
    first = told.pop("secret")
    shown = {"url": receiver.url, "after": 60, "active": True, "secrets": 1, "waiting": 0, "given_up": 0}
    assert told == shown == (await administrator.get(PATH))["webhook"]
    assert await administrator.post(TEST, 200) == {"delivered": True, "status": 204}
    second = (await administrator.post(SECRET, 200))["secret"]
    await administrator.post(TEST, 200)
    assert [verified(first, *one) for one in receiver.came] == [True, True]
    assert [verified(second, *one) for one in receiver.came] == [False, True]
    assert json.loads(receiver.came[0][1])["type"] == "test"
    now = await administrator.ask("GET", PATH)
    assert (now.json["webhook"]["secrets"], "last_success" in now.json["webhook"]) == (2, True)
    assert first.encode() not in now.body
    assert second.encode() not in now.body
    again = await change(administrator, now.headers["ETag"], {"webhook": {"url": receiver.url, "after": 5}})
    assert (again.json["webhook"]["after"], "secret" in again.json["webhook"]) == (5, False)
    assert (await change(administrator, "*", {"exports": {}})).json["webhook"]["after"] == 5, "not named, so it stays"


async def test_what_goes_wrong_is_told_in_words(administrator: Person, receiver: Receiver) -> None:
    await change(administrator, "*", {"webhook": {"url": receiver.url}})
    receiver.status = 410
    told = await administrator.post(TEST, 200, headers={"Accept-Language": "de"})
    assert (told["delivered"], told["failure"], told["status"]) == (False, "gone", 410)
    shown = (await administrator.get(PATH))["webhook"]
    assert (shown["active"], shown["failure"]) == (False, "gone")
    assert "no longer used" in shown["advice"]
    assert "no longer used" not in told["advice"], "in the reader's language"


async def test_a_job_that_ended_is_told_with_ids_and_counts_and_no_name(
    administrator: Person, student: Person, receiver: Receiver
) -> None:
    answer = await change(administrator, "*", {"webhook": {"url": receiver.url, "after": 0}})
    secret = answer.json["webhook"]["secret"]
    job = await copied(student, 2)
    ended: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while job not in ended:
            await asyncio.sleep(0.05)
            ended = {one["data"]["job"]: one["data"] for one in (json.loads(body) for _, body in receiver.came)}
    assert all(verified(secret, *one) for one in receiver.came)
    me = await student.get("/v1/me")
    assert (ended[job]["person"], ended[job]["school"]) == (me["id"], me["school"]["id"])
    assert (ended[job]["outcome"], ended[job]["counts"]["copied"]) == ("all", 2)
    for name in (me["name"], me["email"], me["school"]["name"]):
        assert all(name.encode() not in body for _, body in receiver.came)


async def test_nobody_else_sets_it_or_sends_to_it(student: Person, teacher: Person, extension: Person) -> None:
    for who in (student, teacher, extension):
        for path in (TEST, SECRET):
            assert (await who.ask("POST", path)).code == "not_allowed"


@pytest.mark.parametrize(
    ("webhook", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "webhook_refused"),
        ({"url": "https://169.254.169.254/latest"}, "webhook_refused"),
        ({"url": "http://example.org/"}, "webhook_refused"),
        ({"url": "https://user:pw@example.org/"}, "webhook_refused"),
        ({"url": ""}, "invalid_body"),
        ({"url": "https://example.org/", "after": -1}, "invalid_body"),
        ({"url": "https://example.org/", "secret": "x"}, "invalid_body"),
        ({}, "invalid_body"),
    ],
)
async def test_what_cannot_be_an_address(administrator: Person, webhook: dict[str, Any], code: str) -> None:
    answer = await change(administrator, "*", {"webhook": webhook})
    assert (answer.status, answer.code) == (422, code)
    assert "webhook" not in await administrator.get(PATH)
