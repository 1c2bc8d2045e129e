"""The whole gateway over a database that was put back: ended links stay ended and corrections hold, from the start."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, select, update

from cache.model import Scope
from gateway.api.services import Services
from gateway.app import deployment
from gateway.db.tables_people import persons
from gateway.db.tables_rights import inactivity
from gateway.identity import School
from gateway.settings import Settings
from tests.gateway.rights.conftest import DAY, claims, oneself, principal

Found = TypeVar("Found")
ISSUER = "https://id.example"


def settings(folder: Path) -> Settings:
    """A gateway whose provider is never asked."""
    schools = {"riverside": {"name": "Riverside", "region": "local"}}
    provider = {"issuer": ISSUER, "client_id": "gateway", "schools": schools, "sandbox": True}
    return Settings(data_dir=folder / "data", expiry_dir=folder / "expiry", identity_providers=(provider,))


async def run(folder: Path, what: Callable[[Services], Awaitable[Found]]) -> Found:
    """Start, do something, stop."""
    async with deployment(settings(folder)) as made:
        return await what(made.services)


def school(services: Services) -> School:
    found = services.schools.find(ISSUER, "riverside")
    assert found is not None
    return found


async def arrive(services: Services, subject: str, **more: str) -> Scope:
    return Scope(school(services).id, await services.people.arrive(school(services), claims(subject, **more)))


async def test_an_older_database_neither_revives_a_link_nor_undoes_a_correction(tmp_path: Path) -> None:
    async def begin(services: Services) -> tuple[Scope, Scope, Scope, str, str]:
        leo = await arrive(services, "leo", name="Leo Park")
        dana = await arrive(services, "dana", role="guardian", age_band="adult")
        sofia = await arrive(services, "sofia", role="administrator", age_band="adult")
        ends = await services.database.now() + 30 * DAY
        made = await services.rights.guardians.make(
            principal(sofia), leo.subject or "", dana.subject or "", ["review"], ends
        )
        asked = await services.rights.corrections.ask(oneself(leo), "name", "Leo Parker", "")
        assert await services.rights.guardians.over(principal(dana), leo.subject or "") == made
        return leo, dana, sofia, made.id, asked.id

    leo, dana, sofia, link, correction = await run(tmp_path, begin)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")

    async def act(services: Services) -> None:
        await services.rights.guardians.end(principal(sofia), link)
        await services.rights.corrections.decide(principal(sofia), correction, accept=True, answer="")

    await run(tmp_path, act)
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    async def look(services: Services) -> None:
        assert await services.rights.guardians.over(principal(dana), leo.subject or "") is None
        assert (await services.people.get(leo)).name == "Leo Parker"
        assert (await services.rights.corrections.get(leo, correction)).state == "accepted"
        await arrive(services, "leo", name="Leo Park")
        assert (await services.people.get(leo)).name == "Leo Parker"

    await run(tmp_path, look)
    await run(tmp_path, look)


async def test_nobody_is_forgotten_for_what_an_older_database_knows_of_them(tmp_path: Path) -> None:
    """Tom had come back since the copy was made: in it his notice has run out."""

    async def begin(services: Services) -> Scope:
        tom, sofia = await arrive(services, "tom"), await arrive(services, "sofia", role="administrator")
        now, chosen = await services.database.now(), {"inactive_days": 100, "notice_days": 14}
        await services.school_choices.change(sofia.tenant, sofia.subject or "", 0, {}, None, chosen)
        noticed = {"person": tom.subject, "school": tom.tenant, "noticed": now - 15 * DAY, "due": now - DAY}
        async with services.database.write() as tx:
            await tx.execute(update(persons).where(persons.c.id == tom.subject).values(seen=now - 200 * DAY))
            await tx.execute(insert(inactivity).values(**noticed))
        return tom

    tom = await run(tmp_path, begin)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    await run(tmp_path, lambda services: arrive(services, "tom"))
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    async def look(services: Services) -> None:
        await services.rights.inactivity.sweep(10, services.schools.ids)
        async with services.database.read() as tx:
            assert (await tx.execute(select(inactivity))).all() == []
            seen = select(persons.c.state, persons.c.seen).where(persons.c.id == tom.subject)
            row = (await tx.execute(seen)).one()
        assert row.state == "active"
        assert row.seen > await services.database.now() - DAY, "nobody knows since when he is away"

    await run(tmp_path, look)
