"""files.download of the stand-in: begun, asked after, fetched by whoever began it and nobody else."""

from __future__ import annotations

from typing import Any

from tests.sandbox.test_google.client import DOC, Client


async def _done(drive: Client, name: str) -> Any:
    first = (await drive.call("GET", f"/operations/{name}")).json
    assert first == {"name": name, "done": False}
    return (await drive.call("GET", f"/operations/{name}")).json


async def test_a_download_is_made_ready_and_fetched(drive: Client, student: Client) -> None:
    file = await drive.put("leaf.txt", b"green")
    begun = (await drive.call("POST", f"/files/{file}/download")).json
    assert begun["done"] is False
    await student.call("GET", f"/operations/{begun['name']}", status=404)
    done = await _done(drive, begun["name"])
    assert done["done"] is True
    address = done["response"]["downloadUri"]
    assert (await drive.call("GET", address)).body == b"green"
    await student.call("GET", address, status=404)


async def test_a_document_needs_a_format_it_has(drive: Client) -> None:
    doc = (await drive.call("POST", "/files", body={"name": "Essay", "mimeType": DOC})).json["id"]
    await drive.call("POST", f"/files/{doc}/download", mimeType="video/mp4", status=400)
    begun = (await drive.call("POST", f"/files/{doc}/download", mimeType="text/plain")).json
    done = await _done(drive, begun["name"])
    exported = await drive.call("GET", f"/files/{doc}/export", mimeType="text/plain")
    assert (await drive.call("GET", done["response"]["downloadUri"])).body == exported.body


async def test_a_download_that_fails_says_so(drive: Client) -> None:
    file = await drive.put("leaf.txt", b"green")
    await drive.control("google", {"marks": {file: {"unready": True}}})
    begun = (await drive.call("POST", f"/files/{file}/download")).json
    done = await _done(drive, begun["name"])
    assert "response" not in done
    assert done["error"]["code"] == 9


async def test_what_may_not_be_downloaded_is_not_made_ready(drive: Client) -> None:
    file = await drive.put("leaf.txt", b"green")
    await drive.control("google", {"marks": {file: {"blocked": True}}})
    refused = await drive.call("POST", f"/files/{file}/download", status=403)
    assert refused.reason == "cannotDownloadFile"
