"""Which addresses keys and sealed bytes may go to: with TLS, or on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_safe(endpoint: str) -> bool:
    """Whether what is said to this http(s) address cannot be read on the way."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https":
        return True
    try:
        return parts.scheme == "http" and (
            parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        return False
