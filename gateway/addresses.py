"""Questions about addresses that several parts ask: is it one, and is it this machine's own."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_plain(text: str) -> bool:
    """Whether this is an http(s) address with a host and nothing secret or changeable in it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port != 0


def is_loopback(host: str | None) -> bool:
    """Whether this host is the machine itself."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_on_this_machine(url: str) -> bool:
    """Whether this address is on loopback."""
    return is_loopback(urlsplit(url).hostname)
