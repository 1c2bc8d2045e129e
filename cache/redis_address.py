"""What is known of a Redis without its client, which takes a while to import: its address, and what is kept there."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from cache.inventory import Held

REDIS_KEYS = {
    "file-access:ID:expiry:BUCKET": Held(
        "the key of all temporary objects that end within the same five minutes", "gateway", "wrapped", "at that time"
    ),
    "file-access:ID:expiry:probe": Held(
        "nothing, while a start proves that keys can be kept here", "gateway", "clear", "at once, or after a minute"
    ),
    "file-access:ID:destroyed": Held(
        "a message: that something was destroyed, not what", "gateway", "clear", "at once"
    ),
}
"""Every name that the gateway uses in Redis. ID is a hash of the first root's check: installations stay apart."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is. ``encrypted``: TLS, with the server's name proven."""

    host: str
    port: int
    database: int
    user: str | None
    password: str | None = field(repr=False)
    encrypted: bool

    @classmethod
    def parse(cls, url: str) -> Address:
        """``redis://`` or ``rediss://user:password@host:port/database``. ValueError, which never repeats the address.

        A query is refused: with one, the client's own form of address can turn the proof of the server's name off.
        """
        try:
            parts = urlsplit(url)
            port, database = parts.port or 6379, int(parts.path.strip("/") or 0)
        except ValueError:
            raise ValueError("must be redis:// or rediss://user:password@host:port/database") from None
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be redis:// or rediss://user:password@host:port/database, without anything after it")
        user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
        return cls(parts.hostname, port, database, user, password, parts.scheme == "rediss")
