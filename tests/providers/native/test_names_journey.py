"""A few names in the drives themselves: Drive, OneDrive and the native drive each show what was put there, and back."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from gateway.transfers.naming import mapped
from providers.drive import Drive
from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound, Pace, Patience
from providers.names import from_allowed
from providers.native import NativeDrive
from providers.onedrive import OneDrive
from tests import soak
from tests.conformance.base import everything, put
from tests.providers.test_names_journey import NAMES
from tests.sandboxes import sandbox

TEACHER = "amira.haddad@riverside.example"


@pytest.fixture
async def route(drive: NativeDrive) -> AsyncIterator[list[Drive]]:
    """Drive, OneDrive, native, Drive; the vendors' on their stand-ins."""
    async with sandbox("google", seed=True) as there, sandbox("microsoft", seed=True) as beside:
        outbound = Outbound([there.url, beside.url])
        pace, patience = Pace(rate=10_000, burst=1000), Patience(first=0.01, budget=3)
        first = GoogleDrive(GoogleApi(there.url), outbound, there.tokens(TEACHER), pace=pace, patience=patience)
        root = f"{beside.url}/v1.0"
        second = OneDrive(outbound, beside.tokens(TEACHER), graph_root=root, pace=pace, patience=patience)
        yield [first, second, drive, first]
        await outbound.close()


async def carried(drive: Drive, name: str) -> str:
    """The name that a drive shows, in a folder of its own, for what was put there under it."""
    folder = (await drive.make_folder(await drive.root(), secrets.token_hex(8))).ref
    made = await put(drive, folder, name, b"bytes")
    [listed] = await everything(drive, folder)
    assert listed.name == made.name == name
    return listed.name


@given(NAMES)
@settings(
    max_examples=15 * soak.FACTOR,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example("~$lesson: 1/2?.docx ")
@example("desktop.ini")
@example("a'b\\'c")
@example("👩\u200d🏫 e\u0301 اختبار\u200f ｆｕｌｌ： .")
@example("‛：‛‛␠. ")
@example("🎒" * 127)
async def test_a_name_in_the_drives_themselves(route: list[Drive], name: str) -> None:
    assume(from_allowed(name) == name)
    at = name
    for drive in route:
        at = await carried(drive, mapped(at, drive.traits))
    assert at == name
