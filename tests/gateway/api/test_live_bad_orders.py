"""Orders that cannot go well, by HTTP: a problem that says why, or a job that ends and tells it item by item."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.gateway.api.conftest import FOREIGN_TEACHER, TEACHER
from tests.gateway.api.live import Answer, Person
from tests.gateway.api.test_live_jobs import folder

BOTH = ("/v1/transfers", "/v1/transfers/preflight")
VANISHED = {
    "match": {"method": "GET", "path": "*/files/*", "query": "*alt=media*"},
    "do": {"status": 404, "reason": "notFound"},
}
FULL = {"match": {"path": "/upload/*"}, "do": {"quota_full": True}}
FORBIDDEN = {"match": {"path": "/upload/*"}, "do": {"status": 403, "reason": "domainPolicy"}}


def place(item: str, drive: str = "native") -> dict[str, str]:
    return {"drive": drive, "item": item}


async def order(who: Person, path: str, mode: str, source: dict[str, str], to: dict[str, str]) -> Answer:
    return await who.ask("POST", path, json={"mode": mode, "sources": [source], "destination": to})


@pytest.fixture
async def google(teacher: Person) -> AsyncIterator[str]:
    """The teacher's Google drive; its troubles end with the test."""
    yield await teacher.connect("google", TEACHER)
    await teacher.ask("DELETE", f"{teacher.live.boxes['google']}/_sandbox/faults")


async def trouble(who: Person, rule: dict[str, Any]) -> None:
    answer = await who.ask("POST", f"{who.live.boxes['google']}/_sandbox/faults", json=[rule])
    assert answer.status == 200


async def end(who: Person, answer: Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job at its end, and its one item."""
    assert answer.status == 202, answer.body
    job = f"/v1/jobs/{answer.json['id']}"
    async with asyncio.timeout(60):
        while (now := await who.get(job))["state"] in ("planning", "running"):
            await asyncio.sleep(0.05)
    [item] = (await who.get(f"{job}/items"))["items"]
    assert item["advice"]
    return now, item


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_a_folder_into_itself_or_below_itself(teacher: Person, mode: str, path: str) -> None:
    outer = await folder(teacher)
    for to in (outer, await folder(teacher, outer)):
        answer = await order(teacher, path, mode, place(outer), place(to))
        assert (answer.status, answer.code) == (422, "into_itself")


@pytest.mark.parametrize("path", BOTH)
async def test_between_schools(teacher: Person, foreigner: Person, path: str) -> None:
    """Another school's drive and its items are not there at all, in whichever direction."""
    theirs = await foreigner.connect("google", FOREIGN_TEACHER)
    root = (await foreigner.get(f"/v1/drives/{theirs}/items/root"))["id"]
    mine, there = await folder(teacher), await folder(foreigner)
    for source, to in (
        (place(mine), place(root, theirs)),
        (place(root, theirs), place(mine)),
        (place(mine), place(there)),
        (place(there), place(mine)),
    ):
        answer = await order(teacher, path, "copy", source, to)
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("path", BOTH)
async def test_a_source_that_is_gone_when_it_is_ordered(teacher: Person, path: str) -> None:
    item, to = await teacher.upload(f"{secrets.token_hex(6)}.txt", b"x"), await folder(teacher)
    found = await teacher.ask("GET", f"/v1/drives/native/items/{item}")
    gone = await teacher.ask(
        "DELETE", f"/v1/drives/native/items/{item}?permanent=true", headers={"If-Match": found.headers["ETag"]}
    )
    assert gone.status in (200, 204), gone.body
    answer = await order(teacher, path, "move", place(item), place(to))
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_a_source_that_vanishes_under_way(teacher: Person, google: str, mode: str) -> None:
    item = await teacher.upload(f"{secrets.token_hex(6)}.bin", secrets.token_bytes(2000), google)
    to = await folder(teacher)
    await trouble(teacher, VANISHED)
    job, told = await end(teacher, await order(teacher, "/v1/transfers", mode, place(item, google), place(to)))
    assert (told["state"], told["reason"]) == ("failed", "not_found")
    assert (job["state"], job["outcome"], job["kept"]) == ("failed", "nothing", int(mode == "move"))
    assert await teacher.names(to) == []


@pytest.mark.parametrize(("rule", "reason"), [(FULL, "quota_full"), (FORBIDDEN, "admin_blocked")])
async def test_a_destination_that_is_full_or_that_the_policy_forbids(
    teacher: Person, google: str, rule: dict[str, Any], reason: str
) -> None:
    item = await teacher.upload(f"{secrets.token_hex(6)}.bin", secrets.token_bytes(2000))
    root = (await teacher.get(f"/v1/drives/{google}/items/root"))["id"]
    await trouble(teacher, rule)
    job, told = await end(teacher, await order(teacher, "/v1/transfers", "move", place(item), place(root, google)))
    assert (told["state"], told["reason"]) == ("failed", reason)
    assert (job["outcome"], job["kept"]) == ("nothing", 1)
    assert (await teacher.get(f"/v1/drives/native/items/{item}"))["size"] == 2000, "the original is where it was"
