"""What is handed out on a lawful request, as JSON Lines: the parts that were asked for, of the people, and no more.

    {"kind": "lawful", "version": 1, the request …}
    {"kind": "profile" | "account" | "entry", "person": …, …}     "gone": true for who is no longer here,
                                                                  "closed": true where the key may not be used now
    {"kind": "end", "lines": n}

Read a page at a time. Of what a person did about somebody else, the details stay closed: they are the other one's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from cache.errors import Missing, Shredded, Suspended
from cache.model import Scope
from gateway.identity.accounts import Accounts
from gateway.identity.errors import NotActive
from gateway.identity.people import People
from gateway.lawful.model import LawfulRequest
from gateway.ledger.ledger import LEAVES
from gateway.ledger.reading import Asked, Reading

VERSION: Final = 1
_PAGE: Final = 200

Delivered = Callable[[int, str], Awaitable[None]]
"""(lines, SHA-256 as hex) of all that was handed out."""


class Handing:
    """Reads what is asked for."""

    def __init__(self, people: People, accounts: Accounts, reading: Reading) -> None:
        self._people = people
        self._accounts = accounts
        self._reading = reading

    async def lines(self, found: LawfulRequest, delivered: Delivered) -> AsyncIterator[bytes]:
        """The whole answer, line by line; ``delivered`` is told before the last one."""
        digest, count = hashlib.sha256(), 0
        async for line in self._told(found):
            raw = json.dumps(line, sort_keys=True, ensure_ascii=False).encode() + b"\n"
            digest.update(raw)
            count += 1
            yield raw
        last = json.dumps({"kind": "end", "lines": count}, sort_keys=True).encode() + b"\n"
        digest.update(last)
        await delivered(count + 1, digest.hexdigest())
        yield last

    async def _told(self, found: LawfulRequest) -> AsyncIterator[dict[str, Any]]:
        order = found.order
        about = {name: getattr(order, name) for name in ("authority", "reference", "basis")}
        yield {
            "kind": "lawful", "version": VERSION, "request": found.id, "school": found.school, **about,
            "parts": list(order.parts), "people": list(order.people),
        }  # fmt: skip
        for person in order.people:
            scope = Scope(found.school, person)
            if "profile" in order.parts:
                yield await self._profile(scope)
            if "accounts" in order.parts:
                async for line in self._connected(scope):
                    yield line
            if "ledger" in order.parts:
                async for line in self._entries(found, person):
                    yield line

    async def _profile(self, scope: Scope) -> dict[str, Any]:
        try:
            known = await self._people.get(scope)
        except NotActive:
            return {"kind": "profile", "person": scope.subject, "gone": True}
        except Suspended:
            return {"kind": "profile", "person": scope.subject, "closed": True}
        told = {name: value for name, value in asdict(known).items() if name not in ("id", "seen")}
        return {"kind": "profile", "person": scope.subject, **told, "seen": _iso(known.seen)}

    async def _connected(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        try:
            found = await self._accounts.list(scope)
        except (Missing, Shredded):
            return
        except Suspended:
            yield {"kind": "account", "person": scope.subject, "closed": True}
            return
        for one in found:
            yield {"kind": "account", "person": scope.subject, "provider": one.provider, "address": one.label}

    async def _entries(self, found: LawfulRequest, person: str) -> AsyncIterator[dict[str, Any]]:
        asked = Asked(person=person, since=found.order.since, until=found.order.until)
        before: int | None = None
        while True:
            page, before = await self._reading.page(found.school, asked, before, _PAGE, opened=person)
            for entry in page:
                told = {name: value for name, value in (entry.details or {}).items() if name != LEAVES}
                plain = {name: value for name, value in asdict(entry).items() if name not in ("details", "at")}
                yield {"kind": "entry", "person": person, "at": _iso(entry.at), **plain, "details": told or None}
            if before is None:
                return


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
