"""What ./scripts/start is made of: alone on its folder and its ports, and not deaf to the death of what it runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from asyncio import subprocess, timeout
from pathlib import Path

import pytest

from tests.e2e.processes import playground
from tests.sandboxes import ROOT

SCRIPT = ROOT / "scripts" / "playground.py"


async def start(data: Path) -> subprocess.Process:
    """The script itself, on a data folder."""
    memory = {**os.environ, "FILE_ACCESS_EXPIRY_DIR": str(data / "expiry")}  # gone with the test's folder
    command = (sys.executable, SCRIPT, "--data", data, "--json")
    pipe = subprocess.PIPE
    return await subprocess.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=memory)


async def ended(process: subprocess.Process) -> tuple[int, str]:
    """Its exit code and what it told."""
    async with timeout(30):
        _, told = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


async def test_one_at_a_time_and_told_when_something_dies(tmp_path: Path) -> None:
    """A second start on the folder is refused in one sentence and leaves its ports alone; a death ends the whole."""
    first = await start(tmp_path)
    assert first.stdout is not None
    pids = json.loads(await first.stdout.readline())["pids"]
    ports = (tmp_path / "ports.json").read_bytes()
    code, told = await ended(await start(tmp_path))
    assert code == 1
    assert told.startswith("Another ./scripts/start is running on ")
    assert (tmp_path / "ports.json").read_bytes() == ports
    os.kill(pids["gateway"], signal.SIGKILL)
    code, told = await ended(first)
    assert code == 1
    assert "gateway has ended by itself" in told
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_port_that_is_taken_after_it_was_found_free(tmp_path: Path) -> None:
    """Two starts at once find the same ports free: the slower one takes another port instead of giving up."""

    async def begin(port: int) -> subprocess.Process:
        arguments = ["gateway", "sandbox", "launchpad", "--state", str(tmp_path / "state"), "--port", str(port)]
        return await playground.spawn(arguments, {}, tmp_path / "log")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        port, process = await playground.listening(wanted, begin)
        try:
            assert port != wanted
            with socket.create_connection(("127.0.0.1", port)):
                pass
        finally:
            await playground.stop(process)
    with pytest.raises(SystemExit, match="did not start"):  # what another port cannot mend is told at once
        await playground.listening(wanted, lambda _: playground.spawn(["gateway", "nothing"], {}, tmp_path / "log"))
