"""Reads a database address: which of the two databases it names, where, and whether the way there is encrypted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

Dialect = Literal["sqlite", "postgresql"]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_IDLE: Final = "10000"
"""A process that was stopped inside a transaction loses it, and its locks, after this long: ms."""
_NO_TLS: Final = frozenset({"disable", "allow", "prefer"})


class BadDatabaseUrl(ValueError):
    """The address cannot be used. The message never repeats it: it may hold a password."""


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` names the asynchronous driver; ``path`` is SQLite's file; ``connect`` holds the driver's arguments."""

    dialect: Dialect
    url: URL
    path: Path | None
    connect: dict[str, Any]
    encrypted: bool
    """True where nobody on the way can read along: TLS to a proven host, a Unix socket, or a local file."""
    local: bool
    """True where the database is on this machine."""


def parse(text: str) -> Address:
    """``sqlite:///relative``, ``sqlite:////absolute`` or ``postgresql://user@host/name?sslmode=…``. BadDatabaseUrl."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadDatabaseUrl("the database address is not a URL such as sqlite:///path or postgresql://…") from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql" | "postgres":
            return _postgresql(url)
    raise BadDatabaseUrl("the database must be sqlite or postgresql")


def _sqlite(url: URL) -> Address:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise BadDatabaseUrl("SQLite needs a file: sqlite:///path or sqlite:////absolute/path")
    path = Path(url.database).absolute()
    made = URL.create("sqlite+aiosqlite", database=str(path))
    return Address("sqlite", made, path, {}, encrypted=True, local=True)


def _postgresql(url: URL) -> Address:
    query = dict(url.query)
    mode = str(query.pop("sslmode", "prefer"))
    roots = query.pop("sslrootcert", None)
    unknown = set(query) - {"host", "port"}
    if unknown:
        raise BadDatabaseUrl(f"unknown option of the PostgreSQL address: {', '.join(sorted(unknown))}")
    host = str(query.get("host", url.host or ""))
    socket = host.startswith("/")
    context = None if socket else tls(mode, str(roots) if roots else None)
    made = url.set(drivername="postgresql+asyncpg", query=query)
    return Address(
        "postgresql",
        made,
        None,
        {"ssl": context or False, "server_settings": {"idle_in_transaction_session_timeout": _IDLE}},
        encrypted=socket or (context is not None and context.verify_mode is ssl.CERT_REQUIRED),
        local=socket or host in _LOOPBACK,
    )


def tls(mode: str, roots: str | None) -> ssl.SSLContext | None:
    """The TLS of libpq's ``sslmode``; None for the modes that do without. BadDatabaseUrl for an unknown mode."""
    if mode in _NO_TLS:
        return None
    if mode not in {"require", "verify-ca", "verify-full"}:
        raise BadDatabaseUrl("sslmode must be disable, require, verify-ca or verify-full")
    context = ssl.create_default_context(cafile=roots)
    context.check_hostname = mode == "verify-full"
    if mode == "require" and roots is None:
        context.verify_mode = ssl.CERT_NONE
    return context
