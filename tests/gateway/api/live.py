"""A whole gateway and its three stand-ins on a thread of their own: what a test speaks to is what people speak to.

A thread of its own, because a test's loop ends with the test, and because a blocking client (schemathesis) must not
stop the server that it asks. Nothing here knows a room's inside, but for `Live.run`, which runs on the gateway's loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from yarl import URL

from gateway.api.application import build
from gateway.api.server import Runner
from gateway.api.services import Services
from gateway.app import deployment
from gateway.settings import Settings
from providers.sandbox.core import serve
from tests.aftermath import left
from tests.e2e.traces import runs

EXTENSION = "oimcfldpfnhodlkmbkhlfgkcbkhdcbcc"
RETURN = f"https://{EXTENSION}.chromiumapp.org/signed-in"
LIMIT = 12
"""Unfinished transfers that a person may have: what a test can reach."""
METRICS = "for-prometheus"
SCHOOLS = {"riverside": "Riverside School", "hillcrest": "Hillcrest Academy"}
PROBLEM = "application/problem+json"

Result = TypeVar("Result")


def settings(folder: Path, port: int, boxes: Mapping[str, str]) -> Settings:
    """A gateway that knows the stand-ins by address only, its limits low enough to be reached."""
    schools = {school: {"name": name, "region": "local"} for school, name in SCHOOLS.items()}
    provider = {"issuer": boxes["launchpad"], "client_id": "gateway", "client_secret": "sandbox", "sandbox": True}
    given: dict[str, Any] = {
        "port": port,
        "data_dir": folder / "gateway",
        "expiry_dir": folder / "expiry",
        "identity_providers": [{**provider, "schools": schools}],
        "extension_ids": [EXTENSION],
        "google": {
            "client_id": "gateway", "client_secret": "sandbox", "api_root": boxes["google"],
            "auth_url": f"{boxes['google']}/o/oauth2/v2/auth", "token_url": f"{boxes['google']}/token",
            "revoke_url": f"{boxes['google']}/revoke",
        },
        "microsoft": {
            "client_id": "gateway", "client_secret": "sandbox", "authority": f"{boxes['microsoft']}/common",
            "graph_root": f"{boxes['microsoft']}/v1.0",
        },
        "limits": {"upload_bytes": 64 << 20, "jobs": LIMIT, "sign_ins_per_minute": 1_000_000},
        "metrics_token": METRICS,
    }  # fmt: skip
    return Settings(**given)


@dataclass
class Live:
    """A gateway that runs. ``url`` is its address, ``boxes`` those of the stand-ins, ``folder`` where all is kept."""

    folder: Path
    url: str = ""
    boxes: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    """Sessions that tests share, by e-mail address."""
    given: set[str | bytes] = field(default_factory=set)
    """Names and bytes of what was uploaded, and tokens: none may lie on the gateway's disk when it has stopped."""
    _services: Services | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _ended: asyncio.Event | None = None
    _failed: BaseException | None = None

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="gateway", daemon=True)
        self._thread.start()
        assert ready.wait(60), "the gateway did not start"
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the gateway did not stop"
        if self._failed is not None:
            raise self._failed
        assert left(self.folder, {*self.given, *self.cookies.values()}) == []

    def run(self, what: Callable[[Services], Awaitable[Result]]) -> Result:
        """Do something with the gateway's own services, on its loop: to age a sign-in, say."""
        assert self._loop is not None
        assert self._services is not None
        services = self._services

        async def done() -> Result:
            return await what(services)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready), debug=False)  # python -X dev would record a stack for each callback
        except BaseException as error:  # noqa: BLE001  # whoever started the thread raises it
            self._failed = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            for vendor in ("google", "microsoft", "launchpad"):
                box = await stack.enter_async_context(serve(vendor, self.folder / vendor))
                self.boxes[vendor] = box.url
            # Bound before the settings are made: the public address needs the port, and nobody else may take it.
            listening = stack.enter_context(contextlib.closing(socket.create_server(("127.0.0.1", 0))))
            chosen = settings(self.folder, listening.getsockname()[1], self.boxes)
            made = await stack.enter_async_context(deployment(chosen))
            await made.worker.start()
            stack.push_async_callback(made.worker.stop)
            await made.sweeper.start()
            stack.push_async_callback(made.sweeper.close)
            await made.deliveries.start()
            stack.push_async_callback(made.deliveries.close)
            runner = Runner(build(made.services), shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, listening).start()
            self._services, self.url = made.services, chosen.public_url
            ready.set()
            await self._ended.wait()


@dataclass
class Answer:
    """A whole answer. ``json`` where it is JSON of any kind."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; the answer must be a problem in every respect."""
        assert self.headers["Content-Type"].split(";")[0] == PROBLEM, (self.status, self.headers, self.body[:500])
        told = self.json
        assert told["status"] == self.status
        assert told["type"] == f"urn:file-access:problem:{told['code']}"
        assert told["title"]
        assert "no-store" in self.headers["Cache-Control"]
        assert b"Traceback" not in self.body
        assert b'File "' not in self.body
        return str(told["code"])


