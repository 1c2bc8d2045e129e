"""Every verb through every trouble: once, and nobody notices; for good, and it is named, with nothing half told."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from providers.drive import OnConflict, Ref
from providers.errors import Busy, DriveError, Offline, Reconnect, Untrusted
from providers.onedrive import OneDrive, PersonalOneDrive
from providers.sandbox.microsoft.pictures import picture
from providers.verbs import View
from tests.conformance.base import get, put
from tests.providers.onedrive.conftest import HOME, Open
from tests.sandboxes import Running


class Scene(NamedTuple):
    """A drive, a fresh folder in it, a picture in that, and a cursor of the changes before all of it."""

    drive: OneDrive
    folder: Ref
    file: Ref
    cursor: str


@pytest.fixture
async def scene(drive: OneDrive, folder: Ref) -> Scene:
    cursor = (await drive.changes()).cursor
    await drive.spaces()
    await put(drive, folder, "leaf.png", picture(8, 8))
    made = await put(drive, folder, "leaf.png", picture(64, 64), on_conflict=OnConflict.REPLACE)
    return Scene(drive, folder, made.ref, cursor)


async def changes(scene: Scene) -> object:
    """Read twice they are told anew, under another token."""
    return [change for change in (await scene.drive.changes(scene.cursor)).items if change.ref == scene.file]


async def first_cursor(scene: Scene) -> object:
    return list((await scene.drive.changes()).items)


async def older(scene: Scene) -> object:
    kept = await scene.drive.versions(scene.file)
    return await get(scene.drive, scene.file, version=kept[1].id)


LOOKS: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "stat": lambda scene: scene.drive.stat(scene.file),
    "children": lambda scene: scene.drive.children(scene.folder),
    "read": lambda scene: get(scene.drive, scene.file),
    "older": older,
    "versions": lambda scene: scene.drive.versions(scene.file),
    "search": lambda scene: scene.drive.search("leaf no one else has"),
    "shared": lambda scene: scene.drive.view(View.SHARED),
    "changes": changes,
    "first cursor": first_cursor,
    "thumbnail": lambda scene: scene.drive.thumbnail(scene.file),
    "spaces": lambda scene: scene.drive.spaces(),
    "quota": lambda scene: scene.drive.quota(),
}

PASSING: dict[str, dict[str, Any]] = {
    "a token that ran out": {"expire_token": True},
    "429": {"status": 429, "retry_after": 0},
    "429 without a time": {"status": 429},
    "503": {"status": 503},
    "509": {"status": 509, "retry_after": 0},
    "500": {"status": 500},
    "504": {"status": 504},
    "a cut connection": {"drop": "request"},
    "a lost answer": {"drop": "answer"},
    "half an answer": {"truncate": 20},
}


def rule(do: dict[str, Any], **match: Any) -> dict[str, Any]:
    return {"match": {"path": "/v1.0/*", **match}, "do": do}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_what_only_looks_never_notices(
    scene: Scene, microsoft: Running, look: Callable[[Scene], Awaitable[object]]
) -> None:
    calm = await look(scene)
    for name, trouble in PASSING.items():
        async with microsoft.faults(rule(trouble, times=1)):
            assert await look(scene) == calm, name


LASTING: list[tuple[dict[str, Any], type[DriveError]]] = [
    ({"status": 500}, Offline),
    ({"status": 401}, Reconnect),
    ({"html": True}, Untrusted),
    ({"status": 503, "retry_after": 0}, Busy),
    ({"status": 429, "retry_after": 60}, Busy),  # the last one: from then on the account waits
]


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_what_lasts_is_named(
    scene: Scene, microsoft: Running, look: Callable[[Scene], Awaitable[object]]
) -> None:
    for trouble, kind in LASTING:
        async with microsoft.faults(rule(trouble)):
            with pytest.raises(kind):
                await look(scene)


async def replaced(scene: Scene) -> object:
    now = await scene.drive.stat(scene.file)
    return (await put(scene.drive, scene.folder, now.name, b"new", replaces=(now.ref, now.version))).size


async def uploaded(scene: Scene) -> object:
    return (await put(scene.drive, scene.folder, "new.bin", b"new", on_conflict=OnConflict.REPLACE)).size


async def emptied(scene: Scene) -> object:
    return (await put(scene.drive, scene.folder, "empty.bin", b"", on_conflict=OnConflict.REPLACE)).size


async def renamed(scene: Scene) -> object:
    return (await scene.drive.relocate(scene.file, None, "renamed.png")).name


async def copied(scene: Scene) -> object:
    return (await scene.drive.copy(scene.file, scene.folder, "copy.png")).size


DEEDS: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "make_folder": lambda scene: scene.drive.make_folder(scene.folder, "unit", OnConflict.REPLACE),
    "upload": uploaded,
    "upload of nothing": emptied,
    "replace": replaced,
    "rename": renamed,
    "trash": lambda scene: scene.drive.trash(scene.file),
    "delete": lambda scene: scene.drive.delete(scene.file),
    "copy": copied,
}


@pytest.mark.parametrize("name", ["a token that ran out", "429", "509"])
@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_what_was_surely_not_done_is_done_again(
    scene: Scene, microsoft: Running, deed: Callable[[Scene], Awaitable[object]], name: str
) -> None:
    async with microsoft.faults(rule(PASSING[name], times=1)):
        await deed(scene)
    names = [entry.name for entry in (await scene.drive.children(scene.folder)).entries]
    assert len(names) == len(set(names)) <= 2


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_a_deed_that_fails_says_why_and_does_nothing(
    scene: Scene, open_drive: Open, microsoft: Running, deed: Callable[[Scene], Awaitable[object]]
) -> None:
    before = await scene.drive.children(scene.folder)
    for trouble, kind in LASTING:
        async with microsoft.faults(rule(trouble)):
            with pytest.raises(kind):
                await deed(scene)
    assert await open_drive().children(scene.folder) == before


async def test_coming_back_out_of_the_bin(open_drive: Open, microsoft: Running) -> None:
    home = open_drive(HOME)
    assert isinstance(home, PersonalOneDrive)
    made = await home.make_folder(await home.root(), secrets.token_hex(8))
    for name, trouble in PASSING.items():
        await home.trash(made.ref)
        async with microsoft.faults(rule(trouble, times=1)):
            assert (await home.restore(made.ref)).ref == made.ref, name


async def test_throttling_tells_whom_it_means(open_drive: Open, microsoft: Running) -> None:
    """A school's whole tenant; at home only the one account."""
    for user, wide in ((None, True), (HOME, False)):
        drive = open_drive(user) if user else open_drive()
        root = await drive.root()
        async with microsoft.faults(rule({"status": 429, "retry_after": 41})):
            with pytest.raises(Busy) as busy:
                await drive.stat(root)
        assert (busy.value.wide, busy.value.retry_after) == (wide, 41)
