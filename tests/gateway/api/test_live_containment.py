"""Suspensions over the wire: who may set and lift them, and what those who are suspended meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from gateway.api.services import Services
from gateway.containment import Word
from gateway.db.tables_people import sessions
from tests.gateway.api.conftest import ADMINISTRATOR, FOREIGN_ADMINISTRATOR, FOREIGN_TEACHER, STUDENT, TEACHER
from tests.gateway.api.live import Live, Person, person

PATH = "/v1/school/containment"


@pytest.fixture(autouse=True)
def lifted(live: Live) -> Iterator[None]:
    """Nothing is suspended after a test, whatever became of it."""
    yield

    async def lift(services: Services) -> None:
        for school in list(services.schools._by_id):
            for one in (await services.containments.list(school, active=True))[0]:
                await services.containments.lift(Word(school), one.id, "the test is over")
        await services.vault._keyring.watch.refresh()

    live.run(lift)


@pytest.fixture
async def fresh(live: Live) -> AsyncIterator[Person]:
    """Sofia Rossi, who has just proven who she is, in a browser of her own."""
    async with person(live) as client:
        await client.sign_in(ADMINISTRATOR, fresh=True)
        yield client


async def suspend(who: Person, kind: str, expect: int = 201, **more: Any) -> Any:
    return await who.post(PATH, expect, json={"kind": kind, "reason": "a laptop was stolen", **more})


async def lift(who: Person, one: Any, expect: int = 200) -> Any:
    return await who.post(f"{PATH}/{one['id']}/lift", expect, json={"reason": "it was found"})


async def id_of(who: Person) -> str:
    return str((await who.get("/v1/me"))["id"])


async def test_a_person(live: Live, fresh: Person, student: Person, extension: Person) -> None:
    me = await id_of(student)
    one = await suspend(fresh, "person", target=me)
    assert (one["kind"], one["person"], one["target"], one["reason"]) == ("person", me, me, "a laptop was stolen")
    assert one["by"] == await id_of(fresh)
    assert one["words"]
    for who in (student, extension):
        answer = await who.ask("GET", "/v1/me")
        assert (answer.status, answer.code) == (401, "sign_in_required")
    async with person(live) as again:
        begun = await again.ask("GET", "/signin")
        back = await again.ask("GET", f"{begun.headers['Location']}&sandbox_user={STUDENT}")
        told = await again.ask("GET", back.headers["Location"])
        assert told.status == 400
        assert b"suspended while something is looked into" in told.body
    listed = await fresh.get(f"{PATH}?state=active")
    assert [item["id"] for item in listed["items"]] == [one["id"]]
    done = await lift(fresh, one)
    assert done["lifted"]
    assert done["lift_reason"] == "it was found"
    assert await id_of(student) == me
    assert await id_of(extension) == me
    assert (await fresh.get(f"{PATH}?state=active"))["items"] == []
    assert (await fresh.get(f"{PATH}/{one['id']}"))["id"] == one["id"]


async def test_a_school(live: Live) -> None:
    async with person(live, FOREIGN_TEACHER) as jonas, person(live) as noor:
        await noor.sign_in(FOREIGN_ADMINISTRATOR, fresh=True)
        one = await suspend(noor, "school")
        assert (await jonas.ask("GET", "/v1/drives")).status == 401
        refused = await noor.ask("GET", "/v1/drives")
        assert (refused.status, refused.code) == (403, "contained")
        assert refused.json["advice"]
        for path in ("/v1/me", PATH, "/v1/school/incidents", "/v1/erasure/plan"):
            assert (await noor.ask("GET", path)).status == 200, path
        async with person(live) as other:  # she may also sign in anew
            assert (await other.sign_in(FOREIGN_ADMINISTRATOR))["role"] == "administrator"
        await lift(noor, one)
        assert (await noor.ask("GET", "/v1/drives")).status == 200
        assert (await jonas.ask("GET", "/v1/drives")).status == 200


async def test_a_connection(fresh: Person, teacher: Person) -> None:
    drive = await teacher.connect("google", TEACHER)
    items = f"/v1/drives/{drive}/items/root/children"
    assert (await teacher.ask("GET", items)).status == 200
    one = await suspend(fresh, "connection", target=drive)
    refused = await teacher.ask("GET", items)
    assert (refused.status, refused.code) == (423, "contained")
    (shown,) = [item for item in (await teacher.get("/v1/drives"))["items"] if item["id"] == drive]
    assert shown["state"] == "contained"
    kept = await teacher.ask("DELETE", f"/v1/connections/{drive}")
    assert (kept.status, kept.code) == (423, "contained")
    await lift(fresh, one)
    assert (await teacher.ask("GET", items)).status == 200


async def test_a_job_that_waits_says_why(live: Live, fresh: Person, teacher: Person) -> None:
    file, drive = await teacher.upload("later.txt", b"later"), await teacher.connect("google", TEACHER)
    top = await teacher.get(f"/v1/drives/{drive}/items/root")
    faults = f"{live.boxes['google']}/_sandbox/faults"
    slow = [{"match": {"path": "/upload/*"}, "do": {"latency_ms": 10_000}}]
    assert (await teacher.ask("POST", faults, json=slow)).status == 200
    order = {"mode": "copy", "sources": [{"drive": "native", "item": file}]}
    job = await teacher.post("/v1/transfers", 202, json={**order, "destination": {"drive": drive, "item": top["id"]}})
    held = await suspend(fresh, "connection", target=drive)
    async with asyncio.timeout(20):
        while (now := await teacher.get(f"/v1/jobs/{job['id']}")).get("reason") != "contained":
            await asyncio.sleep(0.05)
    assert now["state"] in ("planning", "running")
    assert now["advice"]
    assert "resumes_at" not in now
    assert (await teacher.ask("DELETE", faults)).status == 200
    await lift(fresh, held)
    async with asyncio.timeout(20):
        while (now := await teacher.get(f"/v1/jobs/{job['id']}"))["state"] not in ("done", "failed"):
            await asyncio.sleep(0.05)
    assert (now["state"], now["counts"]["copied"]) == ("done", 1)


async def test_an_extensions_sign_in(live: Live, fresh: Person, student: Person) -> None:
    tokens = await student.extension()
    async with person(live, token=tokens["access_token"]) as client:
        assert (await client.ask("GET", "/v1/me")).status == 200
        (family,) = [item["id"] for item in (await student.get("/v1/tokens"))["items"]][:1]
        one = await suspend(fresh, "client", target=family)
        assert (await client.ask("GET", "/v1/me")).status == 401
        form = {"grant_type": "refresh_token", "client_id": "file-access-extension"}
        refused = await client.ask("POST", "/v1/token", data={**form, "refresh_token": tokens["refresh_token"]})
        assert (refused.status, refused.code) == (403, "suspended")
        await lift(fresh, one)
        assert (await client.ask("GET", "/v1/me")).status == 200
        again = await client.post("/v1/token", 200, data={**form, "refresh_token": tokens["refresh_token"]})
        assert again["access_token"]


async def test_a_key(live: Live, fresh: Person, student: Person) -> None:
    file, me = await student.upload("secret.txt", b"secret"), await id_of(student)
    (key,) = (await fresh.get(f"/v1/school/keys?person={me}"))["items"]
    assert (key["version"], key["suspended"]) == (1, False)
    one = await suspend(fresh, "key", target=me, version=1)
    assert one["reason"]

    async def look(services: Services) -> None:
        await services.vault._keyring.watch.refresh()

    live.run(look)
    content = f"/v1/drives/native/items/{file}/content"
    refused = await student.ask("GET", content)
    assert (refused.status, refused.code) == (423, "suspended_key")
    assert refused.json["detail"]
    assert (await fresh.get(f"/v1/school/keys?person={me}"))["items"][0]["suspended"]
    await lift(fresh, one)
    live.run(look)
    assert (await student.ask("GET", content)).body == b"secret"


async def everybody(who: Person) -> dict[str, Any]:
    """The school's people by their ids, page by page."""
    found: dict[str, Any] = {}
    page = await who.get("/v1/school/people")
    while True:
        found |= {one["id"]: one for one in page["items"]}
        if "next" not in page:
            return found
        page = await who.get(f"/v1/school/people?cursor={page['next']}")