class Person:
    """Somebody's client: a browser with a cookie jar that sends its page's Origin, or a bearer of a token."""

    def __init__(self, live: Live, *, token: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.live = live
        usual = {"Authorization": f"Bearer {token}"} if token else {"Origin": live.url}
        self.jar = aiohttp.CookieJar(unsafe=True)
        self.http = aiohttp.ClientSession(
            headers=usual if headers is None else headers, cookie_jar=self.jar, auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=30),
        )  # fmt: skip

    @property
    def cookie(self) -> str:
        """The secret of its session."""
        return {one.key: one.value for one in self.jar}["session"]

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request, its answer whole; redirects are not followed, and the path is sent as it is written."""
        url = URL(path if path.startswith("http") else self.live.url + path, encoded=True)
        async with self.http.request(method, url, allow_redirects=False, **more) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str, expect: int = 200, **more: Any) -> Any:
        """The JSON of a GET that must go well."""
        answer = await self.ask("GET", path, **more)
        assert answer.status == expect, (path, answer.status, answer.body[:500])
        return answer.json

    async def post(self, path: str, expect: int, **more: Any) -> Any:
        """The JSON of a POST that must go well, None where it has none."""
        answer = await self.ask("POST", path, **more)
        assert answer.status == expect, (path, answer.status, answer.body[:500])
        return answer.json if answer.body else None

    async def names(self, item: str = "root", drive: str = "native") -> list[str]:
        """The names of all that is in a folder, page by page."""
        found: list[str] = []
        page: dict[str, Any] = {"next": ""}
        while "next" in page:
            more = f"?cursor={page['next']}" if page["next"] else ""
            page = await self.get(f"/v1/drives/{drive}/items/{item}/children{more}")
            found += [one["name"] for one in page["items"]]
        return found

    async def follow(self, url: str, who: str) -> str:
        """Go where the address leads, approving as ``who`` at the stand-in; the gateway's address where it ends."""
        for _ in range(10):
            if not url.startswith(self.live.url):
                url = with_query(url, sandbox_user=who)
            answer = await self.ask("GET", url)
            if answer.status not in (301, 302, 303, 307):
                assert answer.status == 200, (answer.status, answer.body[:500])
                return url
            url = str(URL(url, encoded=True).join(URL(answer.headers["Location"], encoded=True)))
        raise AssertionError("a sign-in goes round in circles")

    async def sign_in(self, who: str, *, fresh: bool = False) -> Any:
        """Sign in as an e-mail address; what /v1/me says."""
        await self.follow(f"{self.live.url}/signin" + ("?fresh=1" if fresh else ""), who)
        return await self.get("/v1/me")

    async def connect(self, provider: str, who: str) -> str:
        """Connect an account and confirm it; the drive's id."""
        begun = await self.post("/v1/connections", 201, json={"provider": provider})
        ended = await self.follow(begun["authorize_url"], who)
        drive = dict(parse_qsl(urlsplit(ended).query))["connected"]
        await self.post(f"/v1/connections/{drive}/confirm", 204)
        return drive

    async def extension(self) -> dict[str, Any]:
        """Sign the browser extension in: the token endpoint's answer."""
        code, verifier = await self.extension_code()
        tokens: dict[str, Any] = await self.post("/v1/token", 200, data=token_form(code, verifier))
        self.live.given |= {tokens["access_token"], tokens["refresh_token"]}
        return tokens

    async def extension_code(self) -> tuple[str, str]:
        """A code for the extension, and the verifier that it was asked for with."""
        verifier = secrets.token_urlsafe(48)
        asked = authorization(verifier)
        allowed = await self.ask("POST", "/extension/authorize", data={**asked, "decision": "allow"})
        assert allowed.status == 303, (allowed.status, allowed.body[:500])
        back = dict(parse_qsl(urlsplit(allowed.headers["Location"]).query))
        assert back["state"] == asked["state"]
        return back["code"], verifier

    async def upload(self, name: str, content: bytes, drive: str = "native", parent: str = "root") -> str:
        """Upload a file by tus and wait until it is in its drive; its item's id."""
        self.live.given |= {name, *runs(content)}
        begun = await self.ask("POST", "/v1/uploads", headers=tus(len(content), name, drive=drive, parent=parent))
        assert begun.status == 201, (begun.status, begun.body[:500])
        where = begun.headers["Location"]
        if content:
            sent = await self.ask("PATCH", where, data=content, headers=patch(0))
            assert sent.status == 204, (sent.status, sent.body[:500])
        async with asyncio.timeout(20):
            while (now := await self.get(where))["state"] != "done":
                assert now["state"] == "sending", now
                await asyncio.sleep(0.05)
        return str(now["item"])


@asynccontextmanager
async def person(live: Live, who: str | None = None, **more: Any) -> AsyncIterator[Person]:
    """A client, in the session that all tests share of ``who`` (an e-mail address) where one is given."""
    client = Person(live, **more)
    try:
        if who is not None and who in live.cookies:
            client.jar.update_cookies({"session": live.cookies[who]}, URL(live.url))
        elif who is not None:
            await client.sign_in(who)
            live.cookies[who] = client.cookie
        yield client
    finally:
        await client.http.close()


def with_query(url: str, **more: str) -> str:
    """The address with more query parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query, keep_blank_values=True)), **more})))


def authorization(verifier: str, **other: str) -> dict[str, str]:
    """What the extension asks consent with."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": "file-access-extension", "redirect_uri": RETURN,
        "state": secrets.token_hex(8), "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return {**asked, **other}


def token_form(code: str, verifier: str, **other: str) -> dict[str, str]:
    """What the extension exchanges its code with."""
    form = {"grant_type": "authorization_code", "client_id": "file-access-extension", "code": code}
    return {**form, "code_verifier": verifier, "redirect_uri": RETURN, **other}


def tus(length: int | None, name: str, **metadata: str) -> dict[str, str]:
    """The headers that begin an upload."""
    told = {"drive": "native", "parent": "root", "filename": name, **metadata}
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    return {"Tus-Resumable": "1.0.0", "Upload-Metadata": pairs, **size}


def patch(offset: int, **other: str) -> dict[str, str]:
    """The headers that add bytes to an upload."""
    usual = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return {**usual, **other}
