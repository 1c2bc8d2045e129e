"""Where shortcuts lead, and the keys that open what lies below a link-shared folder."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from providers.drive import Entry, Kind, Ref
from providers.errors import NotFound, Offline, Untrusted
from providers.google import GoogleDrive
from providers.google.client import keys
from providers.google.wire import keyed
from tests.conformance.base import everything, get, put
from tests.providers.google.conftest import STUDENT, TEACHER, Open
from tests.providers.google.says import says
from tests.providers.google.stand_in import google_at, refusal, resource
from tests.sandboxes import Running

SHORTCUT = "application/vnd.google-apps.shortcut"
FOLDER = "application/vnd.google-apps.folder"


async def shortcut(google: Running, drive: GoogleDrive, folder: Ref, target: Ref) -> Ref:
    """A new shortcut to an item."""
    body = {"name": "there", "mimeType": SHORTCUT, "parents": [folder.id], "shortcutDetails": {"targetId": target.id}}
    made = await says(google, TEACHER, "POST", "files", body)
    return Ref(folder.space, made["id"])


async def test_a_shortcut_leads_to_its_target_until_that_is_gone(
    google: Running, drive: GoogleDrive, folder: Ref
) -> None:
    file = await put(drive, folder, "file.bin", b"file")
    ref = await shortcut(google, drive, folder, file.ref)
    found = await drive.stat(ref)
    assert (found.kind, found.target, found.flags) == (Kind.SHORTCUT, file.ref, frozenset())
    await drive.delete(file.ref)
    lost = await drive.stat(ref)
    assert (lost.flags, lost.kind) == (frozenset({"dangling"}), Kind.SHORTCUT)


async def test_into_a_shared_drive_it_says_which(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    """Listed in one drive and leading into another: only a look at it tells the space to list there."""
    [space] = await drive.spaces()
    [table] = [entry for entry in await everything(drive, space.root) if entry.name == "Timetable.csv"]
    found = await drive.stat(await shortcut(google, drive, folder, table.ref))
    assert found.target == table.ref
    assert found.target.space == space.root.space


def pointing(number: int, to: int | None, **details: Any) -> dict[str, Any]:
    """A shortcut to another number's item."""
    target = {} if to is None else {"targetId": f"1Id{to}"}
    return resource(number, mimeType=SHORTCUT, size=None, shortcutDetails={**target, **details})


async def seen(*items: dict[str, Any]) -> tuple[Entry, list[str]]:
    """The first of these items, and what was asked for; whatever else is asked for is not there."""
    known = {item["id"]: {key: value for key, value in item.items() if value is not None} for item in items}
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path.rpartition("/")[2])
        found = known.get(asked[-1])
        return refusal(404, "notFound") if found is None else web.json_response(found)

    async with google_at(answer) as drive:
        return await drive.stat(Ref("", items[0]["id"])), asked


async def test_a_chain_is_followed_to_its_end() -> None:
    found, asked = await seen(pointing(1, 2), pointing(2, 3), resource(3, driveId="0Drive"))
    assert (found.ref.id, found.target, found.flags) == ("1Id1", Ref("0Drive", "1Id3"), frozenset())
    assert asked == ["1Id1", "1Id2", "1Id3"]


@pytest.mark.parametrize(
    "items",
    [
        [pointing(1, 1)],
        [pointing(1, 2), pointing(2, 1)],
        [pointing(1, 2), pointing(2, 3), pointing(3, 2)],
        [pointing(1, None)],
        [pointing(1, 2)],
        [pointing(1, 2), pointing(2, None)],
        [pointing(number, number + 1) for number in range(1, 30)],
    ],
    ids=["itself", "circle", "circle below", "untold", "gone", "untold below", "long"],
)
async def test_what_leads_nowhere_is_flagged(items: list[dict[str, Any]]) -> None:
    found, asked = await seen(*items)
    assert found.flags == {"dangling"}
    assert len(asked) <= 10


async def test_trouble_on_the_way_is_not_taken_for_dangling() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503) if request.path.endswith("/1Id2") else web.json_response(pointing(1, 2))

    async with google_at(answer) as drive:
        with pytest.raises(Offline):
            await drive.stat(Ref("", "1Id1"))


@pytest.mark.parametrize("details", [[], "x", {"targetId": 7}])
async def test_details_that_cannot_be(details: object) -> None:
    with pytest.raises(Untrusted):
        await seen({**pointing(1, 2), "shortcutDetails": details})


async def test_a_listing_asks_for_no_target(google: Running, drive: GoogleDrive, folder: Ref) -> None:
    file = await put(drive, folder, "file.bin", b"file")
    await shortcut(google, drive, folder, file.ref)
    await google.requests()
    [listed] = [entry for entry in await everything(drive, folder) if entry.kind is Kind.SHORTCUT]
    assert (listed.target, listed.flags) == (Ref("", file.ref.id), frozenset())
    assert len(await google.requests()) == 1


async def test_the_key_of_a_target_goes_along(google: Running, open_drive: Open, folder: Ref) -> None:
    teacher, student = open_drive(), open_drive(STUDENT)
    file = await put(teacher, folder, "linked.bin", b"linked")
    await google.control("POST", "google", {"links": {file.ref.id: "0-key"}})
    ref = await shortcut(google, teacher, folder, file.ref)
    await google.control("POST", "google", {"shared": {ref.id: {STUDENT: "reader"}}})
    found = await student.stat(ref)
    assert found.target == Ref("", file.ref.id, "0-key")
    assert await get(student, found.target) == b"linked"


async def test_below_a_folder_that_only_a_key_opens(google: Running, open_drive: Open, folder: Ref) -> None:
    teacher, student = open_drive(), open_drive(STUDENT)
    inner = (await teacher.make_folder(folder, "inner")).ref
    leaf = await put(teacher, inner, "leaf.bin", b"leaf")
    await google.control("POST", "google", {"links": {folder.id: "0-key"}})
    [below] = await everything(student, Ref("", folder.id, "0-key"))
    assert below.ref == Ref("", inner.id, f"{folder.id}/0-key")
    [file] = await everything(student, below.ref)
    assert (file.ref.id, file.ref.key) == (leaf.ref.id, f"{folder.id}/0-key")
    assert await get(student, Ref.parse(str(file.ref))) == b"leaf"
    assert (await student.stat(file.ref)).ref == file.ref
    assert (await student.stat(below.ref)).parent == Ref("", folder.id, "0-key")
    with pytest.raises(NotFound):
        await student.stat(leaf.ref)
    mine = await everything(teacher, (await teacher.stat(folder)).ref)
    assert [entry.ref for entry in mine] == [inner], "an owner needs no key"


def test_keys_name_whose_they_are() -> None:
    assert keys(Ref("", "1a", "0-x"), None, Ref("", "1b"), Ref("", "1c", "1f/0-y")) == {
        "X-Goog-Drive-Resource-Keys": "1a/0-x,1f/0-y"
    }
    assert keys(Ref("", "1a")) == {}


async def test_an_own_key_is_kept() -> None:
    found, _ = await seen(resource(1, resourceKey="0-own", parents=["1Folder"]))
    assert found.ref.key == "0-own"
    assert keyed(found, Ref("", "1Folder", "0-x")) == found
    bare, _ = await seen(resource(2))
    assert keyed(bare, Ref("", "1Folder")) == bare
    assert keyed(bare, Ref("", "1Folder", "0-x")).parent == Ref("", "1Folder", "0-x")
    assert keyed(bare, Ref("", "1Other", "1Top/0-x")).parent == Ref("", "1Folder", "1Top/0-x")
