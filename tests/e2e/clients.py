"""What people's clients do beside the tour's `Browser`: resumable uploads, forgetting, and planting files at Google."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from gateway.signing import verify
from tests.e2e.processes import Browser, Running, tour

EXTENSION = "file-access-extension"
TUS = {"Tus-Resumable": "1.0.0"}
DOCUMENT = "application/vnd.google-apps.document"
FOLDER = "application/vnd.google-apps.folder"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
Tree = Mapping[str, "bytes | Tree | None"]
"""Bytes are a file, a mapping is a folder, None is a Google Doc."""


def noise(seed: str, size: int) -> bytes:
    """Bytes that are the same for a seed and occur nowhere else."""
    return random.Random(seed).randbytes(size)


def sha256(content: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(content).hexdigest()


# tus


async def begin_upload(who: Browser, drive: str, parent: str, name: str, size: int) -> str:
    """A new upload of ``size`` bytes; its address."""
    wanted = {"drive": drive, "parent": parent, "filename": name, "filetype": "application/octet-stream"}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in wanted.items())
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    async with who.http.post(f"{who.gateway}/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        return who.gateway + response.headers["Location"]


async def offset(who: Browser, upload: str) -> int:
    """How many bytes the gateway says are safe."""
    async with who.http.head(upload, headers=TUS) as response:
        assert response.status == 200
        return int(response.headers["Upload-Offset"])


async def send(who: Browser, upload: str, at: int, body: bytes | AsyncIterator[bytes]) -> int:
    """Add bytes; the offset that was acknowledged."""
    headers = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    async with who.http.patch(upload, headers=headers, data=body) as response:
        assert response.status == 204, await response.text()
        return int(response.headers["Upload-Offset"])


async def stalling(content: bytes, sent: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    """The content, and then nothing more for as long as the connection lasts."""
    for at in range(0, len(content), 1 << 16):
        yield content[at : at + (1 << 16)]
    if sent is not None:
        sent.set()
    await asyncio.Event().wait()


async def dropped(who: Browser, upload: str, at: int, content: bytes, whole: int) -> None:
    """Begin to send what is left of ``whole`` bytes, and lose the connection after ``content``."""
    headers = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    headers["Content-Length"] = str(whole - at)
    sent = asyncio.Event()
    body = stalling(content, sent)
    sending = asyncio.ensure_future(who.http.patch(upload, headers=headers, data=body).__aenter__())
    await sent.wait()
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
        await sending


async def upload_done(who: Browser, upload: str, patience: float = 30) -> dict[str, Any]:
    """Wait until the drive has the file; the upload's last state, with ``item``."""
    ends = time.monotonic() + patience
    while True:
        state = await who.api("GET", upload.removeprefix(who.gateway))
        if state["state"] == "done":
            return dict(state)
        assert state["state"] != "failed", state
        assert time.monotonic() < ends, state
        await asyncio.sleep(0.05)


async def upload(who: Browser, drive: str, parent: str, name: str, content: bytes) -> dict[str, Any]:
    """A whole file; the upload's last state, with ``item``."""
    address = await begin_upload(who, drive, parent, name, len(content))
    assert await send(who, address, 0, content) == len(content)
    return await upload_done(who, address)


# the browser extension


async def extension(who: Browser) -> dict[str, str]:
    """Sign the extension in by code and PKCE, approved by the person: 'access_token', 'refresh_token', 'code'."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": EXTENSION, "redirect_uri": tour.RETURN, "state": secrets.token_hex(8),
        "code_challenge": challenge, "code_challenge_method": "S256", "decision": "allow",
    }  # fmt: skip
    async with who.http.post(f"{who.gateway}/extension/authorize", data=asked, allow_redirects=False) as response:
        assert response.status in (302, 303), await response.text()
        code = dict(parse_qsl(urlsplit(response.headers["Location"]).query))["code"]
    form = {
        "grant_type": "authorization_code", "client_id": EXTENSION, "code": code,
        "code_verifier": verifier, "redirect_uri": tour.RETURN,
    }  # fmt: skip
    tokens = await who.api("POST", "/v1/token", data=form)
    return {"code": code, "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"]}


# forgetting


async def forget(who: Browser) -> str:
    """Begin to forget the person, who has just signed in; the one-time address of the receipt."""
    begun = await who.api("POST", "/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
    return str(begun["receipt"])


async def receipt(who: Browser, address: str, keys: Mapping[str, Any], patience: float = 30) -> dict[str, Any]:
    """What the receipt states, as soon as it is there, verified with the keys that were published before."""
    ends = time.monotonic() + patience
    while True:
        async with who.http.get(who.gateway + address) as response:
            if response.status == 200:
                return dict(verify(json.loads(await response.read()), keys))
            assert response.status == 425, await response.text()
        assert time.monotonic() < ends, "no receipt"
        await asyncio.sleep(0.1)


# Google, without the gateway


async def plant(google: Running, person: str, name: str, tree: Tree) -> tuple[str, list[tuple[str, str]]]:
    """A folder in a person's Google Drive: its id, and (path, SHA-256) of what must arrive where Office is spoken.

    A folder has '' for a hash, as in `processes.arrived`.
    """
    token = await google.token_for(person)
    async with aiohttp.ClientSession(google.url, headers={"Authorization": f"Bearer {token}"}) as http:
        top, expected = await _make(http, {"name": name, "mimeType": FOLDER}), [(name, "")]
        await _fill(http, top, name, tree, expected)
    return top, sorted(expected)


async def _fill(
    http: aiohttp.ClientSession, parent: str, path: str, tree: Tree, expected: list[tuple[str, str]]
) -> None:
    for name, content in tree.items():
        place = {"name": name, "parents": [parent]}
        if content is None:
            document = await _make(http, {**place, "mimeType": DOCUMENT})
            async with http.get(f"/drive/v3/files/{document}/export", params={"mimeType": WORD}) as answer:
                assert answer.status == 200
                expected.append((f"{path}/{name}.docx", sha256(await answer.read())))
        elif isinstance(content, bytes):
            await _upload(http, place, content)
            expected.append((f"{path}/{name}", sha256(content)))
        else:
            expected.append((f"{path}/{name}", ""))
            await _fill(http, await _make(http, {**place, "mimeType": FOLDER}), f"{path}/{name}", content, expected)


async def _make(http: aiohttp.ClientSession, metadata: Mapping[str, Any]) -> str:
    async with http.post("/drive/v3/files", json=metadata) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["id"])


async def _upload(http: aiohttp.ClientSession, metadata: Mapping[str, Any], content: bytes) -> None:
    with aiohttp.MultipartWriter("related") as parts:
        parts.append_json(dict(metadata))
        parts.append(content, {"Content-Type": "application/octet-stream"})
    async with http.post("/upload/drive/v3/files", params={"uploadType": "multipart"}, data=parts) as answer:
        assert answer.status == 200, await answer.text()
