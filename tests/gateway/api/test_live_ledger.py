"""The ledger on the wire: administrators read, verify and export their school's chain, a person sees their accesses."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from gateway.api.services import Services
from gateway.ledger import Event
from gateway.ledger.exported import check, proves
from gateway.web import catalogs
from tests.gateway.api.conftest import FOREIGN_ADMINISTRATOR
from tests.gateway.api.live import Live, Person, person
from tests.gateway.ledger import tampering

PATH = "/v1/school/ledger"


async def pages(who: Person, path: str, **query: str) -> list[Any]:
    """All items of a list, page by page, by its Link headers as well as by its cursors."""
    found: list[Any] = []
    asked = f"{path}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())
    for _ in range(1000):
        answer = await who.ask("GET", asked)
        assert answer.status == 200, answer.body
        found += answer.json["items"]
        if "next" not in answer.json:
            assert "Link" not in answer.headers
            return found
        asked = answer.headers["Link"].partition("<")[2].partition(">")[0]
    raise AssertionError("a list without an end")


async def test_a_schools_chain_newest_first_in_the_clear(administrator: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    await student.upload("told-in-the-ledger.txt", b"x")
    entries = await pages(administrator, PATH, limit="100")
    places = [one["sequence"] for one in entries]
    assert places == list(range(places[0], 0, -1))
    assert any(one["action"] == "drive.upload" and one["principal"] == me["id"] for one in entries)
    assert not any("details" in one for one in entries)
    assert "told-in-the-ledger" not in json.dumps(entries)
    one = next(one for one in entries if one["action"] == "drive.upload")
    assert one["instruction"]
    assert one["policy_version"].startswith("p1-")


async def test_by_person_action_and_time(administrator: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    mine = await pages(administrator, PATH, person=me["id"], limit="50")
    assert mine
    assert all(me["id"] in (one.get("principal"), one.get("subject")) for one in mine)
    signed = await pages(administrator, PATH, person=me["id"], action="person.signed_in")
    assert signed == [one for one in mine if one["action"] == "person.signed_in"]
    middle = mine[len(mine) // 2]["at"]
    since = await pages(administrator, PATH, person=me["id"], since=middle)
    until = await pages(administrator, PATH, person=me["id"], until=middle)
    assert [one["sequence"] for one in (*since, *until)] == [one["sequence"] for one in mine]
    assert await pages(administrator, PATH, since=(datetime.now(UTC) + timedelta(days=1)).isoformat()) == []
    assert await pages(administrator, PATH, person="0" * 32) == []
    for query in ("person=x", "action=A!", "since=yesterday", "since=2026-11-29T00:00:00", "details=2", "more=1"):
        assert (await administrator.ask("GET", f"{PATH}?{query}")).code == "invalid_query"


async def test_details_are_opened_for_one_person_who_sees_that(administrator: Person, student: Person) -> None:
    assert (await administrator.ask("GET", f"{PATH}?details=1")).code == "person_needed"
    me = await student.get("/v1/me")
    await student.upload("opened-details.txt", b"x")
    told = await pages(administrator, PATH, person=me["id"], details="1", action="drive.upload")
    assert told[0]["details"]["name"] == "opened-details.txt"
    latest = (await student.get("/v1/me/accesses?limit=1"))["items"][0]
    assert (latest["action"], latest["by"]["kind"], latest["by"]["role"]) == (
        "ledger.details_read", "person", "administrator",
    )  # fmt: skip
    assert latest["by"]["name"]


async def test_nobody_elses(live: Live, student: Person, teacher: Person, administrator: Person) -> None:
    for who in (student, teacher):
        for path in (PATH, f"{PATH}/status", f"{PATH}/export"):
            assert (await who.ask("GET", path)).code == "not_allowed"
    async with person(live, FOREIGN_ADMINISTRATOR) as foreigner:
        foreign = await pages(foreigner, PATH)
        ours = await pages(administrator, PATH)
        assert not {one["instruction"] for one in foreign if "instruction" in one} & {
            one["instruction"] for one in ours if "instruction" in one
        }
        me = await student.get("/v1/me")
        assert await pages(foreigner, PATH, person=me["id"]) == []
        cursor = (await administrator.get(f"{PATH}?limit=1"))["next"]
        assert (await foreigner.ask("GET", f"{PATH}?cursor={cursor}")).code == "bad_cursor"


async def test_whether_it_holds(live: Live, administrator: Person) -> None:
    me = await administrator.get("/v1/me")

    async def keep(services: Services) -> None:
        services.keeping._pause = -1
        await services.keeping.keep(me["school"]["id"])

    assert (await administrator.post(f"{PATH}/verify", 202))["state"] == "verifying"
    live.run(keep)
    status = await administrator.get(f"{PATH}/status")
    assert (status["state"], status["first"], status["checkpoint"] > 0) == ("whole", 1, True)
    assert "broken" not in status
    place = status["last"] - 3

    async def tamper(services: Services, principal: str) -> None:
        from gateway.db.tables_ledger import ledger_entries

        await tampering.change(services.database, ledger_entries, me["school"]["id"], place, principal=principal)

    async def read(services: Services) -> str:
        (entry,) = await services.ledger.read(me["school"]["id"], after=place - 1, limit=1)
        return entry.principal or ""

    before = live.run(read)
    live.run(lambda services: tamper(services, "0" * 32))
    await administrator.post(f"{PATH}/verify", 202)
    live.run(keep)
    status = await administrator.get(f"{PATH}/status")
    assert (status["state"], status["broken"], status["why"]) == ("broken", place, "altered")
    live.run(lambda services: tamper(services, before))
    await administrator.post(f"{PATH}/verify", 202)
    live.run(keep)
    assert (await administrator.get(f"{PATH}/status"))["state"] == "whole"


async def test_an_export_verifies_with_the_keys_that_anybody_can_pin(
    administrator: Person, nobody: Person, student: Person
) -> None:
    pinned = await nobody.get("/v1/ledger-keys")
    assert all("d" not in key and key["kid"].startswith("checkpoint-") for key in pinned["keys"])
    await student.upload("exported.txt", b"x")
    answer = await administrator.ask("GET", f"{PATH}/export")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/jsonl")
    lines = answer.body.splitlines(keepends=True)
    rows: list[Any] = []
    assert check(lines, pinned, rows.append).whole
    assert b"exported.txt" not in answer.body, "details stay sealed"
    assert not check(lines[:-2], pinned).whole
    assert not check(lines, await nobody.get("/v1/receipt-keys")).whole
    assert rows[-1]["action"] == "ledger.exported" or rows[-2]["action"] == "ledger.exported"


@pytest.fixture
async def moved(teacher: Person) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A job that copied a folder with three files, and its items."""
    folder = await teacher.post("/v1/drives/native/items/root/children", 201, json={"name": "to be proven"})
    for number in range(3):
        await teacher.upload(f"{number}.txt", b"x", parent=folder["id"])
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": folder["id"]}],
        "destination": {"drive": "native", "item": "root"},
    }  # fmt: skip
    job = await teacher.post("/v1/transfers", 202, json=order)
    async with asyncio.timeout(30):
        while (await teacher.get(f"/v1/jobs/{job['id']}"))["state"] != "done":
            await asyncio.sleep(0.05)
    return job, (await teacher.get(f"/v1/jobs/{job['id']}/items"))["items"]


