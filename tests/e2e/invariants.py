"""What must be true after every transfer, whatever died meanwhile: asked of the wire, the disks and the vault."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final, cast

import asyncpg

from gateway.db.tables_work import lanes
from tests.e2e.deaths import stored
from tests.e2e.parcels import Place
from tests.e2e.processes import House, eventually, now
from tests.e2e.stores import Stores
from tests.e2e.wire import Sent

CHUNK: Final[dict[Place, int]] = {"onedrive": 60 * 1024 * 1024, "back": 8 * 1024 * 1024}
"""Bytes of a file that may be sent again after a break: a piece, or what its clients usually take for one."""
AT_ONCE: Final[int] = cast("Any", lanes.c.concurrency.default).arg
"""Items of one account at work at once."""


def sent_once(sent: Sequence[Sent], chunk: int) -> None:
    """What was acknowledged is never sent again, after a break at most a chunk is, and no file has two sessions."""
    uploads: dict[str, list[Sent]] = defaultdict(list)
    sessions: dict[int, set[str]] = defaultdict(set)
    for one in sent:
        if one.method == "PUT" and one.total is not None and one.received:
            uploads[one.key].append(one)
            sessions[one.total].add(one.key)
    assert uploads, "the wire has seen no upload"
    twice = {total for total, keys in sessions.items() if len(keys) > 1}
    assert not twice, f"files of these sizes were begun twice: {twice}"
    for requests in uploads.values():
        acknowledged = furthest = 0
        for one in requests:
            assert one.start >= acknowledged, f"sent again though it was acknowledged: {requests}"
            assert furthest - one.start <= chunk, f"{furthest - one.start} bytes were sent again"
            furthest = max(furthest, one.start + one.received)
            if one.answered and one.received == one.length:
                acknowledged = one.start + one.length


def sessions_are_closed(running: House, sent: Sequence[Sent], deaths: int) -> None:
    """No upload session that ever got bytes is open; those whose address was lost with a process never got any.

    A process that dies takes at most the addresses with it that it had just asked for.
    """
    fed = " ".join(one.key for one in sent if one.method == "PUT" and one.received)
    for vendor in (running.google, running.microsoft):
        rows = {key: row for key, row in now(vendor, "uploads").items() if not row.get("done")}
        assert not [key for key in rows if key in fed], "an upload session was left open"
        assert len(rows) <= deaths * AT_ONCE, "more sessions are open than can have died with their processes"


async def objects(running: House, database: str) -> dict[str, str]:
    """What the vault keeps: the life of each object by its id, as the database says."""
    query = "SELECT id, life FROM vault_objects"
    if not database:
        path = running.ours / "gateway" / "gateway.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return dict(connection.execute(query))
    connection = await asyncpg.connect(database)
    try:
        return {row["id"]: row["life"] for row in await connection.fetch(query)}
    finally:
        await connection.close()


async def nothing_stays(running: House, database: str = "", stores: Stores | None = None) -> None:
    """No spool, and no sealed bytes that nobody knows of, once an hour is made of what a dead process left."""

    async def swept() -> bool:
        kept = await objects(running, database)
        found = stored(running) | (await asyncio.to_thread(stores.names) if stores else set[str]())
        unknown = found - set(kept)
        for name in unknown:
            for path in (running.ours / "gateway" / "blobs").rglob(name):
                os.utime(path, (0, 0))
            if stores:
                await asyncio.to_thread(stores.age, name)
        return "spool" not in kept.values() and not unknown

    await eventually(swept, 25, 0.2)
