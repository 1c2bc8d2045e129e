"""Rights over a real vault, database, ledger and journal; the database's clock can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select, update

import gateway.db.schema
import providers.native.tables
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import persons
from gateway.erasure.journal import Journal, Line
from gateway.erasure.mark import Mark
from gateway.erasure.restoring import Restorer
from gateway.identity import Claims, People, School, Schools
from gateway.ledger import Entry, Ledger
from gateway.policy import Principal
from gateway.rights import Acting, Rights, rights
from gateway.schools import Retentions, SchoolChoices
from gateway.settings import IdentityProvider
from tests.databases import database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, open_vault

__all__ = ["database_url", "pytest_generate_tests"]
assert gateway.db.schema

DAY = 24 * 60 * 60 * 1000
KEY = b"k" * 32


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return [*SCHEMA, providers.native.tables.metadata]


class Clock(Database):
    """A database whose clock can be moved."""

    ahead = 0

    async def now(self, tx: Any = None) -> int:
        return await super().now(tx) + self.ahead


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Clock]:
    async with Clock(database_url) as started:
        yield started


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    async with open_vault(database, tmp_path) as started:
        yield started


@dataclass
class World:
    """Everything put together, with people of two schools."""

    vault: Vault
    database: Clock
    ledger: Ledger
    choices: SchoolChoices
    given: Rights
    people: People
    schools: Schools
    journal: Path
    forgotten: list[Scope] = field(default_factory=list)

    @property
    def school(self) -> School:
        """Riverside."""
        found = self.schools.find("https://id.example", "riverside")
        assert found is not None
        return found

    async def arrive(self, subject: str, school: str = "riverside", **more: Any) -> Scope:
        """Somebody signs in; who they are here."""
        found = self.schools.find("https://id.example", school)
        assert found is not None
        scope = Scope(found.id, await self.people.arrive(found, claims(subject, **more)))
        await self.given.guardians.arrived(scope)
        return scope

    async def replayed(self, lines: Sequence[Line]) -> None:
        """What a start does with journal lines that an older copy of the database has not seen."""
        handlers = {"guardian_ended": self.given.guardians.replay, "corrected": self.given.corrections.replay}
        for line in lines:
            async with self.database.write() as tx:
                await handlers[line.scope](tx, line)

    async def lines(self, *scopes: str) -> list[Line]:
        """What stands in the journal, of these kinds."""
        found = await Journal(self.journal, KEY).open(0)
        return [line for line in found if line.scope in scopes]

    async def entries(self, action: str) -> list[Entry]:
        """The ledger's entries of riverside that do this."""
        return [one for one in await self.ledger.read(self.school.id, limit=1000) if one.action == action]

    async def told(self, scope: Scope) -> list[str]:
        """What a person was told, the newest first."""
        return [one.kind for one in (await self.given.notifications.list(scope))[0]]

    async def row(self, scope: Scope) -> Any:
        """The person's row."""
        async with self.database.read() as tx:
            return (await tx.execute(select(persons).where(persons.c.id == scope.subject))).one()

    async def seen(self, scope: Scope, ago: int) -> None:
        """Their last sign-in was so many ms ago."""
        now = await self.database.now()
        async with self.database.write() as tx:
            await tx.execute(update(persons).where(persons.c.id == scope.subject).values(seen=now - ago))


def claims(subject: str, **more: Any) -> Claims:
    """What a directory says of somebody."""
    told = {"role": "student", "age_band": "13_15", "name": subject.title(), "email": f"{subject}@x.example"}
    return Claims(
        **{"issuer": "https://id.example", "subject": subject, "proven_at": 0, "locale": "en", **told, **more}
    )


def principal(scope: Scope, **more: Any) -> Principal:
    """Somebody who is signed in."""
    assert scope.subject is not None
    told = {"role": "student", "age_band": "13_15", "client": "page", "session": "s", "signed_in_at": 0}
    return Principal(person=scope.subject, school=scope.tenant, **{**told, **more})


def oneself(scope: Scope) -> Acting:
    """A person who asks for themselves."""
    assert scope.subject is not None
    return Acting(scope.subject, scope)


@pytest.fixture
async def world(vault: Vault, database: Clock, tmp_path: Path) -> World:
    ledger, schools = Ledger(vault, database), Schools(vault, database)
    both = {name: {"name": name.title(), "region": "local"} for name in ("riverside", "hillcrest")}
    provider = {"issuer": "https://id.example", "client_id": "gateway", "schools": both, "sandbox": True}
    await schools.start([IdentityProvider.model_validate(provider)])
    journal = Journal(tmp_path / "journal" / "lines", KEY)
    restorer = Restorer(journal, Mark(journal.folder, KEY), database)
    forgotten: list[Scope] = []

    async def forget(scope: Scope) -> None:
        forgotten.append(scope)
        async with database.write() as tx:
            await people.begin_erasure(tx, scope)

    choices = SchoolChoices(vault, database, ledger)
    given = rights(vault, database, ledger, Retentions(choices, remembered=0), restorer, forget)
    replays = {"guardian_ended": given.guardians.replay, "corrected": given.corrections.replay}
    await restorer.start(replays)
    people = People(vault, database, given.corrections.over)
    return World(
        vault, database, ledger, choices, given, people, schools, tmp_path / "journal" / "lines", forgotten
    )  # fmt: skip


@pytest.fixture
async def leo(world: World) -> Scope:
    """A student of riverside, 13 to 15."""
    return await world.arrive("leo", name="Leo Park")


@pytest.fixture
async def dana(world: World) -> Scope:
    """A grown-up of riverside."""
    return await world.arrive("dana", name="Dana Park", role="guardian", age_band="adult")


@pytest.fixture
async def sofia(world: World) -> Scope:
    """An administrator of riverside."""
    return await world.arrive("sofia", name="Sofia Rossi", role="administrator", age_band="adult")