async def test_one_suspended_key_hides_nobody_else(live: Live, fresh: Person, student: Person) -> None:
    me = await student.get("/v1/me")
    asked = await student.post("/v1/me/corrections", 201, json={"field": "name", "value": "Leo P.", "why": "it is"})
    before = await everybody(fresh)
    assert (before[me["id"]]["name"], before[me["id"]]["state"]) == (me["name"], "active")
    assert asked["id"] in {one["id"] for one in (await fresh.get("/v1/school/corrections"))["items"]}
    one = await suspend(fresh, "key", target=me["id"], version=1)

    async def look(services: Services) -> None:
        await services.vault._keyring.watch.refresh()

    live.run(look)
    try:
        now = await everybody(fresh)
        assert set(now) == set(before)
        hidden = now[me["id"]]
        assert (hidden["unreadable"], hidden["role"], hidden["state"]) == ("suspended_key", "student", "active")
        assert not {"name", "email"} & set(hidden)
        assert all(now[other] == before[other] for other in now if other != me["id"])
        assert asked["id"] not in {one["id"] for one in (await fresh.get("/v1/school/corrections"))["items"]}
    finally:
        await lift(fresh, one)
        live.run(look)
    withdrawn = await student.ask("DELETE", f"/v1/me/corrections/{asked['id']}")
    assert withdrawn.status in (200, 204)
    assert await everybody(fresh) == before


