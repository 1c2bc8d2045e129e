"""drive.file at the stand-in: an app sees what it made or what was picked for it; scopes can be unticked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.test_google.client import BACK, DRIVE, STUDENT, TEACHER, Client

NARROW = f"{DRIVE}.file"


@pytest.fixture
async def narrow(drive: Client) -> Client:
    """Another app in the teacher's hands, which may touch only its own files."""
    return await Client.sign_in(drive.box, drive.session, TEACHER, NARROW, "narrow")


async def _pick(drive: Client, *file_ids: str, status: int = 302, **more: str) -> dict[str, list[str]]:
    query = {"client_id": "narrow", "redirect_uri": BACK, "response_type": "code", "scope": NARROW}
    query |= {"sandbox_user": TEACHER, "trigger_onepick": "true", "sandbox_pick": ",".join(file_ids), **more}
    place = f"{drive.box.url}/o/oauth2/v2/auth"
    async with drive.session.get(place, params=query, allow_redirects=False) as reply:
        assert reply.status == status
        return parse_qs(urlsplit(reply.headers.get("Location", "")).query)


async def test_it_sees_only_what_it_made_or_was_given(drive: Client, narrow: Client, student: Client) -> None:
    file = await drive.put("a.txt", b"1")
    own = await narrow.put("own.txt", b"2")
    assert await narrow.names("trashed = false") == ["own.txt"]
    assert (await narrow.call("GET", f"/files/{file}", status=404)).reason == "notFound"
    picked = await _pick(drive, file, state="s")
    assert picked["picked_file_ids"] == [file]
    assert picked["state"] == ["s"]
    assert sorted(await narrow.names("trashed = false")) == ["a.txt", "own.txt"]
    assert (await narrow.file(file, "isAppAuthorized")) == {"isAppAuthorized": True}
    await narrow.call("PATCH", f"/files/{file}", body={"name": "b.txt"})
    await drive.control("google", {"shared": {own: {STUDENT: "reader"}}})
    other = await Client.sign_in(drive.box, drive.session, STUDENT, NARROW, "narrow")
    await other.call("GET", f"/files/{own}", status=404)
    assert (await student.file(own, "name")) == {"name": "own.txt"}


async def test_a_picked_folder_grants_itself_alone(drive: Client, narrow: Client) -> None:
    folder = await drive.folder("Folder")
    inner = await drive.put("inner.txt", b"1", folder)
    assert (await _pick(drive, folder, allow_folder_selection="true"))["picked_file_ids"] == [folder]
    assert await narrow.names(f"'{folder}' in parents") == []
    await narrow.call("GET", f"/files/{inner}", status=404)
    body = {"type": "anyone", "role": "reader"}
    for method, path, more, _ in _touching(folder, body):
        reply = await narrow.call(method, path, status=403, **more)
        assert reply.reason == "appNotAuthorizedToChild"
    made = await narrow.put("mine.txt", b"", folder)
    assert await narrow.names(f"'{folder}' in parents") == ["mine.txt"]
    await _pick(drive, inner)
    assert made
    for method, path, more, status in _touching(folder, body):
        await narrow.call(method, path, status=status, **more)


def _touching(folder: str, body: dict[str, str]) -> list[tuple[str, str, dict[str, Any], int]]:
    share = ("POST", f"/files/{folder}/permissions", {"body": body}, 200)
    trash = ("PATCH", f"/files/{folder}", {"body": {"trashed": True}}, 200)
    return [share, trash, ("DELETE", f"/files/{folder}", {}, 204)]


async def test_what_a_link_opens_to_the_person_but_not_to_the_app(drive: Client, narrow: Client) -> None:
    file = await drive.put("a.txt", b"1")
    await drive.control("google", {"anyone": {file: "reader"}})
    assert (await narrow.call("GET", f"/files/{file}", status=403)).reason == "appNotAuthorizedToFile"
    assert (await narrow.call("GET", f"/files/{file}", status=403, alt="media")).reason == "appNotAuthorizedToFile"


async def test_wide_methods_are_refused(narrow: Client) -> None:
    for path in ("/drives", "/drives/any"):
        assert (await narrow.call("GET", path, status=403)).reason == "insufficientPermissions"


async def test_the_page_lists_files_to_tick(drive: Client) -> None:
    first, second = await drive.put("<first>.txt", b"1"), await drive.put("second.png", b"2", mimeType="image/png")
    folder = await drive.folder("Folder")
    query = {"client_id": "narrow", "redirect_uri": BACK, "response_type": "code", "scope": NARROW}
    query |= {"trigger_onepick": "true", "sandbox_user": TEACHER}
    place = f"{drive.box.url}/o/oauth2/v2/auth"
    async with drive.session.get(place, params=query) as reply:
        text = await reply.text()
    assert "&lt;first&gt;.txt" in text
    assert folder not in text
    async with drive.session.get(place, params={**query, "mimetypes": "image/png"}) as reply:
        text = await reply.text()
    assert first not in text
    form = [*query.items(), ("sandbox_picked", "1"), ("sandbox_pick", first), ("sandbox_pick", second)]
    async with drive.session.post(place, data=form, allow_redirects=False) as reply:
        answer = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert answer["picked_file_ids"] == [f"{first},{second}"]
    assert answer["code"]


async def test_what_cannot_be_picked(drive: Client, student: Client) -> None:
    file, folder = await drive.put("a.txt", b"1"), await drive.folder("f")
    theirs = await student.put("b.txt", b"1")
    for wrong in ("none", folder, theirs):
        await _pick(drive, wrong, status=400)
    await _pick(drive, file, await drive.put("c.txt", b""), status=400, allow_multiple="false")
    await _pick(drive, file, status=400, file_ids="other")
    assert (await _pick(drive, sandbox_picked="1")).get("picked_file_ids") is None


async def test_scopes_can_be_unticked(drive: Client) -> None:
    place = f"{drive.box.url}/o/oauth2/v2/auth"
    query = {"client_id": "app", "redirect_uri": BACK, "response_type": "code", "scope": f"openid {DRIVE}"}
    async with drive.session.get(place, params=query) as reply:
        text = await reply.text()
    assert f'type="checkbox" name="sandbox_scope" value="{DRIVE}" checked' in text
    form = [*query.items(), ("sandbox_granular", "1"), ("sandbox_scope", "openid"), ("sandbox_user", TEACHER)]
    async with drive.session.post(place, data=form, allow_redirects=False) as reply:
        code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
    token = {"grant_type": "authorization_code", "code": code, "client_id": "app", "redirect_uri": BACK}
    async with drive.session.post(f"{drive.box.url}/token", data=token) as reply:
        tokens = await reply.json()
    assert tokens["scope"] == "openid"
    few = Client(drive.box, drive.session, tokens)
    assert (await few.call("GET", "/files", status=403)).reason == "insufficientPermissions"
