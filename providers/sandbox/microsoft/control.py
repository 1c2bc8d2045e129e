"""The control routes that only this stand-in has: see `settings` for what they take."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft.contents import Stored
from providers.sandbox.microsoft.placing import Places, Slot
from providers.sandbox.microsoft.rights import Rights
from providers.sandbox.microsoft.settings import STATES, Kept
from providers.sandbox.microsoft.sites import Sites
from providers.sandbox.microsoft.tree import Doc

EMPTY = Stored("", 0, {"quickXorHash": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="})
STRIDE = 500


class Control:
    """Handlers below /_sandbox; whatever is wrong with a request is a 400 that says so."""

    def __init__(self, box: Sandbox, kept: Kept, places: Places, rights: Rights, sites: Sites) -> None:
        self._box, self._kept, self._places, self._rights, self._sites = box, kept, places, rights, sites
        for path, change in {
            "": self.settings,
            "/items": self.items,
            "/follow": self.follow,
            "/share": self.share,
        }.items():
            box.app.router.add_route("*", f"/_sandbox/microsoft{path}", _guarded(change))

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Changes settings; what they are now."""
        return asdict(self._kept.change(**changes))

    async def items(self, *, drive: str, path: str, fill: int = 0, **states: Any) -> dict[str, Any]:
        """Sets states of an item, or fills a folder."""
        item = self._find(drive, path)
        if any(type(value) is not STATES.get(name) for name, value in states.items()):
            raise ValueError(f"states are {sorted(STATES)}")
        self._places.tree.items.merge(item["id"], **states)
        for start in range(0, fill, STRIDE):
            with self._box.store.batch():
                for number in range(start, min(start + STRIDE, fill)):
                    slot = Slot(item, f"item {number:06}.txt", None)
                    self._places.place(slot, EMPTY, "replace")
            await asyncio.sleep(0)  # others go on meanwhile
        return {"id": item["id"]}

    def follow(self, *, user: str, site: str, follow: bool) -> dict[str, Any]:
        """A person follows a site of their school, or no longer."""
        account = self._places.tree.account(user)
        rows = (one for one in self._sites.rows.values() if one["school"] == account.person.school)
        row = next((one for one in rows if one["path"] == site), None)
        if row is None:
            raise ValueError("the school has no such site")
        (self._sites.follow if follow else self._sites.unfollow)(account, row["id"])
        return {"id": row["id"]}

    def share(self, *, drive: str, path: str, right: str = "read", **people: list[str]) -> dict[str, Any]:
        """Shares an item with people ('with'), none ends it."""
        item = self._find(drive, path)
        self._rights.share(item, people["with"], right)
        return {"id": item["id"]}

    def _find(self, drive: str, path: str) -> Doc:
        """By the drive's id or its owner's address, and the path from the root."""
        tree = self._places.tree
        person = self._box.people.find(drive)
        drive = tree.drive_of(person) if person else drive
        return self._places.descend(drive, "root", tuple(filter(None, path.split("/"))))


def _guarded(change: Any) -> Any:
    async def run(request: web.Request) -> web.Response:
        try:
            told = change(**json.loads(await request.read() or b"{}"))
            return web.json_response(await told if inspect.isawaitable(told) else told)
        except (ValueError, TypeError, LookupError, AssertionError, Refused) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return run
