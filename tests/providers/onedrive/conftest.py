"""One stand-in OneDrive for these tests, and drives of its people."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from providers.drive import Drive, Ref
from providers.http import Outbound, Pace, Patience
from providers.onedrive import OneDrive, PersonalOneDrive
from tests.sandboxes import AUTHORIZE, Running, sandbox

TEACHER = "amira.haddad@riverside.example"
"""Has a school (business) drive."""
STUDENT = "leo.park@riverside.example"
HOME = "jonas.weber@hillcrest.example"
"""Has a personal drive."""

Open = Callable[..., OneDrive]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def microsoft() -> AsyncIterator[Running]:
    """The server's process; faults belong to the test that sets them."""
    async with sandbox("microsoft", seed=True) as server:
        yield server


@pytest.fixture(autouse=True)
def _any_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs in where both school and personal accounts may, for sites as well."""
    authorize, token, scope = AUTHORIZE["microsoft"]
    scope += " Sites.Read.All"
    places = (authorize.replace("organizations", "common"), token.replace("organizations", "common"), scope)
    monkeypatch.setitem(AUTHORIZE, "microsoft", places)


@pytest.fixture
async def open_drive(microsoft: Running) -> AsyncIterator[Open]:
    """Opens drives of a person."""
    outbound = Outbound([microsoft.url])

    def opened(user: str = TEACHER, *, page_size: int = 200, pace: Pace | None = None) -> OneDrive:
        return (PersonalOneDrive if user == HOME else OneDrive)(
            outbound,
            microsoft.tokens(user),
            graph_root=f"{microsoft.url}/v1.0",
            pace=pace or Pace(rate=10_000, burst=1000),
            patience=Patience(first=0.01, budget=3),
            page_size=page_size,
        )

    yield opened
    await outbound.close()


@pytest.fixture
def drive(open_drive: Open) -> OneDrive:
    """The teacher's drive."""
    return open_drive()


@pytest.fixture
async def folder(drive: Drive) -> Ref:
    """A fresh folder in it."""
    return (await drive.make_folder(await drive.root(), secrets.token_hex(8))).ref
