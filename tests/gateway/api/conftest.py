"""The running gateway of a session, and people who are signed in at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.gateway.api.live import Live, Person, person

TEACHER = "amira.haddad@riverside.example"
STUDENT = "leo.park@riverside.example"
ADMINISTRATOR = "sofia.rossi@riverside.example"
FOREIGN_TEACHER = "jonas.weber@hillcrest.example"
FOREIGN_STUDENT = "mia.chen@hillcrest.example"
FOREIGN_ADMINISTRATOR = "noor.khan@hillcrest.example"


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The gateway and its stand-ins, started once."""
    with Live(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="session")
def session_cookie(live: Live) -> dict[str, str]:
    """The Cookie header of a sign-in of Sofia Rossi, for tests that send every header themselves."""

    async def signed_in() -> str:
        async with person(live, ADMINISTRATOR) as client:
            return client.cookie

    return {"Cookie": f"session={asyncio.run(signed_in())}"}


@pytest.fixture(scope="session")
def extension_token(live: Live) -> str:
    """An access token of Sofia Rossi's browser extension."""

    async def signed_in() -> str:
        async with person(live, ADMINISTRATOR) as client:
            return str((await client.extension())["access_token"])

    return asyncio.run(signed_in())


@pytest.fixture
async def nobody(live: Live) -> AsyncIterator[Person]:
    """A browser without a session."""
    async with person(live) as client:
        yield client


@pytest.fixture
async def teacher(live: Live) -> AsyncIterator[Person]:
    """Amira Haddad of riverside."""
    async with person(live, TEACHER) as client:
        yield client


@pytest.fixture
async def student(live: Live) -> AsyncIterator[Person]:
    """Leo Park of riverside."""
    async with person(live, STUDENT) as client:
        yield client


@pytest.fixture
async def administrator(live: Live) -> AsyncIterator[Person]:
    """Sofia Rossi of riverside."""
    async with person(live, ADMINISTRATOR) as client:
        yield client


@pytest.fixture
async def foreigner(live: Live) -> AsyncIterator[Person]:
    """Jonas Weber, a teacher of hillcrest, the other school."""
    async with person(live, FOREIGN_TEACHER) as client:
        yield client


@pytest.fixture
async def extension(live: Live, student: Person) -> AsyncIterator[Person]:
    """The browser extension with a token of Leo Park."""
    tokens = await student.extension()
    async with person(live, token=tokens["access_token"]) as client:
        yield client
