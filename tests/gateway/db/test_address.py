"""Database addresses: what is understood, what is refused, and that a password is never repeated."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway.db.address import BadDatabaseUrl, parse


def test_sqlite_file(tmp_path: Path) -> None:
    found = parse(f"sqlite:///{tmp_path}/a.db")
    assert (found.dialect, found.path, found.local, found.encrypted) == ("sqlite", tmp_path / "a.db", True, True)
    assert found.url.drivername == "sqlite+aiosqlite"


def test_postgresql_by_tls() -> None:
    found = parse("postgresql://u:p@db.example/x?sslmode=verify-full")
    assert found.url.drivername == "postgresql+asyncpg"
    assert (found.encrypted, found.local) == (True, False)
    context = found.connect["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert "sslmode" not in found.url.query


def test_postgresql_by_socket_needs_no_tls() -> None:
    found = parse("postgresql://postgres@/x?host=/run/pg")
    assert (found.encrypted, found.local, found.connect["ssl"]) == (True, True, False)


def test_postgresql_without_tls_is_known_as_such() -> None:
    assert parse("postgresql://u@db.example/x").encrypted is False
    assert parse("postgresql://u@127.0.0.1/x").local is True


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "mysql://root:hunter2@h/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:hunter2?mode=memory",
        "postgresql://u:hunter2@h/x?sslmode=maybe",
        "postgresql://u:hunter2@h/x?options=-c",
    ],
)
def test_refused_without_repeating_the_address(text: str) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)
