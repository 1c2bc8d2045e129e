"""A thin client of the stand-in for its tests: signs a person in, calls, and hands back what came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp

from providers.sandbox.core import Sandbox

DRIVE = "https://www.googleapis.com/auth/drive"
FOLDER = "application/vnd.google-apps.folder"
DOC = "application/vnd.google-apps.document"
TEACHER, STUDENT = "amira.haddad@riverside.example", "leo.park@riverside.example"
BACK = "http://127.0.0.1:1/back"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """Google's reason code in an error."""
        reason: str = self.json["error"]["errors"][0]["reason"]
        return reason


class Client:
    """One person with a token."""

    def __init__(self, box: Sandbox, session: aiohttp.ClientSession, tokens: Mapping[str, Any]) -> None:
        self.box, self.session, self.tokens = box, session, tokens

    @classmethod
    async def sign_in(
        cls, box: Sandbox, session: aiohttp.ClientSession, person: str = TEACHER, scope: str = DRIVE, app: str = "app"
    ) -> Self:
        """Consent, code, tokens."""
        query = {"client_id": app, "redirect_uri": BACK, "response_type": "code", "scope": scope}
        query |= {"access_type": "offline", "sandbox_user": person}
        async with session.get(f"{box.url}/o/oauth2/v2/auth", params=query, allow_redirects=False) as reply:
            code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "client_id": app, "redirect_uri": BACK}
        async with session.post(f"{box.url}/token", data=form) as reply:
            return cls(box, session, await reply.json())

    async def call(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: Any = None,
        data: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Reply:
        """A call below /drive/v3 (or of a whole address), with its expected status."""
        url = (
            path
            if path.startswith("http")
            else self.box.url + (path if path.startswith("/upload") else "/drive/v3" + path)
        )
        sent = {"Authorization": f"Bearer {self.tokens['access_token']}", **(headers or {})}
        query = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}
        async with self.session.request(
            method, url, params=query, json=body, data=data, headers=sent, allow_redirects=False
        ) as reply:
            answer = Reply(reply.status, reply.headers, await reply.read())
        assert answer.status == status, (method, path, answer.status, answer.body[:300])
        return answer

    async def file(self, file_id: str, fields: str = "*") -> dict[str, Any]:
        """The metadata of a file."""
        found: dict[str, Any] = (await self.call("GET", f"/files/{file_id}", fields=fields)).json
        return found

    async def folder(self, name: str, parent: str = "root") -> str:
        """A new folder's id."""
        body = {"name": name, "mimeType": FOLDER, "parents": [parent]}
        return str((await self.call("POST", "/files", body=body)).json["id"])

    async def put(self, name: str, data: bytes, parent: str = "root", **more: Any) -> str:
        """A new file's id, uploaded by multipart."""
        head = json.dumps({"name": name, "parents": [parent], **more}).encode()
        parts = b"--cut\r\nContent-Type: application/json\r\n\r\n%b\r\n--cut\r\nContent-Type: text/plain\r\n\r\n%b"
        headers = {"Content-Type": "multipart/related; boundary=cut"}
        reply = await self.call(
            "POST",
            "/upload/drive/v3/files",
            data=parts % (head, data) + b"\r\n--cut--",
            headers=headers,
            uploadType="multipart",
        )
        return str(reply.json["id"])

    async def names(self, q: str, **params: Any) -> list[str]:
        """The names of what matches, all on one page."""
        reply = await self.call("GET", "/files", q=q, fields="files(name)", **params)
        return [file["name"] for file in reply.json["files"]]

    async def session_for(self, body: Any = None, size: int | None = None, **params: Any) -> str:
        """The address of a new resumable session."""
        headers = {} if size is None else {"X-Upload-Content-Length": str(size)}
        path = "/upload/drive/v3/files"
        reply = await self.call(
            "POST", path, body=body or {"name": "new.bin"}, headers=headers, uploadType="resumable", **params
        )
        return reply.headers["Location"]

    async def fault(self, match: dict[str, Any], **do: Any) -> None:
        """Asks for trouble."""
        rules = [{"match": match, "do": do}]
        async with self.session.post(f"{self.box.url}/_sandbox/faults", json=rules) as reply:
            assert reply.status == 200, await reply.text()

    async def control(self, name: str, body: Any) -> Any:
        """The control endpoint."""
        async with self.session.post(f"{self.box.url}/_sandbox/{name}", json=body) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()
