"""Runs the sandbox drives and the gateway together on embedded defaults: what `./scripts/start` is made of.

The stand-ins and the gateway are separate processes that know each other by address only. Ports are kept in the data
folder, so that the addresses, and with them the people who signed in, are the same at the next start.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

ROOT = Path(__file__).resolve().parent.parent
VENDORS = ("google", "microsoft", "launchpad")
PATIENCE = 60.0
TRIES = 4
PORTS = "ports.json"
T = TypeVar("T")
EXTENSION_ID = "cfippdkechkciddphapgcllfdmpccbhp"


@dataclass(frozen=True)
class Playground:
    """Addresses of what runs: ``gateway``, and the stand-ins by vendor; ``data`` is the folder of everything."""

    gateway: str
    sandboxes: dict[str, str]
    data: Path
    processes: dict[str, int]
    first_end: Callable[[], Awaitable[str]]
    """Waits until one of the processes has ended by itself; its name."""


def free_port(preferred: int) -> int:
    """The preferred port if nobody has it, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def only_one(data: Path) -> IO[bytes]:
    """Holds the data folder for this process, or ends it: two would take each other's ports and files."""
    lock = (data / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"Another ./scripts/start is running on {data}. Stop it first, or choose another folder with --data.")
    return lock


def ports(data: Path) -> dict[str, int]:
    """A port for each process, the same as last time where they are still free."""
    path = data / PORTS
    kept = json.loads(path.read_text()) if path.exists() else {}
    wanted = {"gateway": 8420, "google": 8421, "microsoft": 8422, "launchpad": 8423}
    return {name: free_port(kept.get(name, port)) for name, port in wanted.items()}


def gateway_settings(data: Path, port: int, sandboxes: dict[str, str]) -> dict[str, str]:
    """The environment that points a gateway at the stand-ins."""
    google, microsoft, launchpad = (sandboxes[vendor] for vendor in VENDORS)
    schools = {
        "riverside": {"name": "Riverside School", "region": "local"},
        "hillcrest": {"name": "Hillcrest Academy", "region": "local"},
    }
    provider = {
        "issuer": launchpad,
        "client_id": "gateway",
        "client_secret": "sandbox",
        "schools": schools,
        "sandbox": True,
    }
    settings = {
        "PORT": str(port),
        "DATA_DIR": str(data / "gateway"),
        "IDENTITY_PROVIDERS": json.dumps([provider]),
        "EXTENSION_IDS": json.dumps([EXTENSION_ID]),
        "GOOGLE__CLIENT_ID": "gateway",
        "GOOGLE__CLIENT_SECRET": "sandbox",
        "GOOGLE__API_ROOT": google,
        "GOOGLE__AUTH_URL": f"{google}/o/oauth2/v2/auth",
        "GOOGLE__TOKEN_URL": f"{google}/token",
        "GOOGLE__REVOKE_URL": f"{google}/revoke",
        "MICROSOFT__CLIENT_ID": "gateway",
        "MICROSOFT__CLIENT_SECRET": "sandbox",
        "MICROSOFT__AUTHORITY": f"{microsoft}/organizations",
        "MICROSOFT__GRAPH_ROOT": f"{microsoft}/v1.0",
    }
    return {f"FILE_ACCESS_{name}": value for name, value in settings.items()}


class DidNotStart(SystemExit):  # ends ./scripts/start with its last words unless somebody tries again
    """A process of ours ended before it was ready, or never was."""


async def spawn(arguments: list[str], environment: dict[str, str], log: Path) -> asyncio.subprocess.Process:
    """A process of ours, ready to be used: it has printed its line.

    Raises:
        DidNotStart: it was not ready within ``PATIENCE`` seconds.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors,
            env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
            while line and not line.startswith(b"ready "):
                line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        with contextlib.suppress(TimeoutError):  # what has closed its output is about to end by itself
            async with asyncio.timeout(1):
                await process.wait()
        await stop(process)
        raise DidNotStart(f"{log.stem} did not start; its last words:\n{log.read_text()[-2000:]}")
    return process


async def listening(port: int, begin: Callable[[int], Awaitable[T]]) -> tuple[int, T]:
    """What ``begin`` starts on a port, and the port: another one if somebody took it after we had found it free."""
    for _ in range(TRIES):
        try:
            return port, await begin(port)
        except DidNotStart:
            if (another := free_port(port)) == port:
                raise
            port = another
    return port, await begin(port)


async def stop(process: asyncio.subprocess.Process) -> None:
    """End one process, gently first."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def first_end(processes: Mapping[str, asyncio.subprocess.Process]) -> str:
    """The name of the process that is the first to end."""
    waits = {asyncio.ensure_future(process.wait()): name for name, process in processes.items()}
    try:
        ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return waits[ended.pop()]
    finally:
        for one in waits:
            one.cancel()


