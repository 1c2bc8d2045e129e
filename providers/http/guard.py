"""Where a request may go: configured origins, vendors' own host families, and never into our own network.

A host name is checked by its text and again by the addresses it resolves to; the connector dials exactly the addresses
that were checked, so that a name cannot point elsewhere a moment later (DNS rebinding).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from providers.errors import Refused

SUFFIXES = (
    ".google.com",
    ".googleapis.com",
    ".googleusercontent.com",
    ".1drv.com",
    ".microsoftpersonalcontent.com",
    ".onedrive.com",
    ".sharepoint.com",
    ".sharepoint.cn",
    ".sharepoint.us",
    ".sharepoint-mil.us",
    ".svc.ms",
)
"""Host families to which the vendors themselves send their clients (downloads, upload sessions), https only."""

_VISIBLE = re.compile(r"[!-~]{1,16384}")
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
COMPATIBLE = IPv6Network("::/96")
"""An IPv4 address in the form that was given up; some systems still dial it."""


class Forbidden(OSError):
    """A name that resolves to an address this process may not dial."""


@dataclass(frozen=True)
class Allowed:
    """Origins that were configured, and host suffixes that are reachable over https on the default port."""

    origins: frozenset[URL]
    suffixes: tuple[str, ...]

    @classmethod
    def of(cls, roots: Iterable[str], suffixes: Iterable[str]) -> Allowed:
        """From full addresses; their paths do not matter."""
        return cls(frozenset(URL(root).origin() for root in roots if root), tuple(suffixes))

    def check(self, text: str) -> URL:
        """The address as it will be requested, byte for byte. Refused where it leads anywhere else."""
        try:
            url = URL(text, encoded=True)
            origin = url.origin()
        except ValueError:
            raise Refused("this address is not allowed", reason="address") from None
        if not _VISIBLE.fullmatch(text) or url.user is not None or url.password is not None:
            raise Refused("this address is not allowed", reason="address")
        if origin not in self.origins and not self._family(origin):
            raise Refused("this address is not allowed", reason="origin")
        return url

    def _family(self, origin: URL) -> bool:
        host = (origin.host or "").lower()
        return origin.scheme == "https" and origin.port == 443 and host[1:].endswith(self.suffixes)

    def configured(self, host: str, port: int) -> bool:
        """Whether exactly this host and port was configured, so that a private address is what the operator wants."""
        return any(origin.host == host and origin.port == port for origin in self.origins)


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet, also when an IPv4 address is wrapped into an IPv6 one."""
    try:
        ip: IPv4Address | IPv6Address | None = ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = _wrapped(ip) or ip
    if ip is None or (isinstance(ip, IPv6Address) and (ip.is_site_local or ip in NAT64_LOCAL)):
        return False
    return ip.is_global and not ip.is_multicast


def _wrapped(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64 or ip in COMPATIBLE:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


class GuardedResolver(AbstractResolver):
    """Resolves as the system does and leaves out what may not be dialled."""

    def __init__(self, allowed: Allowed, inner: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that may be dialled. Forbidden (an OSError) where none is left."""
        found = await self._inner.resolve(host, port, family)
        if self._allowed.configured(host, port):
            return found
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise Forbidden("resolves to a private address")
        return public

    async def close(self) -> None:
        """Releases the system's resolver."""
        await self._inner.close()
