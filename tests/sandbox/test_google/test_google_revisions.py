"""revisions of the stand-in: every content stays readable, may be kept for ever or deleted, goes with the file."""

from __future__ import annotations

from typing import Any

import pytest

from providers.sandbox.core import Sandbox
from providers.sandbox.google.history import KEPT
from tests.sandbox.test_google.client import DOC, Client


async def _write(drive: Client, file_id: str, content: bytes, **params: Any) -> None:
    path, headers = f"/upload/drive/v3/files/{file_id}", {"Content-Type": "text/plain"}
    await drive.call("PATCH", path, data=content, headers=headers, uploadType="media", **params)


async def _revisions(drive: Client, file_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await drive.call("GET", f"/files/{file_id}/revisions", fields="*")).json["revisions"]
    return found


async def test_each_content_is_a_revision_that_can_be_read(drive: Client) -> None:
    file = await drive.put("a.txt", b"one")
    await _write(drive, file, b"three")
    await drive.call("PATCH", f"/files/{file}", body={"name": "b.txt"})
    first, second = await _revisions(drive, file)
    assert [first["size"], second["size"]] == ["3", "5"]
    assert second["id"] == (await drive.file(file, "headRevisionId"))["headRevisionId"]
    for revision, content in ((first["id"], b"one"), (second["id"], b"three"), ("head", b"three")):
        assert (await drive.call("GET", f"/files/{file}/revisions/{revision}", alt="media")).body == content
    part = await drive.call(
        "GET", f"/files/{file}/revisions/{first['id']}", alt="media", headers={"Range": "bytes=1-"}, status=206
    )
    assert part.body == b"ne"
    await drive.call("GET", f"/files/{file}/revisions/none", status=404)


async def test_pages(drive: Client) -> None:
    file = await drive.put("a.txt", b"0")
    for content in (b"1", b"2"):
        await _write(drive, file, content)
    first = (await drive.call("GET", f"/files/{file}/revisions", pageSize=2)).json
    rest = await drive.call("GET", f"/files/{file}/revisions", pageSize=2, pageToken=first["nextPageToken"])
    assert (len(first["revisions"]), len(rest.json["revisions"])) == (2, 1)
    assert "nextPageToken" not in rest.json
    await drive.call("GET", f"/files/{file}/revisions", pageToken="x", status=400)


async def test_keeping_and_deleting(box: Sandbox, drive: Client) -> None:
    file = await drive.put("a.txt", b"one")
    await _write(drive, file, b"two")
    first, head = (one["id"] for one in await _revisions(drive, file))
    for revision in (first, head):
        kept = await drive.call("PATCH", f"/files/{file}/revisions/{revision}", body={"keepForever": True}, fields="*")
        assert kept.json["keepForever"] is True
    await drive.call("PATCH", f"/files/{file}/revisions/{first}", body={"size": "1"}, status=403)
    await drive.call("DELETE", f"/files/{file}/revisions/{head}", status=403)
    await drive.call("DELETE", f"/files/{file}/revisions/{first}", status=204)
    assert [one["keepForever"] for one in await _revisions(drive, file)] == [True]
    assert len(list(box.store.blobs.iterdir())) == 1
    await drive.call("DELETE", f"/files/{file}", status=204)
    assert list(box.store.blobs.iterdir()) == []


async def test_only_the_newest_stay(box: Sandbox, drive: Client) -> None:
    file = await drive.put(
        "a.txt",
        b"first",
    )
    first = (await _revisions(drive, file))[0]["id"]
    await drive.call("PATCH", f"/files/{file}/revisions/{first}", body={"keepForever": True})
    for number in range(KEPT + 2):
        await _write(drive, file, b"%d" % number)
    sizes = [one["id"] for one in await _revisions(drive, file)]
    assert (sizes[0], len(sizes)) == (first, KEPT + 1)
    assert len(list(box.store.blobs.iterdir())) == KEPT + 1


async def test_documents_have_revisions_with_export_links(drive: Client) -> None:
    doc = (await drive.call("POST", "/files", body={"name": "Essay", "mimeType": DOC})).json["id"]
    [only] = await _revisions(drive, doc)
    assert "size" not in only
    plain = await drive.call("GET", only["exportLinks"]["text/plain"])
    assert plain.body == (await drive.call("GET", f"/files/{doc}/export", mimeType="text/plain")).body
    await drive.call("GET", f"/files/{doc}/revisions/{only['id']}", alt="media", status=403)
    await drive.call("DELETE", f"/files/{doc}/revisions/{only['id']}", status=403)


@pytest.mark.parametrize("kind", ["folder", "stranger"])
async def test_who_has_none(drive: Client, student: Client, kind: str) -> None:
    if kind == "folder":
        reply = await drive.call("GET", f"/files/{await drive.folder('f')}/revisions", status=403)
        assert reply.reason == "revisionsNotSupported"
    else:
        await student.call("GET", f"/files/{await drive.put('a', b'')}/revisions", status=404)
