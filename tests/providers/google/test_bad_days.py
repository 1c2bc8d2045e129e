"""Every optional verb on a bad day: one failure is not noticed, a lasting one is named, and lies are no answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from providers.drive import Entry, Ref
from providers.errors import Busy, DriveError, Offline, Reconnect, Untrusted
from providers.google import GoogleDrive
from providers.verbs import View
from tests.conformance.base import get, put
from tests.providers.google.conftest import Open
from tests.providers.google.says import PNG
from tests.sandboxes import Running

Verb = Callable[[GoogleDrive, Entry, str], Awaitable[object]]


async def older(drive: GoogleDrive, made: Entry, _cursor: str) -> object:
    return await get(drive, made.ref, version=(await drive.versions(made.ref))[1].id)


VERBS: Final[dict[str, Verb]] = {
    "children": lambda drive, made, cursor: drive.children(made.parent or made.ref),
    "search": lambda drive, made, cursor: drive.search(made.name),
    "shared": lambda drive, made, cursor: drive.view(View.SHARED),
    "starred": lambda drive, made, cursor: drive.view(View.STARRED),
    "recent": lambda drive, made, cursor: drive.view(View.RECENT),
    "trashed": lambda drive, made, cursor: drive.trashed(),
    "start": lambda drive, made, cursor: drive.changes(),
    "changes": lambda drive, made, cursor: drive.changes(cursor),
    "versions": lambda drive, made, cursor: drive.versions(made.ref),
    "older": older,
    "thumbnail": lambda drive, made, cursor: drive.thumbnail(made.ref),
    "spaces": lambda drive, made, cursor: drive.spaces(),
    "quota": lambda drive, made, cursor: drive.quota(),
    "restore": lambda drive, made, cursor: drive.restore(made.ref),
    "relocate": lambda drive, made, cursor: drive.relocate(made.ref, None, made.name),
}
ONCE: Final = [
    {"status": 429},
    {"status": 403, "reason": "userRateLimitExceeded"},
    {"status": 503},
    {"drop": True},
    {"drop": "answer"},
    {"expire_token": True},
]
LASTING: Final[list[tuple[dict[str, Any], type[DriveError]]]] = [
    ({"status": 429, "retry_after": 120}, Busy),
    ({"status": 503}, Offline),
    ({"status": 401}, Reconnect),
    ({"html": True}, Untrusted),
]


@pytest.fixture
async def made(drive: GoogleDrive, folder: Ref) -> Entry:
    """A picture of two versions."""
    first = await put(drive, folder, "dot.png", b"not yet", media_type="image/png")
    return await put(drive, folder, "dot.png", PNG, media_type="image/png", replaces=(first.ref, first.version))


@pytest.mark.parametrize("name", VERBS)
async def test_one_failure_is_not_noticed(google: Running, open_drive: Open, made: Entry, name: str) -> None:
    """Throttled, broken, cut, or with a token that has just ended: the same result."""
    drive = open_drive()
    cursor = (await drive.changes()).cursor
    calm = await VERBS[name](drive, made, cursor)
    for trouble in ONCE:
        async with google.faults({"match": {"path": "/drive/v3/*", "times": 1}, "do": trouble}):
            assert await VERBS[name](drive, made, cursor) == calm, trouble


@pytest.mark.parametrize("name", VERBS)
async def test_what_lasts_has_a_name(google: Running, open_drive: Open, made: Entry, name: str) -> None:
    cursor = (await open_drive().changes()).cursor
    for trouble, kind in LASTING:
        async with google.faults({"match": {"path": "/drive/v3/*"}, "do": trouble}):
            with pytest.raises(kind):
                await VERBS[name](open_drive(), made, cursor)
