"""A Google stand-in for each test, empty but for its people; the schema checker is on and must have nothing to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from tests.contract.drive_schema import DriveChecker
from tests.sandbox.test_google.client import STUDENT, Client


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """The stand-in, without class materials."""
    checker = DriveChecker()
    async with serve("google", tmp_path, seed=False) as box:
        box.observers.append(checker)
        yield box
    assert checker.problems == []


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client's connections. Left to itself aiohttp quietly repeats a GET, PUT or DELETE whose connection was cut."""
    async with aiohttp.ClientSession() as session:
        session._retry_connection = False
        yield session


@pytest.fixture
async def drive(box: Sandbox, session: aiohttp.ClientSession) -> Client:
    """The teacher's drive."""
    return await Client.sign_in(box, session)


@pytest.fixture
async def student(box: Sandbox, session: aiohttp.ClientSession) -> Client:
    """A student of the same school."""
    return await Client.sign_in(box, session, STUDENT)