async def test_a_whole_school_and_a_key_and_every_lifting_need_a_fresh_sign_in(
    live: Live, fresh: Person, student: Person
) -> None:
    me, mine = await id_of(fresh), await id_of(student)
    one = await suspend(fresh, "person", target=mine)

    async def age(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(sessions.c.person == me).values(signed_in_at=0))

    live.run(age)
    for answer in (
        await fresh.ask("POST", f"{PATH}/{one['id']}/lift", json={"reason": "x"}),
        await fresh.ask("POST", PATH, json={"kind": "school", "reason": "x"}),
        await fresh.ask("POST", PATH, json={"kind": "key", "version": 1, "reason": "x"}),
    ):
        assert (answer.status, answer.code) == (403, "fresh_sign_in_required")
        assert answer.json["sign_in"].startswith("/signin?fresh=1")
    assert (await fresh.get(f"{PATH}?state=active"))["items"][0]["id"] == one["id"]


async def test_the_schools_own_key_is_lifted_by_who_still_is_signed_in(live: Live, fresh: Person) -> None:
    """Nobody of the school can sign in anew while it is suspended: a fresh sign-in cannot be asked for."""
    me = await id_of(fresh)
    one = await suspend(fresh, "key", version=1)

    async def age(services: Services) -> None:
        await services.vault._keyring.watch.refresh()
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(sessions.c.person == me).values(signed_in_at=0))

    live.run(age)
    refused = await fresh.ask("GET", "/v1/me")
    assert (refused.status, refused.code) == (423, "suspended_key")
    (shown,) = (await fresh.get(f"{PATH}?state=active"))["items"]
    assert shown["reason"] == "a laptop was stolen", "the book has a key of its own"
    await lift(fresh, one)

    async def look(services: Services) -> None:
        await services.vault._keyring.watch.refresh()

    live.run(look)
    assert await id_of(fresh) == me


async def test_nobody_else_may(student: Person, teacher: Person, extension: Person, foreigner: Person) -> None:
    for who in (student, teacher, extension, foreigner):
        for answer in (
            await who.ask("GET", PATH),
            await who.ask("POST", PATH, json={"kind": "school", "reason": "x"}),
            await who.ask("GET", "/v1/school/keys"),
            await who.ask("POST", f"{PATH}/{'0' * 32}/lift", json={"reason": "x"}),
        ):
            assert (answer.status, answer.code) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "person", "target": "0" * 32, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "connection", "target": "0" * 32, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "client", "target": "0" * 32, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "key", "target": "0" * 32, "version": 1, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "key", "version": 77, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "key", "reason": "x"}, 422, "no_such_target"),
        ({"kind": "person", "reason": "x"}, 422, "no_such_target"),
        ({"kind": "person", "target": "0" * 32, "version": 1, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "school", "target": "0" * 32, "reason": "x"}, 422, "no_such_target"),
        ({"kind": "signing", "target": "0" * 32, "reason": "x"}, 422, "invalid_body"),
        ({"kind": "person", "target": "leo", "reason": "x"}, 422, "invalid_body"),
        ({"kind": "person", "target": "0" * 32, "reason": ""}, 422, "invalid_body"),
        ({"kind": "person", "target": "0" * 32}, 422, "invalid_body"),
        ({"kind": "key", "version": 10**12, "reason": "x"}, 422, "invalid_body"),
        ({"kind": "school", "reason": "x", "more": 1}, 422, "invalid_body"),
    ],
)
async def test_what_cannot_be_suspended(fresh: Person, body: Any, status: int, code: str) -> None:
    answer = await fresh.ask("POST", PATH, json=body)
    assert (answer.status, answer.code) == (status, code)
    assert (await fresh.get(f"{PATH}?state=active"))["items"] == []


async def test_oneself_and_twice(fresh: Person, student: Person) -> None:
    mine = await fresh.ask("POST", PATH, json={"kind": "person", "target": await id_of(fresh), "reason": "x"})
    assert (mine.status, mine.code) == (409, "own_access")
    me = await id_of(student)
    one = await suspend(fresh, "person", target=me)
    twice = await fresh.ask("POST", PATH, json={"kind": "person", "target": me, "reason": "x"})
    assert (twice.status, twice.code) == (409, "already")
    await lift(fresh, one)
    again = await fresh.ask("POST", f"{PATH}/{one['id']}/lift", json={"reason": "x"})
    assert (again.status, again.code) == (409, "already")
    for path in (f"{PATH}/{'0' * 32}", f"{PATH}/x", "/v1/school/keys?person=" + "0" * 32):
        assert (await fresh.ask("GET", path)).status == 404


async def test_the_list_goes_on(fresh: Person, student: Person, teacher: Person) -> None:
    for who in (student, teacher):
        await suspend(fresh, "person", target=await id_of(who))
    seen, page = [], await fresh.ask("GET", f"{PATH}?state=active&limit=1")
    while True:
        seen += [item["id"] for item in page.json["items"]]
        if "next" not in page.json:
            break
        address = page.headers["Link"].partition("<")[2].partition(">")[0]
        page = await fresh.ask("GET", address)
    assert len(set(seen)) == 2
    assert (await fresh.ask("GET", f"{PATH}?cursor=nonsense")).code == "bad_cursor"
