"""The recycle bin: what comes out of it, what goes past it, and what a drive does not know."""

from __future__ import annotations

import pytest

from providers.drive import Ref
from providers.errors import Busy, DriveError, NameTaken, NotFound, Offline, Refused, Unsupported
from providers.onedrive import OneDrive, PersonalOneDrive
from providers.verbs import CanRestore, HasTrash, supports
from tests.conformance.base import get, names, put
from tests.providers.onedrive.conftest import HOME, Open
from tests.providers.onedrive.graph import graph, refusal

ITEM = "/me/drive/items/01A"
REF = Ref("", "01A")


@pytest.fixture
def home(open_drive: Open) -> PersonalOneDrive:
    drive = open_drive(HOME)
    assert isinstance(drive, PersonalOneDrive)
    return drive


def test_only_a_personal_drive_restores_and_none_lists_its_bin(drive: OneDrive, home: PersonalOneDrive) -> None:
    assert supports(drive, CanRestore) is None
    assert supports(home, CanRestore) is home
    assert supports(home, HasTrash) is None


async def test_a_drive_that_is_not_personal_after_all() -> None:
    async with graph(personal=True) as (server, drive):
        server.answers[f"POST {ITEM}/restore"] = lambda _: refusal(400, "notSupported")
        assert isinstance(drive, PersonalOneDrive)
        with pytest.raises(Unsupported):
            await drive.restore(REF)


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (409, NameTaken), (429, Busy), (500, Offline)])
async def test_why_nothing_came_back(status: int, kind: type[DriveError]) -> None:
    async with graph(personal=True) as (server, drive):
        code = "nameAlreadyExists" if status == 409 else "x"
        server.answers[f"POST {ITEM}/restore"] = lambda _: refusal(status, code, Retry_After="0")
        assert isinstance(drive, PersonalOneDrive)
        with pytest.raises(kind):
            await drive.restore(REF)


async def test_what_was_recycled_at_home_is_deleted_for_good(home: PersonalOneDrive) -> None:
    root = await home.root()
    made = await put(home, root, "twice.bin", b"old")
    await home.trash(made.ref)
    other = await put(home, root, "twice.bin", b"new")
    await home.delete(made.ref)
    with pytest.raises(NotFound):
        await home.restore(made.ref)
    assert await get(home, other.ref) == b"new"
    assert [name for name in await names(home, root) if name.startswith("deleted")] == []
    await home.delete(other.ref)
    await home.delete(other.ref)


async def test_at_school_what_was_recycled_stays_there() -> None:
    """Nothing that Graph has reaches it; the bin empties itself."""
    async with graph() as (server, drive):
        await drive.delete(REF)
        assert server.paths == [f"POST {ITEM}/permanentDelete", "GET /me/drive"]


async def test_a_drive_that_knows_neither_call() -> None:
    async with graph(personal=True) as (server, drive):
        for verb in ("permanentDelete", "restore"):
            server.answers[f"POST {ITEM}/{verb}"] = lambda _: refusal(400, "notSupported")
        await drive.delete(REF)
        assert f"DELETE {ITEM}" in server.paths


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_trouble_is_not_a_deletion(status: int) -> None:
    async with graph(personal=True) as (server, drive):
        server.answers[f"POST {ITEM}/permanentDelete"] = lambda _: refusal(status, "x", Retry_After="0")
        with pytest.raises((Refused, Busy, Offline)):
            await drive.delete(REF)
        assert f"DELETE {ITEM}" not in server.paths
