"""People's rights, live: one's own, a child's through a guardian, a person's through the school; and nobody else's."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import secrets
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import delete, update

from gateway.api import presence
from gateway.api.routing import Route
from gateway.api.services import Services
from gateway.api.table import ROUTES
from gateway.db.tables_people import guardian_links
from gateway.db.tables_rights import corrections, exports
from gateway.rights import Wanted
from gateway.rights.exporting import Exporter
from tests.gateway.api.conftest import FOREIGN_ADMINISTRATOR
from tests.gateway.api.live import Answer, Live, Person, person
from tests.gateway.api.test_live_forget import grow_old, receipt

RIGHTS = ["review", "correct", "export", "erase"]


@pytest.fixture(autouse=True)
def as_before(live: Live) -> Iterator[None]:
    """No links and requests are left after a test."""
    yield

    async def back(services: Services) -> None:
        async with services.database.write() as tx:
            for table in (guardian_links, corrections, exports):
                await tx.execute(delete(table))

    live.run(back)


async def new_person(live: Live, stack: AsyncExitStack, role: str = "student", age: str = "13_15") -> Person:
    """Somebody whom no other test knows, signed in a moment ago."""
    key = f"new.{secrets.token_hex(4)}"
    added = {"key": key, "name": f"New {key}", "school": "riverside", "role": role, "age_band": age}
    async with aiohttp.ClientSession() as http:
        done = await http.post(f"{live.boxes['launchpad']}/_sandbox/users", json=added)
        assert done.status == 200
    return await stack.enter_async_context(person(live, f"{key}@riverside.example"))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


@pytest.fixture
async def child(live: Live, stack: AsyncExitStack) -> Person:
    """A student."""
    return await new_person(live, stack)


@pytest.fixture
async def guardian(live: Live, stack: AsyncExitStack) -> Person:
    """A grown-up who only looks after a child."""
    return await new_person(live, stack, "guardian", "adult")


@pytest.fixture
async def admin(live: Live, stack: AsyncExitStack) -> Person:
    """An administrator who signed in a moment ago."""
    return await new_person(live, stack, "administrator", "adult")


async def me(who: Person) -> str:
    """Their id."""
    return str((await who.get("/v1/me"))["id"])


async def linked(admin: Person, child: Person, guardian: Person, rights: list[str] | None = None) -> dict[str, Any]:
    """A link for a month."""
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    asked = {"child": await me(child), "guardian": await me(guardian), "rights": rights or RIGHTS, "until": until}
    made: dict[str, Any] = await admin.post("/v1/school/guardians", 201, json=asked)
    return made


async def all_of(who: Person, path: str) -> list[Any]:
    """A list, page by page, by the Link header."""
    found: list[Any] = []
    following: str | None = f"{path}?limit=3"
    while following is not None:
        answer = await who.ask("GET", following)
        assert answer.status == 200, (following, answer.body[:500])
        found += answer.json["items"]
        cursor = answer.json.get("next")
        assert ("Link" in answer.headers) == (cursor is not None)
        following = f"{path}?limit=3&cursor={cursor}" if cursor else None
    return found


async def test_everything_held_is_reviewed_store_by_store(child: Person) -> None:
    await child.upload("mine.txt", b"mine")
    told = await child.get("/v1/me/review")
    stores = {one["store"]: one for one in told["stores"]}
    assert stores["native"]["records"]["native_versions"] == 1
    for name, store in stores.items():
        records = await all_of(child, f"/v1/me/review/{name}")
        if name != "ledger":  # looking at it is an entry of its own
            assert len(records) == sum(store["records"].values()), name
        shown = {(one["table"], one["column"]) for one in store["columns"] if "unshown" not in one}
        for record in records:
            assert {(record["table"], column) for column in record["values"]} <= shown
    names = [one["values"]["name"] for one in await all_of(child, "/v1/me/review/native") if "name" in one["values"]]
    assert "mine.txt" in names
    assert (await all_of(child, "/v1/me/review/person"))[0]["values"]["name"].startswith("New new.")
    assert (await child.ask("GET", "/v1/me/review/nothing")).code == "not_found"
    assert (await child.ask("GET", "/v1/me/review/native?cursor=made-up")).code == "bad_cursor"


async def test_the_words_are_those_of_the_readers_language(child: Person) -> None:
    told = await child.get("/v1/me/review", headers={"Accept-Language": "de"})
    assert told["stores"][0]["what"] == "Wer Sie hier sind"


async def download(who: Person, path: str, **body: Any) -> Answer:
    """A whole archive."""
    made = await who.post(f"{path}/exports", 201, json=body)
    return await who.ask("GET", made["download"])


async def test_everything_is_taken_away_once_by_a_link(live: Live, child: Person, student: Person) -> None:
    content = bytes(range(256)) * 1000
    await child.upload("work.bin", content)
    made = await child.post("/v1/me/exports", 201, json={})
    assert (made["part"], made["parts"]) == (1, 1)
    assert (await student.ask("GET", made["download"])).code == "not_found"
    got = await child.ask("GET", made["download"])
    assert got.status == 200
    assert got.headers["Content-Type"] == "application/zip"
    assert "no-store" in got.headers["Cache-Control"]
    assert got.headers["Content-Disposition"].startswith('attachment; filename="my-data-')
    with zipfile.ZipFile(io.BytesIO(got.body)) as read:
        assert read.testzip() is None
        assert read.read("files/work.bin") == content
        told = {one["path"]: one["sha256"] for one in json.loads(read.read("manifest.json"))["files"]}
        assert told["files/work.bin"] == hashlib.sha256(content).hexdigest()
        assert '<html lang="en"' in read.read("index.html").decode()
    assert (await child.ask("GET", made["download"])).code == "not_found"
    (one,) = await all_of(child, "/v1/me/exports")
    assert (one["state"], one["by"], one["size"]) == ("done", "self", len(got.body))
    kinds = [one["kind"] for one in await all_of(child, "/v1/me/notifications")]
    assert kinds == ["export_sent", "export_asked"]
    assert (await child.ask("GET", "/v1/exports/made-up")).code == "not_found"
    assert (await child.ask("POST", "/v1/me/exports", json={"part": 2})).code == "not_found"


async def test_an_old_sign_in_takes_nothing_away_and_looks_at_nobody_else(
    live: Live, child: Person, guardian: Person, admin: Person
) -> None:
    await linked(admin, child, guardian)
    who = await me(child)
    for one in (child, guardian, admin):
        grow_old(live, one, 301)
    old = [
        (child, "POST", "/v1/me/exports", {}),
        (guardian, "POST", f"/v1/children/{who}/exports", {}),
        (guardian, "POST", f"/v1/children/{who}/erasures", {"confirm": "FORGET"}),
        (admin, "POST", f"/v1/school/people/{who}/exports", {}),
        (admin, "GET", f"/v1/school/people/{who}/review", None),
        (admin, "POST", "/v1/school/notices/privacy/1/acceptance", None),
        (admin, "POST", f"/v1/school/corrections/{who}/decision", {"decision": "accept"}),
        (admin, "PATCH", "/v1/school/settings", {"retention": {"trash_days": 1}}),
    ]
    for asks, method, path, body in old:
        more = {"json": body} if body is not None else {}
        answer = await asks.ask(method, path, **more, headers={"If-Match": "*"})
        assert (answer.status, answer.code) == (403, "fresh_sign_in_required"), path
        assert answer.json["sign_in"].startswith("/signin?fresh=1")
    assert (await guardian.ask("GET", f"/v1/children/{who}/review")).status == 200
    assert (await child.ask("GET", "/v1/me/review")).status == 200


async def test_a_download_that_broke_is_told_and_asked_for_again(live: Live, child: Person) -> None:
    await child.upload("large.bin", bytes(16 << 20))
    made = await child.post("/v1/me/exports", 201, json={})
    async with child.http.get(live.url + made["download"]) as response:
        assert await response.content.readany()
        response.close()
    state = "sending"
    while state == "sending":
        state = (await all_of(child, "/v1/me/exports"))[0]["state"]
    assert state == "broken"
    assert (await child.ask("GET", made["download"])).code == "not_found"
    assert zipfile.ZipFile(io.BytesIO((await download(child, "/v1/me")).body)).testzip() is None


async def test_a_guardian_uses_what_they_were_given_and_the_child_sees_it(
    live: Live, child: Person, guardian: Person, admin: Person
) -> None:
    await child.upload("homework.txt", b"homework")
    made = await linked(admin, child, guardian)
    who = await me(child)
    (mine,), (theirs,) = (await guardian.get("/v1/children"))["items"], (await child.get("/v1/me/guardians"))["items"]
    assert mine == theirs == made
    assert made["child"]["name"].startswith("New ")
    path = f"/v1/children/{who}"
    assert [one for one in await all_of(guardian, f"{path}/review/native") if one["table"] == "native_versions"]
    with zipfile.ZipFile(io.BytesIO((await download(guardian, path)).body)) as read:
        assert read.read("files/homework.txt") == b"homework"
    asked = {"field": "name", "value": "Correct Name", "why": "It is misspelt."}
    correction = await guardian.post(f"{path}/corrections", 201, json=asked)
    assert (correction["state"], correction["by"]) == ("asked", await me(guardian))
    accesses = await all_of(child, "/v1/me/deeds")
    by_guardian = {one["action"] for one in accesses if one["by"] == "guardian"}
    assert by_guardian == {"review.records", "export.asked", "export.sent", "correction.asked"}
    assert {one["principal"] for one in accesses if one["by"] == "guardian"} == {await me(guardian)}
    assert [one["by"] for one in await all_of(child, "/v1/me/exports")] == ["guardian"]
    others = {one["action"] for one in await all_of(child, "/v1/me/accesses") if one["by"]["kind"] == "person"}
    assert others == {"review.records", "export.sent"}
    kinds = {one["kind"] for one in await all_of(child, "/v1/me/notifications")}
    assert kinds == {"guardian_linked", "export_asked", "export_sent", "correction_asked"}


LOOKS = [route for route in ROUTES if route.method == "GET" and re.search(r"\{(child|person)\}", route.path)]


@pytest.mark.parametrize("route", LOOKS, ids=lambda route: route.path)
async def test_whoever_looks_at_what_is_anothers_is_seen(
    live: Live, child: Person, guardian: Person, admin: Person, route: Route
) -> None:
    """Also a look that only lists: an entry about the person, who reads it among the accesses to what is theirs."""
    await linked(admin, child, guardian)
    who, looks = await me(child), guardian if "{child}" in route.path else admin
    path = route.path.format(child=who, person=who, store="native")

    before = await all_of(child, "/v1/me/accesses")
    await looks.get(path)
    seen = (await all_of(child, "/v1/me/accesses"))[: -len(before) or None]
    assert [(one["by"]["kind"], one["action"].partition(".")[0]) for one in seen] == [("person", "review")]
    assert seen[0]["by"]["name"] == (await looks.get("/v1/me"))["name"]
    deeds = {one["action"]: one["by"] for one in await all_of(child, "/v1/me/deeds")}
    assert deeds[seen[0]["action"]] == ("guardian" if looks is guardian else "school")


@pytest.mark.parametrize("right", RIGHTS)
async def test_no_right_that_was_not_given(
    child: Person, guardian: Person, admin: Person, right: str, student: Person
) -> None:
    await linked(admin, child, guardian, [one for one in RIGHTS if one != right])
    path = f"/v1/children/{await me(child)}"
    calls: dict[str, list[tuple[str, str, Any]]] = {
        "review": [("GET", "review", None), ("GET", "review/person", None), ("GET", "deeds", None)],
        "correct": [("GET", "corrections", None), ("POST", "corrections", {"field": "locale", "value": "de"})],
        "export": [("POST", "exports", {})],
        "erase": [("GET", "erasure/plan", None), ("POST", "erasures", {"confirm": "FORGET"})],
    }
    for name, some in calls.items():
        for method, what, body in some:
            more = {"json": body} if body is not None else {}
            stranger = await student.ask(method, f"{path}/{what}", **more)
            assert (stranger.status, stranger.code) == (404, "not_found"), what
            if name == right:
                answer = await guardian.ask(method, f"{path}/{what}", **more)
                assert (answer.status, answer.code) == (404, "not_found"), what
    assert (await child.get("/v1/me"))["id"]


async def test_a_link_that_ended_ends_what_was_begun_through_it(child: Person, guardian: Person, admin: Person) -> None:
    link = await linked(admin, child, guardian)
    path = f"/v1/children/{await me(child)}"
    made = await guardian.post(f"{path}/exports", 201, json={})
    assert [one["id"] for one in await all_of(admin, "/v1/school/guardians")] == [link["id"]]
    assert (await admin.ask("DELETE", f"/v1/school/guardians/{link['id']}")).status == 204
    assert (await guardian.ask("GET", made["download"])).code == "not_found"
    assert (await guardian.ask("GET", f"{path}/review")).code == "not_found"
    assert (await admin.ask("DELETE", f"/v1/school/guardians/{link['id']}")).code == "not_found"
    assert (await guardian.get("/v1/children"))["items"] == []


async def test_a_link_that_ends_cuts_the_download_off(
    live: Live, child: Person, guardian: Person, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    async def pieces(_exporter: Exporter, _wanted: Wanted) -> AsyncIterator[bytes]:
        yield bytes(64 << 10)
        while not ended.is_set():
            await asyncio.sleep(0.01)
        yield bytes(64 << 10)

    monkeypatch.setattr(Exporter, "pieces", pieces)
    monkeypatch.setattr(presence, "EVERY", 0)
    link = await linked(admin, child, guardian)
    made = await guardian.post(f"/v1/children/{await me(child)}/exports", 201, json={})
    async with guardian.http.get(live.url + made["download"]) as response:
        assert await response.content.readany()
        assert (await admin.ask("DELETE", f"/v1/school/guardians/{link['id']}")).status == 204
        ended.set()
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    state = "sending"
    while state == "sending":
        state = (await all_of(child, "/v1/me/exports"))[0]["state"]
    assert state == "broken"


async def test_a_guardian_has_a_child_forgotten(live: Live, child: Person, guardian: Person, admin: Person) -> None:
    await linked(admin, child, guardian)
    path = f"/v1/children/{await me(child)}"
    plan = await guardian.get(f"{path}/erasure/plan")
    assert plan["stores"]
    assert (await guardian.ask("POST", f"{path}/erasures", json={})).code == "invalid_body"
    begun = await guardian.ask("POST", f"{path}/erasures", json={"confirm": "FORGET"})
    assert begun.status == 202
    assert (await receipt(guardian, begun.json["receipt"])).status == 200
    assert (await child.ask("GET", "/v1/me")).status == 401
    assert (await guardian.ask("GET", f"{path}/review")).code == "not_found"


async def test_a_child_is_told_when_their_guardian_has_themselves_forgotten(
    live: Live, child: Person, guardian: Person, admin: Person
) -> None:
    await linked(admin, child, guardian)
    begun = await guardian.post("/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
    assert (await receipt(child, begun["receipt"])).status == 200
    assert (await child.get("/v1/me/guardians"))["items"] == []
    kinds = [one["kind"] for one in await all_of(child, "/v1/me/notifications")]
    assert kinds == ["guardian_ended", "guardian_linked"]


async def test_who_only_looks_after_a_child_has_no_drives_here(guardian: Person) -> None:
    assert (await guardian.get("/v1/me"))["role"] == "guardian"
    for path in ("/v1/drives", "/v1/jobs", "/v1/cache", "/v1/school/people"):
        assert (await guardian.ask("GET", path)).code == "not_allowed", path
    assert (await guardian.ask("GET", "/v1/me/review")).status == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"rights": []}, 422, "invalid_body"),
        ({"rights": ["everything"]}, 422, "invalid_body"),
        ({"child": "x"}, 422, "invalid_body"),
        ({"until": "2026-12-01T00:00:00"}, 422, "invalid_body"),
        ({"until": "2020-01-01T00:00:00Z"}, 422, "too_late"),
        ({"until": "2200-01-01T00:00:00Z"}, 422, "too_late"),
        ({"guardian": "0" * 32}, 422, "nobody"),
        ({}, 409, "linked"),
    ],
)
async def test_links_that_cannot_be(
    child: Person, guardian: Person, admin: Person, change: dict[str, Any], status: int, code: str
) -> None:
    await linked(admin, child, guardian)
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    asked = {"child": await me(child), "guardian": await me(guardian), "rights": RIGHTS, "until": until, **change}
    answer = await admin.ask("POST", "/v1/school/guardians", json=asked)
    assert (answer.status, answer.code) == (status, code)


async def test_a_correction_goes_to_the_school_and_comes_back(child: Person, admin: Person) -> None:
    done = await child.post("/v1/me/corrections", 201, json={"field": "locale", "value": "de"})
    assert done["state"] == "accepted"
    assert (await child.get("/v1/me"))["locale"] == "de"
    asked = {"field": "name", "value": "Correct Name", "why": "It is misspelt."}
    correction = await child.post("/v1/me/corrections", 201, json=asked)
    again = await child.ask("POST", "/v1/me/corrections", json=asked)
    assert (again.status, again.code) == (409, "pending")
    (waiting,) = await all_of(admin, "/v1/school/corrections")
    assert (waiting["person"], waiting["value"], waiting["why"]) == (await me(child), "Correct Name", asked["why"])
    decision = f"/v1/school/corrections/{correction['id']}/decision"
    assert (await admin.ask("POST", decision, json={"decision": "refuse"})).code == "reason_missing"
    assert (await child.ask("POST", decision, json={"decision": "accept"})).code == "not_allowed"
    assert (await admin.post(decision, 200, json={"decision": "accept"}))["state"] == "accepted"
    assert (await admin.ask("POST", decision, json={"decision": "accept"})).code == "decided"
    assert (await child.get("/v1/me"))["name"] == "Correct Name"
    other = await child.post("/v1/me/corrections", 201, json={"field": "email", "value": "a@b.example"})
    assert (await child.ask("DELETE", f"/v1/me/corrections/{other['id']}")).status == 204
    assert (await child.ask("DELETE", f"/v1/me/corrections/{other['id']}")).code == "decided"
    assert (await child.ask("DELETE", "/v1/me/corrections/nothing")).code == "not_found"
    states = [one["state"] for one in await all_of(child, "/v1/me/corrections")]
    assert states == ["withdrawn", "accepted", "accepted"]
    bad = await child.ask("POST", "/v1/me/corrections", json={"field": "role", "value": "administrator"})
    assert (bad.status, bad.code) == (422, "bad_value")


async def test_an_accepted_correction_holds_after_the_next_sign_in(live: Live, child: Person, admin: Person) -> None:
    email = (await child.get("/v1/me"))["email"]
    correction = await child.post("/v1/me/corrections", 201, json={"field": "name", "value": "Correct Name"})
    await admin.post(f"/v1/school/corrections/{correction['id']}/decision", 200, json={"decision": "accept"})
    assert (await child.sign_in(email))["name"] == "Correct Name"


async def test_the_school_asks_for_a_person_and_the_person_sees_it(child: Person, admin: Person) -> None:
    who = await me(child)
    path = f"/v1/school/people/{who}"
    assert (await admin.get(f"{path}/review"))["stores"]
    with zipfile.ZipFile(io.BytesIO((await download(admin, path)).body)) as read:
        assert json.loads(read.read("manifest.json"))["asked_by"] == "school"
    await admin.post(f"{path}/corrections", 201, json={"field": "name", "value": "Correct Name"})
    seen = {(one["action"], one["by"]) for one in await all_of(child, "/v1/me/deeds")}
    assert {("review.overview", "school"), ("export.sent", "school"), ("correction.asked", "school")} <= seen
    assert (await admin.ask("GET", f"/v1/school/people/{'0' * 32}/review")).code == "not_found"
    assert (await admin.ask("GET", "/v1/school/people/nobody/review")).code == "not_found"


async def test_nobody_else_asks_for_a_person(
    live: Live, child: Person, student: Person, teacher: Person, extension: Person
) -> None:
    who = await me(child)
    async with person(live) as foreigner:  # a session of its own: a fresh sign-in ends the one before
        await foreigner.sign_in(FOREIGN_ADMINISTRATOR, fresh=True)
        assert (await foreigner.ask("GET", f"/v1/school/people/{who}/review")).code == "not_found"
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        asked = {"child": who, "guardian": await me(foreigner), "rights": RIGHTS, "until": until}
        assert (await foreigner.ask("POST", "/v1/school/guardians", json=asked)).code == "nobody"
    for asks in (student, teacher, extension):
        assert (await asks.ask("GET", f"/v1/school/people/{who}/review")).code == "not_allowed"
        assert (await asks.ask("GET", "/v1/school/corrections")).code == "not_allowed"


async def test_the_schools_people_page_by_page(admin: Person) -> None:
    people = await all_of(admin, "/v1/school/people")
    assert len({one["id"] for one in people}) == len(people)
    assert await me(admin) in {one["id"] for one in people}


async def test_notices_hold_and_nothing_waits(child: Person, admin: Person) -> None:
    found = (await child.get("/v1/notices"))["items"]
    assert {(one["kind"], one["version"], one["state"]) for one in found} == {
        ("privacy", 1, "holds"), ("terms", 1, "holds"),
    }  # fmt: skip
    assert all(one["text"] and one["changed"] for one in found)
    german = (await child.get("/v1/notices", headers={"Accept-Language": "de"}))["items"]
    assert german[0]["title"] == "Datenschutzhinweise"
    assert german[0]["fingerprint"] == found[0]["fingerprint"]
    assert len((await admin.get("/v1/school/notices"))["items"]) == 2
    for path in ("privacy/1", "privacy/2", "x/1", "privacy/-1", "privacy/%C2%B2"):
        answer = await admin.ask("POST", f"/v1/school/notices/{path}/acceptance")
        assert (answer.status, answer.code) == (409, "not_acceptable"), path
    assert (await child.ask("GET", "/v1/school/notices")).code == "not_allowed"


async def test_what_a_person_was_told_goes_when_they_have_read_it(
    child: Person, guardian: Person, admin: Person
) -> None:
    await linked(admin, child, guardian)
    (told,) = await all_of(child, "/v1/me/notifications")
    assert told["what"].startswith("Your school linked a guardian")
    assert (await guardian.ask("DELETE", f"/v1/me/notifications/{told['id']}")).code == "not_found"
    assert (await child.ask("DELETE", f"/v1/me/notifications/{told['id']}")).status == 204
    assert (await child.ask("DELETE", f"/v1/me/notifications/{told['id']}")).code == "not_found"


async def test_a_school_sets_how_long_things_are_kept(live: Live, admin: Person) -> None:
    before = await admin.ask("GET", "/v1/school/settings")
    assert before.json["retention"]["trash_days"] == {"value": 30, "chosen": False, "least": 1, "most": 3650}
    assert before.json["retention"]["inactive_days"] == {"chosen": False, "least": 90, "most": 3650}
    tag = {"If-Match": before.headers["ETag"]}
    bad = await admin.ask("PATCH", "/v1/school/settings", json={"retention": {"trash_days": 0}}, headers=tag)
    assert (bad.status, bad.code) == (422, "out_of_bounds")
    assert (bad.json["field"], bad.json["least"], bad.json["most"]) == ("trash_days", 1, 3650)
    wanted = {"retention": {"trash_days": 7, "cache_seconds": 60}}
    done = await admin.ask("PATCH", "/v1/school/settings", json=wanted, headers=tag)
    assert done.json["retention"]["trash_days"] == {"value": 7, "chosen": True, "least": 1, "most": 3650}
    back = {"retention": {"trash_days": None, "cache_seconds": None}}
    assert (await admin.ask("PATCH", "/v1/school/settings", json=back, headers={"If-Match": "*"})).status == 200
    assert (await admin.get("/v1/school/inactive"))["items"] == []


async def test_a_link_is_gone_after_its_minutes(live: Live, child: Person) -> None:
    made = await child.post("/v1/me/exports", 201, json={})

    async def over(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(exports).values(ends=1))

    live.run(over)
    assert (await child.ask("GET", made["download"])).code == "not_found"
