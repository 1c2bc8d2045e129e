"""A fresh, seeded Microsoft stand-in for each test, with every exchange judged by Graph's declared shapes."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from tests.contract.graph_schema import GraphChecker
from tests.sandbox.test_microsoft.client import Client


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a stand-in that was seeded once; copied for each test."""
    folder = tmp_path_factory.mktemp("microsoft")
    Sandbox("microsoft", folder).store.close()
    return folder


@pytest.fixture
async def box(seeded: Path, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """The stand-in, in this process. The test fails where an exchange does not fit the schema."""
    state = tmp_path / "state"
    shutil.copytree(seeded, state)
    checker = GraphChecker()
    async with serve("microsoft", state) as box:
        box.observers.append(checker)
        yield box
    assert checker.problems == []


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without cookies, that does not send a cut request again by itself as aiohttp would."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        session._retry_connection = False
        yield session


@pytest.fixture
async def teacher(box: Sandbox, http: aiohttp.ClientSession) -> Client:
    """A teacher with a school (business) account."""
    client = Client(http, box, "amira.haddad@riverside.example")
    await client.sign_in()
    return client


@pytest.fixture
async def owner(box: Sandbox, http: aiohttp.ClientSession) -> Client:
    """A teacher with a personal account."""
    client = Client(http, box, "jonas.weber@hillcrest.example")
    await client.sign_in()
    return client
