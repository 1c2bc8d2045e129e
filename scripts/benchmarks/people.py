"""More teachers than the one that most rows know: made up at the stand-ins, signed in, both accounts connected."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tour import Browser

from benchmarks.world import World
from providers.drive import Ref

SCHOOL = "riverside"


@dataclass
class Teacher:
    """A signed-in person; ``drives`` by kind, ``key`` as the stand-ins know them."""

    key: str
    browser: Browser
    drives: dict[str, str]

    async def folder(self, kind: str, name: str) -> str:
        """A new folder at the top of a drive; its id at the gateway."""
        made = await self.browser.api(
            "POST", f"/v1/drives/{self.drives[kind]}/items/root/children", 201,
            json={"name": name, "kind": "folder"}, headers={"Idempotency-Key": secrets.token_hex(16)},
        )  # fmt: skip
        return str(made["id"])

    async def grown(self, world: World, name: str, count: int, size: int | None = None) -> str:
        """A folder of Google Drive with so many generated files (of so many bytes); its id at the gateway."""
        folder = await self.folder("google", name)
        wanted = count if size is None else {"count": count, "size": size}
        await world.control("google", "POST", "google", {"grow": {Ref.parse(folder).id: wanted}})
        return folder

    async def order(self, source: str, to: str) -> str:
        """Copy an item of Google Drive into a folder of OneDrive; the job."""
        body = {
            "mode": "copy",
            "sources": [{"drive": self.drives["google"], "item": source}],
            "destination": {"drive": self.drives["onedrive"], "item": to},
        }
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        job: dict[str, Any] = await self.browser.api("POST", "/v1/transfers", 202, json=body, headers=headers)
        return str(job["id"])

    async def jobs(self) -> list[dict[str, Any]]:
        """All jobs, the newest hundred."""
        found: list[dict[str, Any]] = (await self.browser.api("GET", "/v1/jobs?limit=100"))["items"]
        return found

    async def job(self, job: str) -> dict[str, Any]:
        """How far a job is."""
        found: dict[str, Any] = await self.browser.api("GET", f"/v1/jobs/{job}")
        return found


@asynccontextmanager
async def teachers(world: World, prefix: str, count: int) -> AsyncIterator[list[Teacher]]:
    """So many new ones, for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(count):
            browser = await stack.enter_async_context(Browser(world.gateway))
            found.append(await _teacher(world, f"{prefix}.{number}", browser))
        yield found


async def _teacher(world: World, key: str, browser: Browser) -> Teacher:
    person = {"key": key, "name": f"Teacher {key}", "school": SCHOOL, "role": "teacher", "age_band": "adult"}
    await asyncio.gather(
        *(world.control(vendor, "POST", "users", person) for vendor in ("google", "microsoft", "launchpad"))
    )
    await browser.sign_in(SCHOOL, key)
    email = f"{key}@{SCHOOL}.example"
    google = await browser.connect("google", email)
    return Teacher(key, browser, {"google": google, "onedrive": await browser.connect("microsoft", email)})
