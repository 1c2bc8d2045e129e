"""Keys follow one another while people work: nobody notices, and nothing that they had is lost."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from sqlalchemy import select

from cache.catalog import renewals, subject_keys
from cache.cycle import Cycles
from cache.fields import sealed_version
from cache.model import Scope
from gateway.api.services import Services
from gateway.db.schema import SEALED
from gateway.ledger.verify import verify
from providers.native.tables import nodes
from tests.gateway.api.conftest import TEACHER
from tests.gateway.api.live import Live, Person, patch, tus

ROOT = "/v1/drives/native/items/root"


def turn(live: Live, *people: str) -> None:
    """A whole cycle, with new keys for these people."""

    async def turned(services: Services) -> None:
        keyring = services.vault._keyring
        cycles = Cycles(keyring, services.database, services.vault.rewriter, SEALED, settle=0, grace=0)
        async with services.database.write() as tx:
            for school, person in [one.split("/") for one in people]:
                await services.vault.renew(tx, Scope(school, person))
        assert await cycles.begin()
        assert await cycles.run()
        cycle = (await cycles.status()).cycle
        assert cycle is not None
        assert not cycle.counts.get("damaged")

    live.run(turned)


async def scope_of(who: Person) -> str:
    """School and id of whoever is signed in."""

    async def asked(services: Services) -> str:
        me = await who_is(services, who.cookie)
        return f"{me[0]}/{me[1]}"

    return who.live.run(asked)


async def who_is(services: Services, cookie: str) -> tuple[str, str]:
    """School and id behind a session."""
    found = await services.sessions.resolve(cookie)
    assert found is not None
    return found.school, found.person


async def test_everything_of_everybody_goes_on(live: Live, teacher: Person, administrator: Person) -> None:
    name = secrets.token_hex(6)
    item = await teacher.upload(f"{name}.txt", b"kept " * 100)
    drive = await teacher.connect("google", TEACHER)
    begun = await teacher.ask("POST", "/v1/uploads", headers=tus(10, f"slow {name}.bin"))
    where = begun.headers["Location"]
    assert (await teacher.ask("PATCH", where, data=b"01234", headers=patch(0))).status == 204
    once = {"Idempotency-Key": secrets.token_hex(8)}
    folder = await teacher.post(f"{ROOT}/children", 201, json={"name": f"folder {name}"}, headers=once)
    settings = await administrator.get("/v1/school/settings")
    me, scope = await teacher.get("/v1/me"), await scope_of(teacher)

    turn(live, scope, await scope_of(administrator))

    assert (await teacher.ask("GET", f"/v1/drives/native/items/{item}/content")).body == b"kept " * 100
    assert f"{name}.txt" in await teacher.names()
    assert (await teacher.get(f"/v1/drives/native/search?q={name}"))["items"]
    taken = await teacher.ask("POST", f"{ROOT}/children", json={"name": f"folder {name}"})
    assert (taken.status, taken.code) == (409, "name_taken"), "a name is found again under the new key"
    again = await teacher.ask("POST", f"{ROOT}/children", json={"name": f"folder {name}"}, headers=once)
    assert (again.status, again.json["id"]) == (201, folder["id"]), "a kept answer is given again"
    assert (await teacher.ask("PATCH", where, data=b"56789", headers=patch(5))).status == 204
    async with asyncio.timeout(20):
        while (now := await teacher.get(where))["state"] != "done":
            await asyncio.sleep(0.05)
    assert (await teacher.ask("GET", f"/v1/drives/native/items/{now['item']}/content")).body == b"0123456789"
    assert await teacher.connect("google", TEACHER) == drive, "an account that is connected again is the same"
    assert (await teacher.ask("GET", f"/v1/drives/{drive}/items/root/children")).status == 200
    assert await administrator.get("/v1/school/settings") == settings
    assert await teacher.get("/v1/me") == me
    assert await signs_in_as(live, TEACHER) == scope, "who signs in again is the same person"

    async def chain(services: Services) -> Any:
        school, person = scope.split("/")
        entries = await services.ledger.read(school, subject=person, limit=1000)
        return await verify(services.database, school, await services.keeping._checkpoints.check()), entries

    verdict, entries = live.run(chain)
    assert verdict.whole
    assert any(entry.details for entry in entries), "what was recorded before can still be read"


async def signs_in_as(live: Live, who: str) -> str:
    """School and id of somebody who signs in anew."""
    client = Person(live)
    try:
        await client.sign_in(who)
        return await scope_of(client)
    finally:
        await client.http.close()


async def test_a_job_meets_nothing_twice(live: Live, student: Person) -> None:
    """A copy that runs through a cycle ends as any other: its marks do not depend on the person's key."""
    items = [await student.upload(f"{secrets.token_hex(6)}.txt", b"x" * 50) for _ in range(5)]
    target = await student.post(f"{ROOT}/children", 201, json={"name": secrets.token_hex(6)})
    order = {
        "mode": "copy",
        "sources": [{"drive": "native", "item": item} for item in items],
        "destination": {"drive": "native", "item": target["id"]},
    }
    job = await student.post("/v1/transfers", 202, json=order)
    turn(live, await scope_of(student))
    async with asyncio.timeout(30):
        while (now := await student.get(f"/v1/jobs/{job['id']}"))["state"] in ("planning", "running"):
            await asyncio.sleep(0.05)
    assert (now["state"], now["counts"]["copied"], now["counts"]["found"]) == ("done", 5, 5)
    assert len(await student.names(target["id"])) == 5
    assert len((await student.get(f"/v1/jobs/{job['id']}/items"))["items"]) == 5


async def test_who_deletes_or_renames_gets_another_key(live: Live, student: Person) -> None:
    """At the next cycle; who does neither keeps theirs."""
    scope = await scope_of(student)
    turn(live)

    person = scope.partition("/")[2]

    async def state(services: Services) -> tuple[bool, int, int]:
        async with services.database.read() as tx:
            due = (await tx.execute(select(renewals).where(renewals.c.subject == person))).first() is not None
            key = (
                await tx.execute(select(subject_keys.c.version).where(subject_keys.c.subject == person))
            ).scalar_one()
            box = (await tx.execute(select(nodes.c.name).where(nodes.c.subject == person).limit(1))).scalar_one()
        return due, key, sealed_version(box)

    item = await student.upload(f"{secrets.token_hex(6)}.txt", b"x")
    turn(live)
    before = live.run(state)
    turn(live)
    assert live.run(state) == before
    assert before[0] is False
    renamed = await student.ask(
        "PATCH", f"/v1/drives/native/items/{item}", json={"name": secrets.token_hex(6)}, headers={"If-Match": "*"}
    )
    assert renamed.status == 200
    assert live.run(state)[0] is True
    turn(live)
    assert live.run(state) == (False, before[1] + 1, before[1] + 1)
