"""Forgetting one thing, live: a plan, then gone, with a receipt where it was wished; once, and only one's own."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from gateway.signing import verify
from tests.gateway.api.live import Answer, Person

PATH = "/v1/erasures"


def order(kind: str, **ids: str) -> dict[str, Any]:
    return {"target": {"kind": kind, **ids}, "confirm": "FORGET"}


async def receipt(who: Person, address: str) -> Answer:
    async with asyncio.timeout(30):
        while (answer := await who.ask("GET", address)).status == 425:
            await asyncio.sleep(0.1)
    return answer


async def test_a_file_for_good(student: Person) -> None:
    file = await student.upload(f"{secrets.token_hex(4)}.txt", b"12345")
    target = {"kind": "native", "id": file}
    plan = await student.post(f"{PATH}/items/plan", 200, json={"target": target})
    assert [(one["store"], one["count"], one["bytes"]) for one in plan["stores"]] == [("native", 1, 5)]
    begun = await student.ask("POST", f"{PATH}/items", json=order("native", id=file))
    assert begun.status == 202
    assert begun.headers["Location"] == f"{PATH}/{begun.json['id']}"
    told = await receipt(student, begun.json["receipt"])
    statement = verify(told.json, await student.get("/v1/receipt-keys"))
    assert (statement["scope"], statement["kind"], statement["asked_by"]) == ("item", "native", "self")
    assert statement["backups_dead_by"] is not None
    assert statement["backups"].startswith("Deleted, shredded by ")
    assert (await student.ask("GET", f"/v1/drives/native/items/{file}")).status == 404
    assert (await student.ask("GET", begun.json["receipt"])).status == 404
    now = await student.get(begun.headers["Location"])
    assert (now["state"], now["scope"], now["kind"]) == ("done", "item", "native")
    assert now["dead_by"] is not None
    assert begun.json["id"] in [one["id"] for one in (await student.get(PATH))["items"]]


async def test_a_repeated_request_is_one_erasure(student: Person) -> None:
    """By its Idempotency-Key: the same answer, with the same link."""
    file = await student.upload(f"{secrets.token_hex(4)}.txt", b"1")
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first, second = [
        await student.ask("POST", f"{PATH}/items", json=order("native", id=file), headers=headers) for _ in range(2)
    ]
    assert (first.status, first.json) == (second.status, second.json)
    assert (await receipt(student, first.json["receipt"])).status == 200


async def test_without_a_receipt(student: Person) -> None:
    file = await student.upload(f"{secrets.token_hex(4)}.txt", b"1")
    begun = await student.post(f"{PATH}/items", 202, json={**order("native", id=file), "receipt": False})
    assert "receipt" not in begun


async def test_lists_continue(student: Person) -> None:
    for _ in range(2):
        file = await student.upload(f"{secrets.token_hex(4)}.txt", b"1")
        await student.post(f"{PATH}/items", 202, json={**order("native", id=file), "receipt": False})
    first = await student.get(f"{PATH}?limit=1")
    second = await student.get(f"{PATH}?limit=1&cursor={first['next']}")
    assert first["items"][0]["id"] != second["items"][0]["id"]


async def test_what_is_somebody_elses_is_not_there(student: Person, teacher: Person) -> None:
    file = await student.upload(f"{secrets.token_hex(4)}.txt", b"1")
    for path, body in (("items", order("native", id=file)), ("items/plan", {"target": {"kind": "native", "id": file}})):
        answer = await teacher.ask("POST", f"{PATH}/{path}", json=body)
        assert (answer.status, answer.code) == (404, "not_found")
    begun = await student.post(f"{PATH}/items", 202, json=order("native", id=file))
    assert (await teacher.ask("GET", f"{PATH}/{begun['id']}")).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"target": {"kind": "native"}, "confirm": "FORGET"}, 422),
        ({"target": {"kind": "temporary", "id": "x"}, "confirm": "FORGET"}, 422),
        ({"target": {"kind": "version", "id": "x"}, "confirm": "FORGET"}, 422),
        ({"target": {"kind": "native", "id": "x", "version": "y"}, "confirm": "FORGET"}, 422),
        ({"target": {"kind": "everything", "id": "x"}, "confirm": "FORGET"}, 422),
        ({"target": {"kind": "cached", "id": "0" * 32}, "confirm": "forget"}, 422),
        (order("cached", id="0" * 32), 404),
        (order("report", id="nonsense"), 404),
        (order("native", id="../root"), 404),
        (order("upload", id="\x00"), 404),
        (order("native", id="root"), 404),
    ],
)
async def test_bad_orders(student: Person, body: Any, status: int) -> None:
    answer = await student.ask("POST", f"{PATH}/items", json=body)
    assert answer.status == status, answer.json


async def test_everything_temporary(student: Person) -> None:
    file = await student.upload(f"{secrets.token_hex(4)}.txt", b"kept")
    begun = await student.post(f"{PATH}/items", 202, json=order("temporary"))
    assert (await receipt(student, begun["receipt"])).status == 200
    assert (await student.get("/v1/cache"))["items"] == []
    assert (await student.ask("GET", f"/v1/drives/native/items/{file}")).status == 200
