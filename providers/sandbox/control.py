"""The control endpoint of a stand-in, for tests and people at a terminal. JSON in and out, errors as {"error": text}.

GET|POST|DELETE /_sandbox/faults       rules as in `faults`; POST adds an array
GET|DELETE      /_sandbox/requests     the recent requests: method, host, path template, query names, status, fault
GET|POST        /_sandbox/users        POST adds {"key","name","school","role"?,"age_band"?,"locale"?}, an empty drive
POST            /_sandbox/oauth        {"access_ttl": 5, "rotates": true, ...}: see `oauth.Settings`; {} only shows them
POST            /_sandbox/clock        {"ahead": seconds}: tokens, codes and sessions age at once
GET             /_sandbox/behaviours   what it does and on which basis
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviours
from providers.sandbox.box import Handler, Sandbox
from providers.sandbox.people import Person


def mount(box: Sandbox) -> None:
    """Adds the control routes to a stand-in."""
    control = Control(box)
    for name in ("faults", "requests", "users", "oauth", "clock", "behaviours"):
        box.app.router.add_route("*", f"/_sandbox/{name}", _guarded(getattr(control, name)))


def _guarded(handler: Handler) -> Handler:
    async def run(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return run


async def _body(request: web.Request) -> Any:
    return json.loads(await request.read() or b"{}")


class Control:
    """One stand-in's control handlers; ValueError becomes a 400."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    async def faults(self, request: web.Request) -> web.Response:
        """Shows, adds or clears the rules."""
        if request.method == "POST":
            self._box.faults.add(await _body(request))
        if request.method == "DELETE":
            self._box.faults.clear()
        return web.json_response([rule.as_json() for rule in self._box.faults.rules])

    async def requests(self, request: web.Request) -> web.Response:
        """Shows or clears the recent requests, the oldest first."""
        shown = list(self._box.recent)
        if request.method == "DELETE":
            self._box.recent.clear()
        return web.json_response(shown)

    async def users(self, request: web.Request) -> web.Response:
        """Shows everyone, or adds one."""
        if request.method == "POST":
            self._box.people.add(Person.parse(await _body(request)))
        return web.json_response(
            [{**asdict(one), "email": one.email, "sub": one.sub} for one in self._box.people.all()]
        )

    async def oauth(self, request: web.Request) -> web.Response:
        """Changes how tokens live."""
        if self._box.oauth is None:
            raise ValueError("this stand-in has no OAuth")
        return web.json_response(self._box.oauth.configure(await _body(request)))

    async def clock(self, request: web.Request) -> web.Response:
        """Moves the stand-in's clock ahead of the machine's."""
        if request.method == "POST":
            self._box.ahead = float((await _body(request)).get("ahead", 0))
        return web.json_response({"now": self._box.now(), "ahead": self._box.ahead})

    async def behaviours(self, request: web.Request) -> web.Response:
        """The registry."""
        return web.json_response([asdict(entry) for entry in behaviours(self._box.kind)])
