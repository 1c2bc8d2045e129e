"""Idempotency-Key, live: the same request is done once, whoever sends it again and whenever."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from sqlalchemy import update

from gateway.api.services import Services
from gateway.db.tables_files import idempotency
from tests.gateway.api.live import Live, Person

FOLDERS = "/v1/drives/native/items/root/children"


def key() -> dict[str, str]:
    """A new key's header."""
    return {"Idempotency-Key": secrets.token_hex(16)}


async def order(who: Person) -> dict[str, Any]:
    """A copy of a new file into a new folder."""
    file = await who.upload(f"{secrets.token_hex(6)}.txt", b"x")
    folder = await who.post(FOLDERS, 201, json={"name": secrets.token_hex(6)})
    return {
        "mode": "copy", "sources": [{"drive": "native", "item": file}],
        "destination": {"drive": "native", "item": folder["id"]},
    }  # fmt: skip


async def test_the_same_answer_again(student: Person) -> None:
    """Status, body and headers; one folder."""
    given, wanted = key(), {"name": secrets.token_hex(6)}
    first = await student.ask("POST", FOLDERS, json=wanted, headers=given)
    again = await student.ask("POST", FOLDERS, json=wanted, headers=given)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert first.headers["ETag"] == again.headers["ETag"]
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (await student.names()).count(wanted["name"]) == 1


async def test_another_request_under_the_key(student: Person) -> None:
    """Another body, another address: 422; nothing is made."""
    given, wanted = key(), {"name": secrets.token_hex(6)}
    assert (await student.ask("POST", FOLDERS, json=wanted, headers=given)).status == 201
    other = await student.ask("POST", FOLDERS, json={"name": secrets.token_hex(6)}, headers=given)
    assert (other.status, other.code) == (422, "key_reused")
    elsewhere = await student.ask("POST", "/v1/transfers", json=await order(student), headers=given)
    assert (elsewhere.status, elsewhere.code) == (422, "key_reused")


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 65, "é", "a/b", "a;b", "%00"])
async def test_keys_that_are_none(student: Person, given: str) -> None:
    """400 before anything is done."""
    answer = await student.ask("POST", FOLDERS, json={"name": "x"}, headers={"Idempotency-Key": given})
    assert (answer.status, answer.code) == (400, "bad_idempotency_key")


async def test_a_refusal_is_not_kept(student: Person) -> None:
    """What failed may be sent again under the same key."""
    given, wanted = key(), {"name": secrets.token_hex(6), "on_conflict": "fail"}
    taken = await student.post(FOLDERS, 201, json=wanted)
    refused = await student.ask("POST", FOLDERS, json=wanted, headers=given)
    assert (refused.status, refused.code) == (409, "name_taken")
    assert (await student.ask("DELETE", f"/v1/drives/native/items/{taken['id']}")).status == 204
    assert (await student.ask("POST", FOLDERS, json=wanted, headers=given)).status == 201


async def test_ten_at_once(student: Person) -> None:
    """One job; the others are told to wait or get its answer."""
    given, wanted = key(), await order(student)
    before = {one["id"] for one in (await student.get("/v1/jobs?limit=1000"))["items"]}
    answers = await asyncio.gather(
        *(student.ask("POST", "/v1/transfers", json=wanted, headers=given) for _ in range(10))
    )
    assert {one.status for one in answers} <= {202, 409}
    assert len({one.json["id"] for one in answers if one.status == 202}) == 1
    assert all(one.code == "still_running" for one in answers if one.status == 409)
    after = {one["id"] for one in (await student.get("/v1/jobs?limit=1000"))["items"]}
    assert len(after - before) == 1


async def test_an_answer_that_was_never_stored(live: Live, student: Person) -> None:
    """The process died between the job and its answer: sent again, the same job is found."""
    given, wanted = key(), await order(student)
    first = await student.ask("POST", "/v1/transfers", json=wanted, headers=given)
    assert first.status == 202

    async def die(services: Services) -> int:
        lost = {"status": None, "reply": None, "owner": "a process that is gone"}
        async with services.database.write() as tx:
            latest = idempotency.c.status == 202
            return (await tx.execute(update(idempotency).where(latest).values(**lost))).rowcount

    assert live.run(die) > 0
    again = await student.ask("POST", "/v1/transfers", json=wanted, headers=given)
    assert (again.status, again.json["id"]) == (202, first.json["id"])
    jobs = [one["id"] for one in (await student.get("/v1/jobs?limit=1000"))["items"]]
    assert jobs.count(first.json["id"]) == 1
