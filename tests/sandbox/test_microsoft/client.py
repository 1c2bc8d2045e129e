"""A small Graph client for these tests: tokens by the real code flow, then plain requests without any retry."""

from __future__ import annotations

import asyncio
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
from yarl import URL

from providers.sandbox.core import Sandbox
from providers.sandbox.microsoft.accounts import Account
from providers.sandbox.microsoft.graph import Graph
from providers.sandbox.microsoft.vendor import Microsoft

SCOPES = "Files.ReadWrite.All User.Read offline_access openid profile"
BACK = "http://localhost/back"
ALIGNED = 327_680


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and Graph's code."""
        return self.status, self.json["error"]["code"]


class Client:
    """One person's app. Paths are below /v1.0; anything that starts with http is used as it is, without a token."""

    def __init__(self, http: aiohttp.ClientSession, box: Sandbox, email: str) -> None:
        self.http, self.box, self.email, self.token = http, box, email, ""

    @property
    def graph(self) -> Graph:
        """The stand-in's inside, where a test must look or reach into it."""
        assert isinstance(self.box.vendor, Microsoft)
        return self.box.vendor.graph

    @property
    def drive(self) -> str:
        """The id of the person's drive."""
        person = self.box.people.find(self.email)
        assert person is not None
        return Account(person).drive_id

    async def code(self, tenant: str = "common", **params: str) -> Reply:
        """The answer of the authorization endpoint."""
        query = {"client_id": "app", "response_type": "code", "redirect_uri": BACK, "scope": SCOPES, "state": "st"}
        query |= {"sandbox_user": self.email, **params}
        return await self.call("GET", str(URL(f"{self.box.url}/{tenant}/oauth2/v2.0/authorize").with_query(query)))

    async def tokens(self, **form: str) -> Reply:
        """The answer of the token endpoint."""
        data = {"client_id": "app", "client_secret": "secret", "redirect_uri": BACK, **form}
        return await self.call("POST", f"{self.box.url}/common/oauth2/v2.0/token", data=data)

    async def sign_in(self, **params: str) -> dict[str, Any]:
        """Signs in; what the token endpoint said."""
        back = await self.code(**params)
        code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
        reply = await self.tokens(grant_type="authorization_code", code=code)
        self.token = reply.json["access_token"]
        return dict(reply.json)

    async def call(self, method: str, path: str, **options: Any) -> Reply:
        """One request, never redirected."""
        headers = dict(options.pop("headers", {}))
        if not path.startswith("http"):
            headers = {"Authorization": f"Bearer {self.token}", **headers}
            path = f"{self.box.url}/v1.0{path}"
        url = URL(quote(path, safe=string.printable.replace(" ", "")), encoded=True)
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **options) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def announce(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """Sends the head of a request, and no body; the first line of the answer."""
        url = URL(path if path.startswith("http") else f"{self.box.url}/v1.0{path}")
        lines = {"Host": f"{url.host}:{url.port}", **headers}
        if not path.startswith("http"):
            lines["Authorization"] = f"Bearer {self.token}"
        head = [f"{method} {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            writer.write("\r\n".join([*head, "", ""]).encode())
            return (await reader.readline()).decode()
        finally:
            writer.close()

    async def put(self, name: str, content: bytes, conflict: str = "replace", **options: Any) -> Reply:
        """A simple upload below the root."""
        query = f"@microsoft.graph.conflictBehavior={conflict}"
        return await self.call("PUT", f"/me/drive/root:/{name}:/content?{query}", data=content, **options)

    async def folder(self, name: str, parent: str = "root", **body: Any) -> Reply:
        """A new folder."""
        place = "root" if parent == "root" else f"items/{parent}"
        return await self.call("POST", f"/me/drive/{place}/children", json={"name": name, "folder": {}, **body})

    async def item(self, name: str) -> Any:
        """What lies at a path."""
        return (await self.call("GET", f"/me/drive/root:/{name}")).json

    async def read(self, name: str) -> bytes:
        """The bytes at a path, by way of the redirect."""
        reply = await self.call("GET", f"/me/drive/root:/{name}:/content")
        return (await self.call("GET", reply.headers["Location"])).body

    async def session(self, name: str, headers: Mapping[str, str] | None = None, **body: Any) -> str:
        """The upload address of a new session."""
        path = f"/me/drive/root:/{name}:/createUploadSession"
        reply = await self.call("POST", path, json=body, headers=headers or {})
        assert reply.status == 200, reply.body
        return str(reply.json["uploadUrl"])

    async def fragment(self, url: str, content: bytes, start: int, total: int, **headers: str) -> Reply:
        """One fragment of an upload."""
        stated = {"Content-Range": f"bytes {start}-{start + len(content) - 1}/{total}", **headers}
        return await self.call("PUT", url, data=content, headers=stated)

    async def fault(self, match: Mapping[str, Any], **do: Any) -> None:
        """From now on requests that match are in trouble."""
        rules = [{"match": match, "do": do}]
        assert (await self.call("POST", f"{self.box.url}/_sandbox/faults", json=rules)).status == 200
