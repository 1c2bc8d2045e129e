"""The incident book over the wire: from notice to signature, whom it touched, drafts to download, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.api.services import Services
from gateway.containment import Word
from gateway.db.tables_people import sessions
from gateway.incidents import Draft, Told
from gateway.web import catalogs
from tests.gateway.api.conftest import ADMINISTRATOR
from tests.gateway.api.live import Live, Person, person

PATH = "/v1/school/incidents"
NEW = {"kind": "disclosure", "severity": "low", "description": "The class list was sent to another school."}
NOBODY = "0" * 32


@pytest.fixture
async def fresh(live: Live) -> AsyncIterator[Person]:
    """Sofia Rossi, who has just proven who she is."""
    async with person(live) as client:
        await client.sign_in(ADMINISTRATOR, fresh=True)
        yield client


def at(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


async def tagged(who: Person, incident: str) -> tuple[Any, dict[str, str]]:
    answer = await who.ask("GET", f"{PATH}/{incident}")
    assert answer.status == 200, answer.body
    return answer.json, {"If-Match": answer.headers["ETag"]}


async def by_operator(live: Live, **more: Any) -> str:
    """An incident that the operator entered."""

    async def enter(services: Services) -> str:
        (school,) = [one.id for one, _ in services.ways_in() if one.name == "Riverside School"]
        return (await services.incidents.open(Word(school), Draft("key", "high", Told("a key got out"), **more))).id

    return live.run(enter)


async def test_from_entry_to_the_end(fresh: Person) -> None:
    made = await fresh.ask("POST", PATH, json={**NEW, "people": ["students"], "began": at(hours=3)})
    assert made.status == 201
    one = made.json
    assert made.headers["Location"] == f"{PATH}/{one['id']}"
    assert (one["origin"], one["state"], one["clock"]["state"]) == ("administrator", "open", "running")
    assert one["clock"]["remaining"] <= 72 * 3600
    assert one["missing"] == ["decision_authority", "decision_people", "signatures"]
    here = f"{PATH}/{one['id']}"
    early = await fresh.ask("POST", f"{here}/close")
    assert (early.status, early.code, early.json["missing"]) == (409, "not_yet", one["missing"])
    await fresh.post(f"{here}/decisions", 200, json={"about": "authority", "notify": True, "reason": "names"})
    await fresh.post(f"{here}/decisions", 200, json={"about": "people", "notify": False, "reason": "low risk"})
    await fresh.post(f"{here}/notified", 200, json={"about": "authority", "at": at(minutes=1), "reference": "A-7"})
    await fresh.post(f"{here}/notes", 200, json={"text": "The other school deleted it."})
    _, tag = await tagged(fresh, one["id"])
    changed = await fresh.ask(
        "PATCH", here, json={"measures": "It was deleted there.", "records_count": 24}, headers=tag
    )
    assert changed.status == 200
    assert changed.json["facts"]["description"] == NEW["description"]
    assert changed.json["facts"]["measures"] == "It was deleted there."
    late = await fresh.ask("PATCH", here, json={"severity": "high"}, headers=tag)
    assert (late.status, late.code) == (412, "changed")
    _, tag = await tagged(fresh, one["id"])
    signed = await fresh.ask("POST", f"{here}/signature", headers=tag)
    assert (signed.status, signed.json["missing"]) == (200, [])
    closed = await fresh.post(f"{here}/close", 200)
    assert closed["state"] == "closed"
    assert closed["clock"]["state"] == "met"
    over = await fresh.ask("POST", f"{here}/decisions", json={"about": "people", "notify": True, "reason": "x"})
    assert (over.status, over.code) == (409, "closed")
    again = await fresh.post(f"{here}/reopen", 200, json={"reason": "a second mail"})
    assert (again["state"], again["missing"]) == ("open", ["signatures"])
    acts = await fresh.get(f"{here}/acts?limit=5")
    rest = await fresh.get(f"{here}/acts?cursor={acts['next']}")
    names = [act["act"] for act in acts["items"] + rest["items"]]
    assert names == [
        "opened", "aware", "decided_authority", "decided_people", "notified_authority", "note", "amended", "signed",
        "closed", "reopened",
    ]  # fmt: skip
    assert acts["items"][2]["told"] == {"notify": True, "reason": "names"}
    assert acts["items"][4]["told"]["at"].startswith("20")


async def test_notice_and_awareness(live: Live, fresh: Person) -> None:
    incident = await by_operator(live)
    listed = await fresh.get(f"{PATH}?state=open&limit=1000")
    (brief,) = [one for one in listed["items"] if one["id"] == incident]
    assert brief["noticed"]
    assert "aware" not in brief
    assert brief["clock"] == {"state": "waiting"}
    assert "facts" not in brief
    assert brief["words"]
    one, _ = await tagged(fresh, incident)
    assert one["aware"]
    assert one["aware_by"] == (await fresh.get("/v1/me"))["id"]
    assert one["facts"]["description"] == "a key got out"
    earlier = await fresh.post(f"{PATH}/{incident}/awareness", 200, json={"at": at(hours=71)})
    assert 0 < earlier["clock"]["remaining"] <= 3600
    overdue = await fresh.post(f"{PATH}/{incident}/awareness", 200, json={"at": at(hours=100)})
    assert overdue["clock"]["state"] == "overdue"
    assert overdue["clock"]["remaining"] == 0
    back = await fresh.ask("POST", f"{PATH}/{incident}/awareness", json={"at": at(hours=1)})
    assert (back.status, back.code) == (422, "aware_before")
    silent = await fresh.ask("POST", f"{PATH}/{incident}/notified", json={"about": "authority", "at": at(minutes=1)})
    assert (silent.status, silent.code) == (422, "reason_for_delay")
    told = {"about": "authority", "at": at(minutes=1), "delay": "holidays"}
    assert (await fresh.post(f"{PATH}/{incident}/notified", 200, json=told))["clock"]["state"] == "late"


async def test_a_severe_one_needs_a_second_signature(live: Live, fresh: Person) -> None:
    incident = await by_operator(live)
    here = f"{PATH}/{incident}"
    for about in ("authority", "people"):
        await fresh.post(f"{here}/decisions", 200, json={"about": about, "notify": False, "reason": "no risk"})
    _, tag = await tagged(fresh, incident)
    assert (await fresh.ask("POST", f"{here}/signature", headers=tag)).json["signatures_needed"] == 2
    _, tag = await tagged(fresh, incident)
    twice = await fresh.ask("POST", f"{here}/signature", headers=tag)
    assert (twice.status, twice.code) == (422, "signed_already")
    assert (await fresh.ask("POST", f"{here}/close")).json["missing"] == ["signatures"]

    async def operator(services: Services) -> None:
        school = await services.incidents.school_of(incident)
        acts = (await services.incidents.get(school, incident)).acts
        await services.incidents.sign(Word(school), incident, acts)

    live.run(operator)
    assert (await fresh.post(f"{here}/close", 200))["state"] == "closed"


async def test_a_signature_needs_a_fresh_sign_in_and_the_right_state(live: Live, fresh: Person) -> None:
    one = await fresh.post(PATH, 201, json=NEW)
    _, tag = await tagged(fresh, one["id"])
    missing = await fresh.ask("POST", f"{PATH}/{one['id']}/signature")
    assert (missing.status, missing.code) == (428, "precondition_required")
    await fresh.post(f"{PATH}/{one['id']}/notes", 200, json={"text": "x"})
    stale = await fresh.ask("POST", f"{PATH}/{one['id']}/signature", headers=tag)
    assert (stale.status, stale.code) == (412, "changed")
    me = (await fresh.get("/v1/me"))["id"]

    async def age(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(sessions.c.person == me).values(signed_in_at=0))

    live.run(age)
    _, tag = await tagged(fresh, one["id"])
    old = await fresh.ask("POST", f"{PATH}/{one['id']}/signature", headers=tag)
    assert (old.status, old.code) == (403, "fresh_sign_in_required")


async def test_drafts_to_download(fresh: Person) -> None:
    facts = {"data": ["files"], "consequences": "None known", "contact": "dpo@school.example"}
    one = await fresh.post(PATH, 201, json={**NEW, **facts})
    for audience in ("authority", "school", "person"):
        for language in catalogs.LANGUAGES:
            for form, media, suffix in (("markdown", "text/markdown", "md"), ("text", "text/plain", "txt")):
                told = await fresh.ask(
                    "GET", f"{PATH}/{one['id']}/notices/{audience}?language={language}&format={form}"
                )  # fmt: skip
                assert told.status == 200
                assert told.headers["Content-Type"] == f"{media}; charset=utf-8"
                assert told.headers["Content-Language"] == language
                assert told.headers["Content-Disposition"].startswith(
                    f'attachment; filename="{audience}-{language}.{suffix}"'
                )
                assert b"dpo@school.example" in told.body or audience == "school"
                assert (NEW["description"].encode() in told.body) == (audience != "person")
    spoken = await fresh.ask("GET", f"{PATH}/{one['id']}/notices/person", headers={"Accept-Language": "de"})
    assert spoken.headers["Content-Language"] == "de"
    for path, status, code in (
        ("notices/press", 404, "not_found"),
        ("notices/person?language=xx", 422, "no_such_language"),
        ("notices/person?format=pdf", 422, "invalid_query"),
    ):
        answer = await fresh.ask("GET", f"{PATH}/{one['id']}/{path}")
        assert (answer.status, answer.code) == (status, code)


async def test_whom_it_touched(live: Live, fresh: Person, student: Person) -> None:
    file = await student.upload("touched.txt", b"touched")
    me = (await student.get("/v1/me"))["id"]
    since = at(minutes=5)
    assert (await student.ask("GET", f"/v1/drives/native/items/{file}/content")).body == b"touched"
    until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    query = f"since={since.replace('+', '%2B')}&until={until.replace('+', '%2B')}"
    people = await fresh.get(f"/v1/school/affected/people?{query}")
    assert me in [one["person"] for one in people["items"]]
    found = await fresh.get(f"/v1/school/affected/accesses?drive=native&person={me}&item={file}")
    assert [one["action"] for one in found["items"]][-1] == "file.opened"
    assert {one["person"] for one in found["items"]} == {me}
    latest = (await student.get("/v1/me/accesses?limit=1"))["items"][0]
    assert (latest["action"], latest["by"]["role"]) == ("ledger.details_read", "administrator")
    objects = await fresh.get(f"/v1/school/affected/objects?person={me}&version=1")
    wrapped = [one["id"] for one in objects["items"]]
    assert wrapped
    under = await fresh.get("/v1/school/affected/people?key_version=1&limit=1000")
    assert me in [one["person"] for one in under["items"]]
    by_object = [await fresh.ask("GET", f"/v1/school/affected/accesses?object={one}") for one in wrapped]
    assert any(answer.status == 200 and answer.json["items"] for answer in by_object)
    one = await fresh.post(PATH, 201, json=NEW)
    noted = {"items": [{"kind": "person", "id": me}, *({"kind": "object", "id": item} for item in wrapped)]}
    assert (await fresh.post(f"{PATH}/{one['id']}/affected", 200, json=noted))["added"] == 1 + len(wrapped)
    page = await fresh.get(f"{PATH}/{one['id']}/affected?limit=1")
    rest = await fresh.get(f"{PATH}/{one['id']}/affected?cursor={page['next']}")
    assert {item["id"] for item in page["items"] + rest["items"]} == {me, *wrapped}
    shown, _ = await tagged(fresh, one["id"])
    assert shown["affected"] == {"object": len(wrapped), "person": 1}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/school/affected/accesses", 422, "invalid_query"),
        (f"/v1/school/affected/accesses?object={NOBODY}", 404, "not_found"),
        (f"/v1/school/affected/accesses?object={NOBODY}&drive=native", 422, "invalid_query"),
        (f"/v1/school/affected/accesses?drive={NOBODY}&item=x", 404, "not_found"),
        ("/v1/school/affected/accesses?drive=native&item=x", 404, "not_found"),
        ("/v1/school/affected/accesses?object=x", 422, "invalid_query"),
        ("/v1/school/affected/objects?version=99", 404, "not_found"),
        ("/v1/school/affected/objects", 422, "invalid_query"),
        (f"/v1/school/affected/objects?person={NOBODY}&version=1", 404, "not_found"),
        ("/v1/school/affected/people", 422, "invalid_query"),
        ("/v1/school/affected/people?key_version=99", 404, "not_found"),
        ("/v1/school/affected/people?since=2026-01-01T00:00:00Z", 422, "invalid_query"),
        ("/v1/school/affected/people?since=yesterday&until=today", 422, "invalid_query"),
        ("/v1/school/affected/people?since=0&until=1", 422, "invalid_query"),
        ("/v1/school/affected/people?since=2026-13-01T00:00:00Z&until=2026-01-01T00:00:00Z", 422, "invalid_query"),
        (f"{PATH}/{NOBODY}", 404, "not_found"),
        (f"{PATH}/x", 404, "not_found"),
        (f"{PATH}/{NOBODY}/acts", 404, "not_found"),
        (f"{PATH}/{NOBODY}/affected", 404, "not_found"),
        (f"{PATH}/{NOBODY}/notices/person", 404, "not_found"),
        (f"{PATH}?state=lost", 422, "invalid_query"),
        (f"{PATH}?cursor=x", 400, "bad_cursor"),
        (f"{PATH}?limit=0", 422, "invalid_query"),
    ],
)
async def test_questions_that_make_no_sense(fresh: Person, path: str, status: int, code: str) -> None:
    answer = await fresh.ask("GET", path)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**NEW, "kind": "failed_tags"}, "invalid_body"),
        ({**NEW, "severity": "grave"}, "invalid_body"),
        ({**NEW, "began": "2026-01-01"}, "invalid_body"),
        ({**NEW, "began": 5}, "invalid_body"),
        ({**NEW, "began": "2026-01-01T00:00:00"}, "invalid_body"),
        ({**NEW, "began": "1800-01-01T00:00:00Z"}, "invalid_body"),
        ({**NEW, "began": "2199-01-01T00:00:00Z"}, "in_the_future"),
        ({**NEW, "aware": "2199-01-01T00:00:00Z"}, "in_the_future"),
        ({**NEW, "began": "2026-01-02T00:00:00Z", "ended": "2026-01-01T00:00:00Z"}, "ends_before_it_begins"),
        ({**NEW, "people": ["cats"]}, "invalid_body"),
        ({**NEW, "people_count": -1}, "invalid_body"),
        ({**NEW, "description": "x" * 10_001}, "invalid_body"),
        ({"kind": "other"}, "invalid_body"),
    ],
)
async def test_entries_that_make_no_sense(fresh: Person, body: Any, code: str) -> None:
    answer = await fresh.ask("POST", PATH, json=body)
    assert (answer.status, answer.code) == (422, code)


async def test_a_change_that_empties_what_may_not_be_empty_leaves_it(fresh: Person) -> None:
    one = await fresh.post(PATH, 201, json={**NEW, "began": at(hours=1), "people_count": 3})
    _, tag = await tagged(fresh, one["id"])
    given = {"kind": None, "description": None, "began": None, "people_count": None}
    changed = await fresh.ask("PATCH", f"{PATH}/{one['id']}", json=given, headers=tag)
    assert changed.status == 200
    assert (changed.json["kind"], changed.json["facts"]["description"]) == ("disclosure", NEW["description"])
    assert "began" not in changed.json
    assert "people_count" not in changed.json["facts"]


async def test_only_the_schools_administrators(
    live: Live, fresh: Person, student: Person, teacher: Person, extension: Person, foreigner: Person
) -> None:
    one = await fresh.post(PATH, 201, json=NEW)
    for who in (student, teacher, extension, foreigner):
        for answer in (
            await who.ask("GET", PATH), await who.ask("POST", PATH, json=NEW),
            await who.ask("GET", f"{PATH}/{one['id']}"),
            await who.ask("GET", "/v1/school/affected/people?key_version=1"),
        ):  # fmt: skip
            assert (answer.status, answer.code) == (403, "not_allowed")


async def test_a_repeated_entry_is_made_once(fresh: Person) -> None:
    keyed = {"Idempotency-Key": "entry-1"}
    first = await fresh.ask("POST", PATH, json=NEW, headers=keyed)
    again = await fresh.ask("POST", PATH, json=NEW, headers=keyed)
    assert first.json["id"] == again.json["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
