"""One stand-in Google Drive for these tests, and drives of its people."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from providers.drive import Drive, Ref
from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound, Pace, Patience, Tokens
from tests.sandboxes import Running, sandbox

TEACHER = "amira.haddad@riverside.example"
STUDENT = "leo.park@riverside.example"

Open = Callable[..., GoogleDrive]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def google() -> AsyncIterator[Running]:
    """The server's process; faults belong to the test that sets them."""
    async with sandbox("google", seed=True) as server:
        yield server


@pytest.fixture(scope="session")
def api(google: Running) -> GoogleApi:
    """One for the process."""
    return GoogleApi(google.url)


@pytest.fixture
async def open_drive(google: Running, api: GoogleApi) -> AsyncIterator[Open]:
    """Opens drives of a person."""
    outbound = Outbound([google.url])

    def opened(
        user: str = TEACHER,
        *,
        page_size: int = 1000,
        pace: Pace | None = None,
        tokens: Tokens | None = None,
        picked: bool = False,
    ) -> GoogleDrive:
        quick = Patience(first=0.01, budget=3)
        return GoogleDrive(
            api,
            outbound,
            tokens or google.tokens(user),
            pace=pace or Pace(rate=10_000, burst=1000),
            patience=quick,
            page_size=page_size,
            picked=picked,
        )

    yield opened
    await outbound.close()


@pytest.fixture
def drive(open_drive: Open) -> GoogleDrive:
    """The teacher's drive."""
    return open_drive()


@pytest.fixture
async def folder(drive: Drive) -> Ref:
    """A fresh folder in it."""
    return (await drive.make_folder(await drive.root(), secrets.token_hex(8))).ref
