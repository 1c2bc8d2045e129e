"""A gateway and its stand-ins as separate processes on a data folder of the test; the gateway may be killed and started
again on the same data.

It knows the settings and the layout of a stand-in's state, nothing of the gateway's rooms: what it tells was seen from
outside.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.sandboxes import ROOT, Running, sandbox

sys.path.insert(0, str(ROOT / "scripts"))  # no package: what is in it runs before anything is installed
import playground
import tour
from tour import Browser

__all__ = [
    "Browser",
    "Ended",
    "House",
    "Kept",
    "Running",
    "arrived",
    "blob",
    "command",
    "eventually",
    "house",
    "now",
    "playground",
    "rows",
    "tour",
]


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def command(*arguments: str, environment: dict[str, str] | None = None, patience: float = 60) -> Ended:
    """Run ``file-access`` with only these settings, to its end. TimeoutError, after it was killed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FILE_ACCESS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**clean, **(environment or {})},
    )  # fmt: skip
    try:
        async with asyncio.timeout(patience):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


class Kept(Protocol):
    """A stand-in's state, whether it runs or not."""

    @property
    def state(self) -> Path: ...


@dataclass
class House:
    """A deployment. ``ours`` is everything the gateway keeps: data folder, journal and root key beside it."""

    folder: Path
    google: Running
    microsoft: Running
    launchpad: Running
    settings: dict[str, str]
    arguments: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = None
    expiry: Path = field(default_factory=Path)

    @property
    def url(self) -> str:
        """The gateway's address, the same after a restart."""
        return f"http://127.0.0.1:{self.settings['FILE_ACCESS_PORT']}"

    @property
    def ours(self) -> Path:
        """What is the gateway's: ``gateway`` (data), ``gateway-journal``, ``gateway-root.key``."""
        return self.folder / "ours"

    @property
    def vendors(self) -> tuple[Running, Running, Running]:
        """The stand-ins."""
        return self.google, self.microsoft, self.launchpad

    @property
    def written(self) -> list[Path]:
        """What is the gateway's beside that: what it said, and where it might leave something for a moment."""
        return [self.folder / "logs", self.folder / "tmp"]

    @property
    def log(self) -> Path:
        """What the gateway has written to standard error, all starts one after the other."""
        return self.folder / "logs" / "gateway.log"

    async def start(self) -> None:
        """Start the gateway and wait until it serves."""
        self.process = await playground.spawn(["gateway", "serve", *self.arguments], self.settings, self.log)

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        """A process of its own that does the jobs; it prints a line when it is ready, which nobody has waited for."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FILE_ACCESS_")}
        with self.log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "worker", cwd=ROOT,
                stdout=asyncio.subprocess.PIPE, stderr=errors, env={**clean, **self.settings},
            )  # fmt: skip
        try:
            yield process
        finally:
            await playground.stop(process)

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        self.process = None

    async def stop(self) -> None:
        """End it in good order, if it runs."""
        if self.process is not None:
            await playground.stop(self.process)
            self.process = None


@asynccontextmanager
async def house(
    folder: Path, *, database_url: str = "", serve: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> AsyncGenerator[House]:
    """Stand-ins with their seed, and a gateway on them; everything ended by its process id."""
    for name in ("ours", "logs", "tmp"):
        (folder / name).mkdir(parents=True)
    async with AsyncExitStack() as stack:
        google, microsoft, launchpad = [
            await stack.enter_async_context(sandbox(kind, seed=True, state=folder / kind))
            for kind in playground.VENDORS
        ]
        expiry = Path(tempfile.mkdtemp(prefix="file-access-test-", dir="/dev/shm" if _has_memory() else None))
        stack.callback(shutil.rmtree, expiry, ignore_errors=True)
        addresses = {one.kind: one.url for one in (google, microsoft, launchpad)}
        settings = playground.gateway_settings(folder / "ours", playground.free_port(0), addresses)
        settings |= {"FILE_ACCESS_EXPIRY_DIR": str(expiry), "TMPDIR": str(folder / "tmp")}
        settings |= {"FILE_ACCESS_LOG_LEVEL": "debug", **(environment or {})}
        if "FILE_ACCESS_EXPIRY_URL" in settings:
            del settings["FILE_ACCESS_EXPIRY_DIR"]
        if database_url:
            settings["FILE_ACCESS_DATABASE_URL"] = database_url
        made = House(folder, google, microsoft, launchpad, settings, tuple(serve), expiry=expiry)
        stack.push_async_callback(made.stop)
        await made.start()
        yield made


def _has_memory() -> bool:
    return os.access("/dev/shm", os.W_OK)


async def eventually(holds: Callable[[], Awaitable[Any]], patience: float = 30, pause: float = 0.02) -> Any:
    """Ask again and again until the answer is true; that answer. TimeoutError."""
    async with asyncio.timeout(patience):
        while not (answer := await holds()):
            await asyncio.sleep(pause)
        return answer


def rows(vendor: Kept, *tables: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Every document that a stand-in ever kept in these tables, in order; None where it was dropped."""
    for line in (vendor.state / "state.jsonl").read_text().splitlines():
        for table, key, document in json.loads(line):
            if table in tables:
                yield key, document


def now(vendor: Kept, table: str) -> dict[str, dict[str, Any]]:
    """The documents that a stand-in keeps now."""
    kept: dict[str, dict[str, Any] | None] = {}
    for key, document in rows(vendor, table):
        kept.pop(key, None)
        kept[key] = document
    return {key: document for key, document in kept.items() if document is not None}


def blob(vendor: Kept, row: dict[str, Any]) -> Path:
    """Where a stand-in keeps a file's bytes."""
    return vendor.state / "blobs" / str(row["blob"])


def arrived(microsoft: Running, person: str, folder: str) -> list[tuple[str, str]]:
    """(path, SHA-256) of everything in the folder of this name in a person's OneDrive, as the stand-in has it on disk.

    A folder is in it with '' for a hash. Two of one name are in it twice.
    """
    items = {key: row for key, row in now(microsoft, "items").items() if row["by"] == person}

    def path(row: dict[str, Any]) -> list[str]:
        above = items.get(row["parent"] or "")
        return [*path(above), row["name"]] if above else []

    found = []
    for row in items.values():
        names = path(row)
        if folder in names[:1] and not row.get("dead"):
            digest = hashlib.sha256(blob(microsoft, row).read_bytes()).hexdigest() if row["kind"] == "file" else ""
            found.append(("/".join(names), digest))
    return sorted(found)
