"""Legal holds on the wire: two administrators, signed in afresh, keep what a person deletes, and let go of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import zipfile
from typing import Any

from gateway.api.services import Services
from tests.gateway.api.live import Live, Person
from tests.gateway.api.test_live_forget import grow_old, receipt
from tests.gateway.api.test_live_lawful import first, second

__all__ = ["first", "second"]
PATH = "/v1/school/holds"
ASKED = {
    "basis": "Section 12", "authority": "District court", "reference": "7/26", "review": "2096-01-01T00:00:00Z",
}  # fmt: skip


def wanted(who: dict[str, Any], *items: str, **more: Any) -> dict[str, Any]:
    return {"person": who["id"], "items": list(items) or None, **ASKED, **more}


async def until(who: Person, hold: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while (found := await who.get(f"{PATH}/{hold}"))["state"] != state:
            await asyncio.sleep(0.3)
    return dict(found)


async def opened(first: Person, second: Person, body: dict[str, Any]) -> dict[str, Any]:
    """By both."""
    asked = await first.post(PATH, 201, json=body)
    assert (asked["state"], asked["contents"], asked["words"][:8]) == ("proposed", 0, "A second")
    given = await second.post(f"/v1/school/approvals/{asked['approval']}/approve", 200)
    assert (given["approval"]["kind"], given.get("receipt")) == ("hold", None)
    assert given["approval"]["reason"] == "District court: 7/26"
    return await until(first, asked["id"], "open")


async def test_from_the_letter_to_the_release(live: Live, first: Person, second: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    folder = await student.post("/v1/drives/native/items/root/children", 201, json={"name": "Evidence"})
    item = await student.upload("canary-held.txt", b"held content", parent=folder["id"])
    hold = await opened(first, second, wanted(me, folder["id"]))
    assert (hold["contents"], hold["bytes"], hold["parts"], hold["overdue"]) == (1, 12, 1, False)
    assert hold["items"] == [folder["id"]]
    one = f"{PATH}/{hold['id']}"

    target = {"target": {"kind": "native", "id": folder["id"]}}
    (kept,) = (await student.post("/v1/erasures/items/plan", 200, json=target))["held"]
    assert (kept["hold"], kept["count"], kept["bytes"]) == (hold["id"], 1, 12)
    assert kept["hold"] in [found["hold"] for found in (await student.get("/v1/erasure/plan"))["held"]]
    begun = await student.post("/v1/erasures/items", 202, json={**target, "confirm": "FORGET"})
    signed = (await receipt(student, begun["receipt"])).json
    told = _statement(signed)
    assert [(found["hold"], found["objects"]) for found in told["kept"] if found["store"] == "legal_holds"] == [
        (hold["id"], 1)
    ]
    assert (await student.ask("GET", f"/v1/drives/native/items/{item}")).status == 404

    (content,) = (await second.get(f"{one}/contents"))["items"]
    assert (content["path"], content["name"], content["size"]) == (["Evidence"], "canary-held.txt", 12)
    answer = await second.ask("POST", f"{one}/content", json={})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.read("files/Evidence/canary-held.txt") == b"held content"
        assert json.loads(archive.read("manifest.json"))["reference"] == "7/26"
    seen = [found["action"] for found in (await student.get("/v1/me/accesses?limit=10"))["items"]]
    assert {"hold.opened", "hold.listed", "hold.exported"} <= set(seen)
    words = await student.get("/v1/me/review/holds")
    assert [found["values"]["told"]["authority"] for found in words["items"]][-1] == "District court"

    refused = await first.ask("POST", "/v1/school/erasures", json={"scope": "school", "confirm": "FORGET"})
    assert (refused.status, refused.code) == (409, "held")
    plan = await first.post("/v1/school/erasures/plan", 200, json={"scope": "school"})
    assert plan["refused"].startswith("The school keeps something")

    asked = await first.post(f"{one}/release", 202)
    assert (await first.ask("POST", f"{one}/release")).code == "hold_state"
    given = await second.post(f"/v1/school/approvals/{asked['hold']['release']}/approve", 200)
    for address in (asked["receipt"], given["receipt"]):
        ended = _statement((await receipt(first, address)).json)
        assert (ended["scope"], ended["hold"], ended["erased"][0]["erased"]) == ("released", hold["id"], 1)
    await until(first, hold["id"], "released")
    for method, path in (("GET", "contents"), ("POST", "content"), ("POST", "release")):
        assert (await first.ask(method, f"{one}/{path}", json={} if path == "content" else None)).status == 409

    async def told_of(services: Services) -> list[Any]:
        found = await services.ledger.read(me["school"]["id"], limit=100_000)
        return [one for one in found if one.instruction == hold["id"] and one.details]

    entries = live.run(told_of)
    assert [entry.action for entry in entries] == [
        "hold.asked", "hold.opened", "hold.listed", "hold.exported", "hold.delivered", "hold.release_asked",
        "hold.released",
    ]  # fmt: skip
    assert entries[4].details["sha256"] == hashlib.sha256(answer.body).hexdigest()
    assert {entry.details["basis"] for entry in entries} == {"Section 12"}


def _statement(signed: dict[str, Any]) -> dict[str, Any]:
    text = signed["payload"]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


async def test_only_administrators_with_a_fresh_sign_in(
    live: Live, first: Person, student: Person, teacher: Person
) -> None:
    me = await student.get("/v1/me")
    await student.upload("of-mine.txt", b"x")
    for who in (student, teacher):
        assert (await who.ask("GET", PATH)).code == "not_allowed"
        assert (await who.ask("POST", PATH, json=wanted(me))).code == "not_allowed"
    asked = await first.post(PATH, 201, json=wanted(me))
    one = f"{PATH}/{asked['id']}"
    assert (await first.ask("POST", f"/v1/school/approvals/{asked['approval']}/approve")).status == 409
    grow_old(live, first, 10_000)
    steps = [("POST", PATH, wanted(me)), ("POST", f"{one}/content", {}), ("POST", f"{one}/release", None),
             ("GET", f"{one}/contents", None)]  # fmt: skip
    for method, path, body in steps:
        assert (await first.ask(method, path, json=body)).code == "fresh_sign_in_required"
    assert (await first.get(one))["state"] == "proposed"


async def test_what_is_refused(first: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    await student.upload("of-mine-too.txt", b"x")
    for body in (
        {}, {**wanted(me), "basis": ""}, {**wanted(me), "review": "soon"}, {**wanted(me), "items": []},
        {**wanted(me), "person": "x"}, {**wanted(me), "items": ["x"] * 101}, {**wanted(me), "more": 1},
        {**wanted(me), "review": "2096-01-01T00:00:00"},
    ):  # fmt: skip
        assert (await first.ask("POST", PATH, json=body)).status == 422
    assert (await first.ask("POST", PATH, json=wanted(me, review="2020-01-01T00:00:00Z"))).code == "review_past"
    assert (await first.ask("POST", PATH, json=wanted({"id": "0" * 32}))).code == "nothing_to_hold"
    for item in ("0" * 32, "\u0000", "nothing here", "../.."):
        assert (await first.ask("POST", PATH, json=wanted(me, item))).status in (404, 422)
    asked = await first.post(PATH, 201, json=wanted(me))
    assert (await first.ask("POST", f"{PATH}/{asked['id']}/content", json={"part": 2})).status == 422
    for part in (0, -1, "x"):
        assert (await first.ask("POST", f"{PATH}/{asked['id']}/content", json={"part": part})).status == 422
    for path in (f"{PATH}/{'0' * 32}", f"{PATH}/x", f"{PATH}/%00"):
        assert (await first.ask("GET", path)).status == 404
        assert (await first.ask("POST", f"{path}/release")).status == 404
    assert (await first.ask("GET", f"{PATH}?cursor=x")).status in (400, 422)


async def test_the_list_goes_page_by_page(first: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    await student.upload("of-mine-still.txt", b"x")
    made = [(await first.post(PATH, 201, json=wanted(me, untold="Section 9")))["id"] for _ in range(3)]
    found: list[dict[str, Any]] = []
    path = f"{PATH}?limit=1"
    while len(found) < 3:
        page = await first.get(path)
        found += page["items"]
        path = f"{PATH}?limit=1&cursor={page['next']}"
    assert [one["id"] for one in found] == made[::-1]
    assert {one["untold"] for one in found} == {"Section 9"}
