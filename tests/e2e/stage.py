"""Where a story is played: a house on its stores, and everything that is to be searched and compared there."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cache.keys import Wrap, unwrap_key
from cache.root_places import parse
from tests.cache.servers import ACCESS, SECRET, make_bucket, s3_server
from tests.databases import Server
from tests.e2e import watching
from tests.e2e.processes import House, house
from tests.e2e.traces import Traces
from tests.e2e.watching import Watch
from tests.redis_server import RedisServer, redis_server

VERSION = 4
"""Bytes before an expiry key in Redis."""
PREFIX = "school"
"""Of the bucket's keys."""


class OwnServer(Server):
    """A PostgreSQL of this test alone: what other tests write is not searched."""

    def halt(self) -> None:
        """End the process; its files stay."""
        self._server.stop()


@dataclass
class Stage:
    """A house on its stores, and what is to be searched for there. ``blobs``: where sealed objects lie as files."""

    house: House
    traces: Traces
    watch: Watch
    blobs: Path
    server: OwnServer | None = None
    redis: RedisServer | None = None

    async def found(self) -> list[str]:
        """Every leak, in what Redis holds as well."""
        if self.redis is not None and self.redis.process is not None:
            self.traces.expiry_keys |= set(await self._held(self.redis))
        return self.traces.found()

    async def strangers(self) -> list[str]:
        """Everything that the data inventory does not know: files, log fields, names in Redis, objects, hosts."""
        odd = [*self.watch.strangers(), *watching.of_log(self.house.log)]
        odd += [f"host: {host}" for host in sorted(self.watch.hosts - self._outside()) if not self._is_database(host)]
        if self.server is not None:
            odd += watching.of_bucket(self.blobs / PREFIX)
        if self.redis is not None and self.redis.process is not None:
            async with self.redis.look() as look:
                names = [name async for name in look.scan_iter()]
                names += await look.pubsub_channels()
            odd += watching.of_redis(names)
        return odd

    def _outside(self) -> set[str]:
        """Where a gateway with these settings may call: the recipients of the inventory, as they stand here."""
        known = {urlsplit(vendor.url).netloc for vendor in self.house.vendors}
        for name in ("BLOBS_URL", "EXPIRY_URL"):
            text = self.house.settings.get(f"FILE_ACCESS_{name}", "")
            known |= set(re.findall(r"127\.0\.0\.1:\d+", text))
        return known

    def _is_database(self, host: str) -> bool:
        """Whether it is the socket of this stage's own PostgreSQL."""
        return self.server is not None and host.startswith(str(self.server.folder))

    def boxes(self) -> set[bytes]:
        """The wrapped keys of all people and schools as SQLite holds them now; PostgreSQL's files keep dead rows."""
        path = self.house.ours / "gateway" / "gateway.db"
        if self.server is not None:
            return set()
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            query = "SELECT box FROM vault_subject_keys UNION SELECT box FROM vault_record_keys WHERE subject != ''"
            return {bytes(row[0]) for row in database.execute(query)}

    async def _held(self, redis: RedisServer) -> list[bytes]:
        """The expiry keys in Redis; all that it holds is written where it will be searched."""
        roots = parse((self.house.ours / "gateway-root.key").read_text())
        async with redis.look() as look:
            names: list[Any] = [name async for name in look.scan_iter()]
            values: dict[bytes, Any] = {name: await look.get(name) for name in names}
        (redis.folder / "held").write_bytes(b"\n".join(part for pair in values.items() for part in pair))
        keys = []
        for name, value in values.items():
            wrap = Wrap("expiry", "", "", "", int(name.rpartition(b":")[2]))
            version = int.from_bytes(value[:VERSION], "big")  # of the root that wraps it
            keys.append(unwrap_key(value[VERSION:], roots[version].key, wrap))
        return keys

    async def close(self) -> None:
        """Nothing runs any more but the stand-ins."""
        await self.house.stop()
        if self.server is not None:
            self.server.halt()
        if self.redis is not None:
            await self.redis.stop()

    def sealed(self) -> list[Path]:
        """Every sealed file."""
        return [path for path in self.blobs.rglob("*") if path.is_file()]


@pytest.fixture(params=["one machine", "many machines"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """Once with all on one machine, once with what many machines need: PostgreSQL, a bucket, and a Redis."""
    async with AsyncExitStack() as stack:
        if request.param == "one machine":
            yield await _one_machine(stack, tmp_path)
        else:
            yield await _many_machines(stack, tmp_path)


async def _one_machine(stack: AsyncExitStack, folder: Path) -> Stage:
    running, watch = await _watched(stack, folder)
    return Stage(running, Traces(running, None, watch=watch), watch, running.ours / "gateway" / "blobs")


async def _many_machines(stack: AsyncExitStack, folder: Path) -> Stage:
    server = await stack.enter_async_context(postgresql())
    redis = await stack.enter_async_context(redis_server(folder / "redis"))
    endpoint = await stack.enter_async_context(s3_server("rclone", folder / "s3"))
    await asyncio.to_thread(make_bucket, endpoint)
    stores = {
        "FILE_ACCESS_BLOBS_URL": f"s3://blobs/{PREFIX}?endpoint={endpoint}&region=eu-central-1",
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "FILE_ACCESS_EXPIRY_URL": redis.url,
    }
    running, watch = await _watched(stack, folder, database_url=server.url("files"), environment=stores)
    traces = Traces(running, server.folder, {redis.password}, [folder / "s3", redis.folder], watch=watch)
    return Stage(running, traces, watch, folder / "s3" / "files" / "blobs", server, redis)


async def _watched(
    stack: AsyncExitStack, folder: Path, *, database_url: str = "", environment: Mapping[str, str] | None = None
) -> tuple[House, Watch]:
    """A house whose gateway notes what it does. The notes hold keys: they lie where nothing is searched."""
    where = folder / "house"
    ours = where / "ours"
    watch = Watch(
        folder / "notes", {"data": ours / "gateway", "journal": ours / "gateway-journal", "temporary": where / "tmp"},
        ours / "gateway-root.key", [folder / "notes"],
    )  # fmt: skip
    more = {**(environment or {}), **watch.environment()}
    running = await stack.enter_async_context(house(where, database_url=database_url, environment=more))
    watch.places |= {"blobs": ours / "gateway" / "blobs", "expiry": running.expiry}
    return running, watch


@asynccontextmanager
async def postgresql() -> AsyncIterator[OwnServer]:
    server = OwnServer()
    try:
        await server.run("CREATE DATABASE files TEMPLATE template0")
        yield server
    finally:
        server.halt()
        shutil.rmtree(server.folder, ignore_errors=True)
