"""Stand-in servers as processes of their own: started for a test session, stopped by their process id.

``async with sandbox("google") as server`` gives its address, tokens for its people, and its faults.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
REDIRECT = "http://127.0.0.1:9/connected"

AUTHORIZE = {
    "google": ("/o/oauth2/v2/auth", "/token", "https://www.googleapis.com/auth/drive openid email"),
    "microsoft": (
        "/organizations/oauth2/v2.0/authorize",
        "/organizations/oauth2/v2.0/token",
        "Files.ReadWrite.All Sites.Read.All User.Read offline_access",
    ),
}
"""Per vendor: where a person consents, where codes become tokens, and which scopes are asked for."""


@dataclass
class Running:
    """A stand-in that listens. ``url`` is its origin, ``process`` the server, ``state`` its folder."""

    kind: str
    url: str
    process: asyncio.subprocess.Process
    state: Path
    _tokens: dict[tuple[str, str | None], str] = field(default_factory=dict)

    async def token_for(self, user: str, *, fresh: bool = False, scope: str | None = None) -> str:
        """An access token of a person (e-mail address), got by the real code flow with PKCE; kept for the next call.

        One of another ``scope`` than usual is kept beside the usual one.
        """
        if fresh or (user, scope) not in self._tokens:
            self._tokens[user, scope] = await self._sign_in(user, scope)
        return self._tokens[user, scope]

    async def _sign_in(self, user: str, scope: str | None) -> str:
        authorize, token, usual = AUTHORIZE[self.kind]
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": "tests",
            "redirect_uri": REDIRECT,
            "scope": scope or usual,
            "access_type": "offline",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "sandbox_user": user,
        }
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.url}{authorize}?{urlencode(asked)}", allow_redirects=False) as answer:
                assert answer.status == 302, (answer.status, await answer.text())
                [code] = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "client_id": "tests",
                "client_secret": "tests",
                "redirect_uri": REDIRECT,
                "code_verifier": verifier,
            }
            async with session.post(self.url + token, data=form) as answer:
                assert answer.status == 200, (answer.status, await answer.text())
                return str((await answer.json())["access_token"])

    def tokens(self, user: str) -> Signed:
        """The person's tokens, as an account's requests want them."""
        return Signed(self, user)

    async def control(self, method: str, name: str, body: object | None = None) -> Any:
        """A call of the control endpoint: 'faults', 'requests', 'clock', 'oauth', 'users', 'google'."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}/_sandbox/{name}", json=body) as answer,
        ):
            assert answer.status == 200, (answer.status, await answer.text())
            return await answer.json()

    @asynccontextmanager
    async def faults(self, *rules: Mapping[str, Any]) -> AsyncGenerator[None]:
        """These rules, inside the block only. Each must be met: trouble that nobody noticed would prove nothing."""
        await self.control("POST", "faults", list(rules))
        try:
            yield
            unmet = [rule for rule in await self.control("GET", "faults") if not rule["hits"]]
            assert not unmet, f"no request met {unmet}"
        finally:
            await self.control("DELETE", "faults")

    async def requests(self) -> list[dict[str, Any]]:
        """The recent requests since the last call of this, the oldest first."""
        found: list[dict[str, Any]] = await self.control("DELETE", "requests")
        return found


@dataclass
class Signed:
    """`providers.http.Tokens` of one person at a stand-in; ``renewed`` counts the forced renewals."""

    server: Running
    user: str
    renewed: int = 0

    async def token(self, *, fresh: bool = False) -> str:
        """A live token."""
        self.renewed += fresh
        return await self.server.token_for(self.user, fresh=fresh)


@asynccontextmanager
async def sandbox(kind: str, *, seed: bool = False, state: Path | None = None) -> AsyncGenerator[Running]:
    """A stand-in ('google', 'microsoft', 'launchpad') in a process of its own. ``state`` None: a folder that goes."""
    folder = state or Path(tempfile.mkdtemp(prefix=f"sandbox-{kind}-"))
    arguments = ["--state", str(folder), "--port", "0", "--seed" if seed else "--no-seed"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "providers.sandbox", kind, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Running(kind, await _ready(process), process, folder)
    finally:
        await _stop(process)
        if state is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = (await process.stdout.readline()).decode().split()
    assert line[:1] == ["ready"], f"the stand-in did not start: {line}"
    return line[1]


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
