"""Identity over a real vault and database, with the LaunchPad stand-in as the schools' provider."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import MetaData

import gateway.db.tables_ledger
import gateway.db.tables_people
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.identity import Claims, ClientTokens, Finished, People, Provider, School, Schools, Sessions, SignIn
from gateway.ledger import Ledger
from gateway.settings import IdentityProvider
from providers.http import Outbound
from providers.sandbox.core import Sandbox, serve
from tests.databases import database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, open_vault

__all__ = ["database_url", "pytest_generate_tests"]
assert gateway.db.tables_ledger
assert gateway.db.tables_people

EXTENSION = "abcdefghijklmnopabcdefghijklmnop"
CALLBACK = "http://127.0.0.1:9/signin/callback"
LEO = "riverside-leo.park"


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


def configured(issuer: str, **more: Any) -> IdentityProvider:
    schools = {name: {"name": name.title(), "region": "local"} for name in ("riverside", "hillcrest")}
    return IdentityProvider.model_validate(
        {"issuer": issuer, "client_id": "gateway", "schools": schools, "sandbox": True, **more}
    )


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


@pytest.fixture
def ledger(vault: Vault, database: Database) -> Ledger:
    return Ledger(vault, database)


@pytest.fixture
async def schools(vault: Vault, database: Database) -> Schools:
    made = Schools(vault, database)
    await made.start([configured("https://id.example")])
    return made


@pytest.fixture
def people(vault: Vault, database: Database) -> People:
    return People(vault, database)


@pytest.fixture
def sessions(database: Database, people: People, schools: Schools) -> Sessions:
    return Sessions(database, people, schools, idle=600, absolute=3600)


@pytest.fixture
def tokens(database: Database, people: People, schools: Schools, ledger: Ledger) -> ClientTokens:
    return ClientTokens(database, people, schools, ledger, extensions=[EXTENSION], life=86_400)


def claims(subject: str = "leo", **more: Any) -> Claims:
    told = {"role": "student", "age_band": "13_15", "name": "Leo Park", "email": "leo@x.example", "locale": "en"}
    return Claims(**{"issuer": "https://id.example", "subject": subject, "proven_at": 0, **told, **more})


def school_of(schools: Schools, name: str = "riverside", issuer: str = "https://id.example") -> School:
    found = schools.find(issuer, name)
    assert found is not None
    return found


@pytest.fixture
async def leo(people: People, schools: Schools) -> Scope:
    school = school_of(schools)
    return Scope(school.id, await people.arrive(school, claims()))


@pytest.fixture
async def mia(people: People, schools: Schools) -> Scope:
    school = school_of(schools, "hillcrest")
    return Scope(school.id, await people.arrive(school, claims("mia", name="Mia Chen")))


@pytest.fixture(scope="session")
def launchpad_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with a signing key: making one takes a while."""
    folder = tmp_path_factory.mktemp("launchpad") / "state"
    Sandbox("launchpad", folder).store.close()
    return folder


@pytest.fixture
async def launchpad(tmp_path: Path, launchpad_state: Path) -> AsyncIterator[Sandbox]:
    shutil.copytree(launchpad_state, tmp_path / "launchpad")
    async with serve("launchpad", tmp_path / "launchpad") as running:
        yield running


@dataclass
class Browser:
    """A browser at the gateway and at the provider: it keeps the provider's cookies and follows its redirect."""

    http: aiohttp.ClientSession
    sign_in: SignIn
    database: Clock
    launchpad: Sandbox
    provider: Provider
    schools: Schools
    people: People
    seen: list[Mapping[str, str]] = field(default_factory=list)

    async def visit(self, url: str, user: str = LEO) -> dict[str, str]:
        """Sign in at the provider; the parameters with which it sends back."""
        async with self.http.get(f"{url}&sandbox_user={user}", allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            back = urlsplit(response.headers["Location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
        self.seen.append({name: values[0] for name, values in parse_qs(back.query).items()})
        return dict(self.seen[-1])

    async def sign(self, user: str = LEO, **how: Any) -> Finished:
        """A whole sign-in."""
        begun = await self.sign_in.begin(**how)
        return await self.sign_in.finish(begun.cookie, await self.visit(begun.url, user))

    async def spoil(self, **how: Any) -> None:
        """The next id_token is wrong."""
        async with self.http.post(f"{self.launchpad.url}/_sandbox/tokens", json=[how]) as response:
            assert response.status == 200


@pytest.fixture
async def browser(
    launchpad: Sandbox, database: Clock, schools: Schools, people: People, sessions: Sessions, ledger: Ledger
) -> AsyncIterator[Browser]:
    settings = configured(launchpad.url, client_secret="hush")
    outbound = Outbound([launchpad.url])
    await schools.start([settings])
    provider = Provider(settings, outbound)
    sign_in = SignIn(
        providers=[provider],
        redirect_uri=CALLBACK,
        database=database,
        schools=schools,
        people=people,
        sessions=sessions,
        ledger=ledger,
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(http, sign_in, database, launchpad, provider, schools, people)
    await outbound.close()
