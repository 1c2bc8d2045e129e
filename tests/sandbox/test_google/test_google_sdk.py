"""Google's own client library, unmodified, works against the stand-in: it builds and checks every request itself."""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import google_auth_httplib2  # type: ignore[import-untyped]  # ships no types
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload, build_http

from providers.sandbox.core import Sandbox
from tests.contract.drive_schema import DOCUMENT
from tests.sandbox.test_google.client import FOLDER, Client


def _service(box: Sandbox, drive: Client) -> Any:
    credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth is untyped
        None,
        refresh_token=drive.tokens["refresh_token"],
        token_uri=f"{box.url}/token",
        client_id="app",
        client_secret="secret",
    )
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=build_http())
    return build_from_document({**DOCUMENT, "rootUrl": box.url + "/", "baseUrl": box.url + "/drive/v3/"}, http=http)


def _story(service: Any, data: bytes) -> tuple[bytes, list[str]]:
    files = service.files()
    folder = files.create(body={"name": "By the SDK", "mimeType": FOLDER}, fields="id").execute()
    wanted = files.generateIds(count=1).execute()["ids"][0]
    body = {"name": "sdk's.bin", "parents": [folder["id"]], "id": wanted}
    media = MediaIoBaseUpload(io.BytesIO(data), "application/octet-stream", chunksize=256 * 1024, resumable=True)
    request, made = files.create(body=body, media_body=media, fields="id,md5Checksum"), None
    while made is None:
        _, made = request.next_chunk()
    small = MediaIoBaseUpload(io.BytesIO(b"small"), "text/plain")
    files.create(body={"name": "small.txt", "parents": [folder["id"]]}, media_body=small).execute()
    names = []
    listing = files.list(
        q=f"'{folder['id']}' in parents", pageSize=1, orderBy="name", fields="nextPageToken,files(name)"
    )
    while listing is not None:
        page = listing.execute()
        names += [file["name"] for file in page["files"]]
        listing = files.list_next(listing, page)
    sink = io.BytesIO()
    loader, done = MediaIoBaseDownload(sink, files.get_media(fileId=wanted), chunksize=300_000), False
    while not done:
        _, done = loader.next_chunk()
    files.update(fileId=wanted, body={"trashed": True}).execute()
    files.delete(fileId=wanted).execute()
    assert made["id"] == wanted
    return sink.getvalue(), names


async def test_the_sdk_s_story(box: Sandbox, drive: Client) -> None:
    data = os.urandom(1_000_000)
    read, names = await asyncio.to_thread(_story, _service(box, drive), data)
    assert read == data
    assert names == ["sdk's.bin", "small.txt"]
