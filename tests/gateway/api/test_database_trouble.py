"""A database that is full or away: a problem that passes, not a failure of ours, nor of the caller's connection."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from cache.guards import MESSAGE
from gateway.api import middleware
from gateway.db.engine import Database, DatabaseUnreachable


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def answer(error: Exception) -> tuple[int, str | None, str]:
    """Status, Retry-After and body of a request that ends so."""

    async def fail(_request: web.Request) -> web.StreamResponse:
        raise error

    app = web.Application(middlewares=[middleware.problems])
    app.router.add_get("/", fail)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status, response.headers.get("Retry-After"), await response.text()
    finally:
        await runner.cleanup()


SECRET = "person=canary"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PoolTimeout("QueuePool limit reached"), "TimeoutError"),
        (OperationalError(SECRET, None, sqlite3.OperationalError("database is locked")), "OperationalError"),
        (InterfaceError(SECRET, None, Exception("connection is closed")), "Exception"),
        (DBAPIError(SECRET, None, Exception("terminated"), connection_invalidated=True), "Exception"),
        (DatabaseUnreachable(ConnectionRefusedError(111, SECRET)), "ConnectionRefusedError"),
        (IntegrityError(SECRET, None, sqlite3.IntegrityError(MESSAGE)), "IntegrityError"),
    ],
)
async def test_it_passes(error: Exception, why: str) -> None:
    """503 with a time to come back, and a line for the operator without statements and addresses."""
    with capture_logs() as lines:
        status, later, body = await answer(error)
    assert (status, later) == (503, "5")
    assert '"code": "database_unavailable"' in body
    assert "canary" not in body
    told = [line for line in lines if line["event"] == "database_unavailable"]
    assert [(line["log_level"], line["why"]) for line in told] == [("error", why)]
    assert "canary" not in repr(lines)


async def test_a_wrong_statement_is_our_own_fault() -> None:
    """Coming back would not help."""
    status, later, _ = await answer(DBAPIError("SELECT", None, Exception("no such column")))
    assert (status, later) == (500, None)


async def test_a_database_that_is_away() -> None:
    """A refused connection is not taken for the caller's, who would be told that their request broke off."""
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none?sslmode=disable")
    for opening in (database.read, database.write):
        with pytest.raises(DatabaseUnreachable) as caught:
            async with opening():
                pass
        assert isinstance(caught.value.orig, ConnectionRefusedError)
    await database.close()


async def test_errors_inside_a_transaction_stay_what_they_are(tmp_path: Path) -> None:
    """Only reaching the database is told apart."""
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        for opening in (database.read, database.write):
            with pytest.raises(ConnectionResetError):
                async with opening():
                    raise ConnectionResetError
        await asyncio.sleep(0)
