"""A whole deployment over an older copy of its database: all that the journal and the start promise, together.

What happened since the copy happens again, what must not come back does not, and nothing is destroyed that was not.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Row, Table, func, insert, select, update

from cache.model import Scope
from gateway.app import Deployment, deployment
from gateway.containment import Target, Word
from gateway.db.tables_approvals import approvals
from gateway.db.tables_erasure import erasures
from gateway.db.tables_ledger import ledger_heads
from gateway.db.tables_people import accounts, persons, schools, sessions
from gateway.db.tables_rights import inactivity
from gateway.db.tables_work import jobs
from gateway.erasure.model import Asked
from gateway.erasure.model import Target as Thing
from gateway.lawful import Actor, Order, WrongState
from gateway.restored import ACTION
from gateway.rights.exports import NoExport
from gateway.settings import Settings
from gateway.suspended import Kind
from gateway.webhooks import Wanted, outbox
from tests.databases import Server
from tests.gateway.containment.test_switches import connect
from tests.gateway.rights.conftest import DAY, claims, oneself, principal

ISSUER = "https://id.example"
ADDRESS = Wanted("https://hooks.example/a", 0)
Found = TypeVar("Found")


@dataclass
class Stage:
    """A deployment that is started for each act, and its stores, which can be copied and put back meanwhile."""

    settings: Settings
    copy: Callable[[], Awaitable[None]]
    put_back: Callable[[], Awaitable[None]]

    async def run(self, what: Callable[[Deployment], Awaitable[Found]]) -> Found:
        async with deployment(self.settings) as made:
            return await what(made)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    server = await Server.get(request.config) if request.param == "postgresql" else None
    name = await server.make([]) if server else ""
    both = {one: {"name": one.title(), "region": "local"} for one in ("riverside", "hillcrest")}
    provider = {"issuer": ISSUER, "client_id": "g", "schools": both, "sandbox": True}
    data, kept = tmp_path / "data", tmp_path / "kept"

    async def copy() -> None:
        shutil.copytree(data, kept)
        if server:
            await server.run(f"CREATE DATABASE {name}_copy TEMPLATE {name}")

    async def put_back() -> None:
        shutil.rmtree(data)
        shutil.copytree(kept, data)
        if server:
            await server.run(f"DROP DATABASE {name} WITH (FORCE)")
            await server.run(f"CREATE DATABASE {name} TEMPLATE {name}_copy")

    more: dict[str, Any] = {"database_url": server.url(name)} if server else {}
    settings = Settings(data_dir=data, expiry_dir=tmp_path / "expiry", identity_providers=(provider,), **more)
    yield Stage(settings, copy, put_back)
    for one in (name, f"{name}_copy") if server else ():
        assert server is not None
        await server.run(f"DROP DATABASE IF EXISTS {one} WITH (FORCE)")


@dataclass
class Cast:
    """Who is there, by name, and the ids of what they did before the copy was made."""

    people: dict[str, Scope]
    link: str = ""
    correction: str = ""
    lawful: str = ""
    lifted: str = ""
    export: str = ""
    account: str = ""

    def __getattr__(self, name: str) -> Scope:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def id(self, name: str) -> str:
        return str(self.people[name].subject)


async def arrive(made: Deployment, subject: str, school: str = "riverside", **more: str) -> Scope:
    found = made.services.schools.find(ISSUER, school)
    assert found is not None
    return Scope(found.id, await made.services.people.arrive(found, claims(subject, **more)))


async def everybody(made: Deployment) -> Cast:
    people = {one: await arrive(made, one) for one in ("leo", "mia", "tom", "kim", "pia")}
    for one in ("sofia", "ada"):
        people[one] = await arrive(made, one, role="administrator", age_band="adult")
    people["dana"] = await arrive(made, "dana", role="guardian", age_band="adult")
    for one in ("hal", "ivy"):
        people[one] = await arrive(made, one, "hillcrest", role="administrator", age_band="adult")
    people["pupil"] = await arrive(made, "pupil", "hillcrest")
    return Cast(people)


async def row(made: Deployment, table: Table, **values: Any) -> None:
    async with made.services.database.write() as tx:
        await tx.execute(insert(table).values(**values))


async def one(made: Deployment, table: Table, key: str) -> Row[Any]:
    async with made.services.database.read() as tx:
        return (await tx.execute(select(table).where(table.c.id == key))).one()


async def before(made: Deployment) -> Cast:
    """All that stands when the copy is made."""
    services, cast = made.services, await everybody(made)
    now, sofia = await services.database.now(), principal(cast.sofia)
    cast.link = (await services.rights.guardians.make(sofia, cast.id("mia"), cast.id("dana"), ["review"], now + DAY)).id
    cast.correction = (await services.rights.corrections.ask(oneself(cast.mia), "name", "Mia Right", "")).id
    order = Order("Court", "1", "law", (cast.id("tom"),), ("profile",))
    cast.lawful = (await services.lawful.open(cast.sofia.tenant, Actor(cast.id("sofia")), order)).id
    for name in ("sofia", "ada"):
        await services.lawful.approve(services.approvals, cast.sofia.tenant, cast.id(name), cast.lawful)
    await services.approvals.sweep(10)
    cast.account = await connect(services, cast.pia)  # type: ignore[arg-type]  # it has all that is asked for there
    held = await services.containments.begin(Word(cast.kim.tenant), Target(Kind.PERSON, cast.id("kim")), "odd")
    cast.lifted = held.id
    chosen = {"inactive_days": 100, "notice_days": 14}
    address = services.webhooks.change(cast.sofia.tenant, ADDRESS)
    await services.school_choices.change(cast.sofia.tenant, cast.id("sofia"), 0, {}, address, chosen)
    _, cast.export = await services.rights.exports.ask(oneself(cast.pia))
    async with services.database.write() as tx:
        message: dict[str, Any] = {"person": cast.id("pia"), "kind": "job.done", "now": now, "lasted": 1000, "data": {}}
        assert await outbox.put(tx, school=cast.sofia.tenant, **message)
        await tx.execute(update(persons).where(persons.c.id == cast.id("tom")).values(seen=now - 200 * DAY))
    told = {"person": cast.id("tom"), "school": cast.tom.tenant}
    await row(made, inactivity, **told, noticed=now - 15 * DAY, due=now - DAY)
    whose = {"school": cast.tom.tenant, "person": cast.id("tom"), "signed_in_at": 1, "used": 1}
    await row(made, sessions, id="s", **whose, secret=b"s" * 32, ends=2**50)
    for job, name, more in (("runs", "tom", {"state": "running"}), ("report", "pia", {"state": "done", "ended": 5})):
        work = {"kind": "transfer", "mode": "copy", "instruction": "i", "policy_version": "p", "priority": 0}
        await row(made, jobs, id=job, tenant=cast.tom.tenant, person=cast.id(name), created=1, **work, **more)
    return cast


async def since(made: Deployment, cast: Cast) -> None:
    """What happens after the copy was made."""
    services, school, by = made.services, cast.sofia.tenant, Actor(cast.id("sofia"))
    await arrive(made, "tom")
    await services.accounts.disconnect(principal(cast.pia), cast.account)
    await services.rights.exports.begin(principal(cast.pia), cast.export)
    assert (await services.webhooks.get(school)).waiting == 1  # type: ignore[union-attr]
    await services.eraser.begin(cast.leo)
    await services.eraser.begin_item(cast.pia, Thing("report", "report"), Asked(cast.id("pia")), receipt=False)
    await services.containments.lift(Word(school), cast.lifted, "harmless")
    await services.containments.begin(Word(school), Target(Kind.PERSON, cast.id("mia")), "odd")
    await services.rights.guardians.end(principal(cast.sofia), cast.link)
    await services.rights.corrections.decide(principal(cast.sofia), cast.correction, accept=True, answer="")
    await services.lawful.refuse(school, by, cast.lawful, "not lawful")
    request, _ = await services.orders.school(cast.hal.tenant, cast.id("hal"), {})
    await services.orders.approve(cast.hal.tenant, cast.id("ivy"), request.id)
    async with services.database.write() as tx:
        await tx.execute(update(approvals).where(approvals.c.id == request.id).values(due=1))
    await services.approvals.sweep(10)
    await all_forgotten(made)


async def all_forgotten(made: Deployment) -> None:
    """No erasure is left to be done."""
    left = select(func.count()).where(erasures.c.step != "done")
    async with asyncio.timeout(120):
        while True:
            async with made.services.database.read() as tx:
                if not (await tx.execute(left)).scalar_one():
                    return
            await asyncio.sleep(0.05)


async def states(made: Deployment, cast: Cast) -> dict[str, str]:
    async with made.services.database.read() as tx:
        found = {row.id: row.state for row in await tx.execute(select(persons.c.id, persons.c.state))}
    return {name: found[cast.id(name)] for name in cast.people}


async def look(made: Deployment, cast: Cast) -> None:
    """What must be so over the copy, at once and after every sweep has run."""
    services, school = made.services, cast.sofia.tenant
    active = dict.fromkeys(("tom", "kim", "pia", "sofia", "ada", "dana"), "active")
    erased = dict.fromkeys(("leo", "hal", "ivy", "pupil"), "erased")
    assert await states(made, cast) == {**active, **erased, "mia": "suspended"}
    assert (await one(made, schools, cast.hal.tenant)).left is not None
    assert await services.rights.guardians.over(principal(cast.dana), cast.id("mia")) is None
    assert (await services.rights.corrections.get(cast.mia, cast.correction)).state == "accepted"
    assert await services.accounts.list(cast.pia) == []
    assert (await one(made, jobs, "runs")).state == "unconfirmed"
    async with services.database.read() as tx:
        for table, left in ((sessions, 0), (inactivity, 0), (jobs, 1)):
            assert (await tx.execute(select(func.count()).select_from(table))).scalar_one() == left, table.name
    with pytest.raises(NoExport):
        await services.rights.exports.find(principal(cast.pia), cast.export)
    address = await services.webhooks.get(school)
    assert address is not None
    assert (address.stopped, address.failure, address.waiting) == (True, "restored", 0)
    for name in ("sofia", "ada"):
        with pytest.raises(WrongState):
            await services.lawful.hand_out(school, Actor(cast.id(name)), cast.lawful)


async def restores_told(made: Deployment, chain: str) -> list[Any]:
    return [entry.details for entry in await made.services.ledger.read(chain, limit=1000) if entry.action == ACTION]


async def all_swept(made: Deployment) -> None:
    """Every sweep is due and runs once, and none raises."""
    made.services.rights.inactivity._next = 0.0
    for sweep in (*made.sweeper._sweeps.values(), *made.own._sweeps.values()):
        await sweep(500)


async def test_an_older_copy_of_everything(stage: Stage) -> None:
    cast = await stage.run(before)
    school = cast.sofia.tenant
    await stage.copy()
    await stage.run(lambda made: since(made, cast))
    await stage.put_back()

    async def restored(made: Deployment) -> None:
        await all_forgotten(made)
        await look(made, cast)
        for chain in (school, "deployment"):
            (told,) = await restores_told(made, chain)
            assert told["lines"] >= 8
        assert await restores_told(made, cast.hal.tenant) == [], "its chain is gone"
        await all_swept(made)
        await all_forgotten(made)
        await look(made, cast)
        async with made.services.database.read() as tx:
            assert (await tx.execute(select(func.count()).select_from(accounts))).scalar_one() == 0
            heads = {head.school: head for head in await tx.execute(select(ledger_heads))}
        assert [head.broken for head in heads.values()] == [None, None, None]
        assert all(head.checkpoint for head in heads.values()), "each was stated anew"

    await stage.run(restored)

    async def again(made: Deployment) -> None:
        await look(made, cast)
        address = made.services.webhooks.change(school, ADDRESS)
        version = (await made.services.school_choices.get(school)).version
        await made.services.school_choices.change(school, cast.id("sofia"), version, {}, address, {})
        told = await made.services.webhooks.get(school)
        assert (told.stopped, told.failure) == (False, None)  # type: ignore[union-attr]
        assert [len(await restores_told(made, chain)) for chain in (school, "deployment")] == [1, 1], "once"

    await stage.run(again)