async def test_each_item_of_a_job_is_proven_by_an_entry_that_was_there_before(
    teacher: Person, administrator: Person, student: Person, nobody: Person,
    moved: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:  # fmt: skip
    job, items = moved
    pinned, export = await nobody.get("/v1/ledger-keys"), await administrator.ask("GET", f"{PATH}/export")
    rows: dict[str, Any] = {}
    assert check(export.body.splitlines(keepends=True), pinned, lambda row: rows.update({row["id"]: row})).whole
    assert len(items) == 4
    actions = set()
    for one in items:
        proof = await teacher.get(f"/v1/jobs/{job['id']}/items/{one['id']}/proof")
        entry = rows[proof["entry"]]
        actions.add(entry["action"])
        assert proves(entry, proof)
        assert (entry["sequence"], entry["root"].hex(), entry["items"]) == (
            proof["sequence"], proof["root"], proof["items"],
        )  # fmt: skip
        assert json.loads(proof["leaf"])[-1] == one["name"]
        assert not proves(entry, {**proof, "leaf": proof["leaf"].replace(one["name"], "another.txt")})
    assert actions == {"transfer.ordered", "transfer.batch"}
    path = f"/v1/jobs/{job['id']}/items"
    for who, asked in ((teacher, "x"), (teacher, "0" * 32), (student, items[0]["id"])):
        assert (await who.ask("GET", f"{path}/{asked}/proof")).code == "not_found"


async def test_a_person_sees_every_access_to_their_files(live: Live, teacher: Person) -> None:
    me = await teacher.get("/v1/me")
    file = await teacher.upload("seen-by-me.txt", b"x")
    await teacher.ask("GET", f"/v1/drives/native/items/{file}/content")
    seen = (await teacher.get("/v1/me/accesses?limit=2"))["items"]
    assert [(one["action"], one["name"], one["by"]["kind"], one["drive"]) for one in seen] == [
        ("file.opened", "seen-by-me.txt", "you", "native"), ("drive.upload", "seen-by-me.txt", "you", "native"),
    ]  # fmt: skip
    assert seen[0]["item"] == file
    assert seen[0]["words"] == "A file was opened"
    german = (await teacher.ask("GET", "/v1/me/accesses?limit=1", headers={"Accept-Language": "de"})).json
    assert german["items"][0]["words"] == catalogs.translate("de", "A file was opened") != "A file was opened"
    everything = await pages(teacher, "/v1/me/accesses", limit="3")
    assert [one["at"] for one in everything] == sorted((one["at"] for one in everything), reverse=True)
    assert everything[:2] == seen

    async def by_the_gateway(services: Services) -> None:
        for principal in (None, "0" * 32):
            event = Event("drive.trash", principal, me["id"], "i", "p", {"account": "native"})
            await services.ledger.record(me["school"]["id"], event)

    live.run(by_the_gateway)
    gone, gateway = [one["by"] for one in (await teacher.get("/v1/me/accesses?limit=2"))["items"]]
    assert (gone, gateway) == ({"kind": "person"}, {"kind": "gateway"})
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await pages(teacher, "/v1/me/accesses", since=later) == []
    assert await pages(teacher, "/v1/me/accesses", until=later, limit="500") != []


async def test_what_a_sign_in_opens_in_many_ranges_is_one_access(teacher: Person) -> None:
    file = await teacher.upload("ranges.txt", b"0123456789")
    for start in range(5):
        await teacher.ask("GET", f"/v1/drives/native/items/{file}/content", headers={"Range": f"bytes={start}-"})
    told = [one for one in await pages(teacher, "/v1/me/accesses") if one.get("item") == file]
    assert [one["action"] for one in told] == ["file.opened"]