def _sandbox(data: Path, vendor: str, port: int) -> tuple[list[str], dict[str, str]]:
    return ["gateway", "sandbox", vendor, "--state", str(data / vendor), "--port", str(port)], {}


@contextlib.asynccontextmanager
async def playground(data: Path) -> AsyncIterator[Playground]:
    """Everything running; ended by process id when left."""
    data.mkdir(parents=True, exist_ok=True)
    lock = only_one(data)
    chosen = ports(data)
    started: list[asyncio.subprocess.Process] = []

    async def start(name: str, command: Callable[[int], tuple[list[str], dict[str, str]]]) -> None:
        async def begin(port: int) -> asyncio.subprocess.Process:
            return await spawn(*command(port), data / f"{name}.log")

        chosen[name], process = await listening(chosen[name], begin)
        started.append(process)

    try:
        for vendor in VENDORS:
            await start(vendor, functools.partial(_sandbox, data, vendor))
        sandboxes = {vendor: f"http://127.0.0.1:{chosen[vendor]}" for vendor in VENDORS}
        await start("gateway", lambda port: (["gateway", "serve"], gateway_settings(data, port, sandboxes)))
        (data / PORTS).write_text(json.dumps(chosen))
        names = (*VENDORS, "gateway")
        named = dict(zip(names, started, strict=True))
        pids = {name: process.pid for name, process in named.items()}
        address = f"http://127.0.0.1:{chosen['gateway']}"
        yield Playground(address, sandboxes, data, pids, functools.partial(first_end, named))
    finally:
        for process in reversed(started):
            await stop(process)
        lock.close()


def introduce(running: Playground) -> None:
    """What a newcomer needs to know."""
    print(
        f"\nFile Access Gateway is ready:  {running.gateway}\n\n"
        "Sign in at one of two schools; the sandbox asks for no password.\n"
        "  Riverside School    Amira Haddad (teacher)   Leo Park (student)   Sofia Rossi (administrator)\n"
        "  Hillcrest Academy   Jonas Weber (teacher)    Mia Chen (student)   Noor Khan (administrator)\n\n"
        "The drives behind it are stand-ins for Google Drive and OneDrive on this machine:\n"
        f"  Google Drive {running.sandboxes['google']}   OneDrive {running.sandboxes['microsoft']}   "
        f"LaunchPad {running.sandboxes['launchpad']}\n\n"
        f"API: {running.gateway}/v1/docs   data: {running.data}   Ctrl-C ends it.",
        flush=True,
    )


async def serve(data: Path, *, as_json: bool) -> int:
    """Run until SIGINT or SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with playground(data) as running:
        if as_json:
            facts = {"gateway": running.gateway, **running.sandboxes, "pids": running.processes}
            print(json.dumps(facts), flush=True)
        else:
            introduce(running)
        asked, died = asyncio.ensure_future(ended.wait()), asyncio.ensure_future(running.first_end())
        await asyncio.wait((asked, died), return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            died.cancel()
            return 0
        asked.cancel()
        who = died.result()
        print(f"\n{who} has ended by itself; its last words are in {data / who}.log", file=sys.stderr, flush=True)
    return 1


async def tour(kept: Path | None) -> int:
    """The main job once, on a data folder of its own: a given one that is ``kept``, or one that is gone afterwards."""
    from tour import main as main_job

    data = kept or Path(tempfile.mkdtemp(prefix="file-access-tour-"))
    os.environ["FILE_ACCESS_EXPIRY_DIR"] = str(data / "expiry")  # not in memory, where it would outlive the tour
    try:
        async with playground(data) as running:
            return await main_job(running)
    finally:
        if kept is None:
            shutil.rmtree(data, ignore_errors=True)


def main() -> int:
    """The command line of ./scripts/start."""
    parser = argparse.ArgumentParser(prog="./scripts/start", description="Sandbox drives and the gateway, together.")
    parser.add_argument("--tour", action="store_true", help="do the whole main job once, visibly, and check it")
    parser.add_argument("--data", type=Path, help="where everything is kept (default: .data; after a tour: nowhere)")
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        data = chosen.data.resolve() if chosen.data else None
        return asyncio.run(tour(data) if chosen.tour else serve(data or ROOT / ".data", as_json=chosen.json))
    return 130


if __name__ == "__main__":
    sys.exit(main())
