"""How often one address may begin what writes before anybody is known, and one person ask what is dear to a drive.

A bucket of tokens for each. Nothing of it is stored or logged. An address is known only as its hash under a key of
this process; an IPv6 address
as its /64, which one household or device has to itself.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.api.problems import Problem

MOST: Final = 10_000
"""Buckets that are remembered; who has not come for longest is forgotten first, and has a full one again."""


class Arrivals:
    """Buckets of ``rate`` tokens that fill again within a minute, each kind of request its own."""

    def __init__(
        self, rate: int, *, behind_proxy: bool, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._behind_proxy = behind_proxy
        self._most = most
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Buckets that are remembered."""
        return len(self._buckets)

    def admit(self, request: web.Request, kind: str) -> None:
        """Count a request. Problem 429 with Retry-After where its address came too often."""
        wait = self.take(f"{kind}\0{self.address(request)}")
        if wait:
            raise Problem(
                429, "too_many_requests",
                "Too many sign-ins are being tried from here at once. Wait a moment, then try again.",
                headers={"Retry-After": str(math.ceil(wait))},
            )  # fmt: skip

    def admit_person(self, person: str, kind: str, rate: int) -> None:
        """Count what a person asks, at most ``rate`` a minute; 0: as often as they like. Problem 429."""
        wait = self.take(f"{person}\0{kind}", rate) if rate else 0.0
        if wait:
            raise Problem(
                429, "too_many_requests", "You are asking faster than this can be answered. Wait a moment.",
                headers={"Retry-After": str(math.ceil(wait))},
            )  # fmt: skip

    def take(self, whose: str, rate: int | None = None) -> float:
        """Take one token: 0, or where there is none the seconds until there is. ``rate``: another than usual."""
        rate = rate or self._rate
        key = hashlib.blake2b(whose.encode(), key=self._key, digest_size=16).digest()
        now = self._clock()
        left, at = self._buckets.get(key, (float(rate), now))
        left = min(float(rate), left + (now - at) * rate / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / rate
        self._buckets[key] = (left if wait else left - 1, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def address(self, request: web.Request) -> str:
        """Who is at the other end: the socket's address, or behind a proxy what that one saw, which is the last hop."""
        hops = request.headers.getall("X-Forwarded-For", []) if self._behind_proxy else []
        last = hops[-1].rpartition(",")[2].strip() if hops else ""
        return _network(last) or _network(request.remote or "") or ""


def _network(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False).network_address)
