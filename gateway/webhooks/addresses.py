"""Which addresses a school may name: https, in the open internet; on this machine only where the gateway is there too.

The text is checked when it is set and again before each message; the addresses that its name resolves to are checked
by the resolver, and exactly those are dialled.
"""

from __future__ import annotations

import re
import socket
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from gateway.addresses import is_loopback
from providers.http.guard import Forbidden, is_public

LONGEST: Final = 2000
_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?")
"""A host name with a last label that no system takes for a number."""
_VISIBLE: Final = re.compile(r"[!-~]+")


class AddressRefused(ValueError):
    """Nothing is sent to such an address."""


def check(url: str, *, here: bool) -> None:
    """AddressRefused unless ``url`` may be told something. ``here``: the gateway itself is on this machine only."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused from None
    plain = not (parts.username or parts.password or parts.fragment or "\\" in url) and port != 0
    if not plain or len(url) > LONGEST or not _VISIBLE.fullmatch(url) or not _may_be_told(parts, here=here):
        raise AddressRefused


def _may_be_told(parts: SplitResult, *, here: bool) -> bool:
    host = (parts.hostname or "").lower()
    if is_loopback(host):
        return here and parts.scheme in ("http", "https")
    return parts.scheme == "https" and (is_public(host) or _NAME.fullmatch(host) is not None)


class Outside(AbstractResolver):
    """Resolves as the system does and leaves out what is not in the open internet. Forbidden where nothing is left.

    ``here``: addresses of this machine stay.
    """

    def __init__(self, inner: AbstractResolver | None = None, *, here: bool = False) -> None:
        self._inner = inner or DefaultResolver()
        self._here = here

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that may be dialled."""
        mine = self._here and is_loopback(host)
        found = await self._inner.resolve(host, port, family)
        left = [one for one in found if is_public(one["host"]) or (mine and is_loopback(one["host"]))]
        if not left:
            raise Forbidden("resolves to a private address")
        return left

    async def close(self) -> None:
        """Releases the system's resolver."""
        await self._inner.close()
