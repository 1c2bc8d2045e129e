"""drive.file: only what this application made or the person picked is there, and that is said."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from providers.consent import GoogleConsent
from providers.drive import Drive, Kind, OnConflict, Ref
from providers.errors import NotFound, NotPicked
from providers.google import GoogleDrive
from providers.http import Outbound
from providers.verbs import View
from tests.conformance.base import everything, get, put
from tests.providers.google.conftest import TEACHER, Open
from tests.providers.google.narrow import Narrow, application
from tests.providers.google.stand_in import google_at, refusal, resource
from tests.providers.test_consent_picking import CALLBACK, approve
from tests.sandboxes import Running

FOLDER = "application/vnd.google-apps.folder"


@pytest.fixture
async def outbound(google: Running) -> AsyncIterator[Outbound]:
    made = Outbound([google.url])
    yield made
    await made.close()


@pytest.fixture
def consent(google: Running, outbound: Outbound) -> GoogleConsent:
    """An application that nobody has given anything yet."""
    return application(google, outbound)


@pytest.fixture
def narrow(open_drive: Open, consent: GoogleConsent) -> GoogleDrive:
    """The teacher's drive as that application sees it."""
    return open_drive(page_size=2, tokens=Narrow(consent), picked=True)


async def pick(consent: GoogleConsent, *refs: Ref) -> list[str]:
    """What the person does in Google's picker."""
    url, flow = await consent.pick(CALLBACK, "s", TEACHER)
    return await consent.picked(flow, await approve(url, sandbox_pick=",".join(ref.id for ref in refs)))


async def test_nothing_is_there_before_it_is_picked(drive: GoogleDrive, narrow: GoogleDrive, folder: Ref) -> None:
    made = await put(drive, folder, "lesson.bin", b"lesson")
    assert await everything(narrow, await narrow.root()) == []
    for ask in (narrow.stat, narrow.versions, narrow.thumbnail, narrow.restore):
        with pytest.raises(NotPicked) as missing:
            await ask(made.ref)
        assert (missing.value.reason, isinstance(missing.value, NotFound)) == ("not_picked", True)
        assert "Choose it first" in missing.value.advice
    with pytest.raises(NotPicked):
        await get(narrow, made.ref)


async def test_what_was_picked_is_there_and_in_every_list(
    drive: GoogleDrive, narrow: GoogleDrive, consent: GoogleConsent, folder: Ref
) -> None:
    word = secrets.token_hex(6)
    made, other = [await put(drive, folder, f"{word} {n}.bin", b"lesson") for n in range(2)]
    cursor = (await narrow.changes()).cursor
    assert await pick(consent, made.ref) == [made.ref.id]
    assert await get(narrow, made.ref) == b"lesson"
    assert [entry.ref for entry in await everything(narrow, await narrow.root())] == [made.ref]
    assert [entry.ref for entry in (await narrow.search(word)).entries] == [made.ref]
    assert [entry.ref for entry in (await narrow.view(View.RECENT)).entries] == [made.ref]
    assert made.ref in [one.ref for one in (await narrow.changes(cursor)).items]
    await narrow.trash(made.ref)
    assert [entry.ref for entry in (await narrow.trashed()).entries] == [made.ref]
    await narrow.restore(made.ref)
    with pytest.raises(NotPicked):
        await narrow.stat(other.ref)


async def test_a_picked_folder_is_shown_and_what_lies_in_it_is_not(
    drive: GoogleDrive, narrow: GoogleDrive, consent: GoogleConsent, folder: Ref
) -> None:
    await put(drive, folder, "inside.bin", b"x")
    assert await pick(consent, folder) == [folder.id]
    assert [entry.ref for entry in await everything(narrow, await narrow.root())] == [folder]
    assert await everything(narrow, folder) == []
    made = await put(narrow, folder, "mine.bin", b"mine")
    assert [entry.ref for entry in await everything(narrow, folder)] == [made.ref]


async def test_the_top_shows_what_lies_in_no_folder_that_is_there(narrow: GoogleDrive) -> None:
    root = await narrow.root()
    folders = [(await narrow.make_folder(root, f"folder {n}")).ref for n in range(3)]
    for one in folders:
        await put(narrow, one, "below.bin", b"x")
    file = await put(narrow, root, "file.bin", b"y")
    again = await put(narrow, root, "file.bin", b"z", on_conflict=OnConflict.REPLACE)
    assert again.ref == file.ref
    assert {entry.ref for entry in await everything(narrow, root)} == {*folders, file.ref}
    assert (await narrow.stat(root)).kind is Kind.FOLDER


async def test_shared_drives_are_not_asked_for(google: Running, narrow: GoogleDrive) -> None:
    await google.requests()
    assert list(await narrow.spaces()) == []
    assert (await narrow.trashed()).cursor is None
    assert "/drives" not in str(await google.requests())


async def test_gone_is_gone_also_for_what_was_never_picked(
    drive: GoogleDrive, narrow: GoogleDrive, folder: Ref
) -> None:
    made = await put(drive, folder, "kept.bin", b"kept")
    await narrow.delete(made.ref)
    assert await get(drive, made.ref) == b"kept"


async def test_a_file_that_the_application_may_not_touch_is_not_taken_for_gone() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return refusal(403, "appNotAuthorizedToFile")

    async with google_at(refuse, picked=True) as narrow:
        with pytest.raises(NotPicked):
            await narrow.delete(Ref("", "1Id"))


@pytest.fixture
async def rootless() -> AsyncIterator[Drive]:
    """As Google answers where the grant does not show the top folder: 404 for it, and no parents that are not there."""
    files = [
        resource(1, parents=None),
        resource(2, parents=["0Hidden"]),
        resource(3, parents=["1Id4"]),
        resource(4, mimeType=FOLDER, parents=["0Hidden"]),
    ]

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/files"):
            return web.json_response({"files": files})
        return web.json_response(files[3]) if request.path.endswith("/1Id4") else refusal(404, "notFound")

    async with google_at(answer, picked=True) as narrow:
        yield narrow


async def test_a_top_that_is_not_shown(rootless: Drive) -> None:
    root = await rootless.root()
    top = await rootless.stat(root)
    assert (root, top.ref, top.kind, top.parent) == (Ref("", "root"), root, Kind.FOLDER, None)
    assert "write" in top.may
    assert "delete" not in top.may
    page = await rootless.children(root)
    assert [entry.ref.id for entry in page.entries] == ["1Id1", "1Id2", "1Id4"]
