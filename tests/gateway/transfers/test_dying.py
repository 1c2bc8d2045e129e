"""Workers that are killed or stopped in the middle: the work goes on elsewhere, exactly once, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cache.model import Scope
from gateway.db.engine import Database
from gateway.jobs.model import JobState
from providers.drive import Kind
from tests import soak
from tests.databases import Server
from tests.gateway.transfers.filedrive import UNIT, FileDrive, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House, open_house
from tests.gateway.vaults import SCHEMA


def fill(left: FileDrive) -> tuple[str, dict[str, Any]]:
    """A folder with a bit of everything, and what must arrive."""
    top = left.folder("top", "Year")
    inner = left.folder(top, "Inner")
    files = {"large.bin": body("large", 40 * UNIT + 11), "odd?.bin": body("odd", 9 * UNIT), "empty": b""}
    for name, data in files.items():
        left.put(inner, name, data)
    small = {f"{number}.txt": body(f"small {number}", 50) for number in range(7)}
    for name, data in small.items():
        left.put(top, name, data)
    left.put(inner, "Plan", body("plan", 6 * UNIT), Kind.DOCUMENT, "application/doc")
    return top, {"Inner": {"large.bin": files["large.bin"], "odd‛？.bin": files["odd?.bin"], "empty": b""}, **small}


async def start(url: str, folder: Path, job: str, *more: str) -> Process:
    """A worker process."""
    program = "tests.gateway.transfers.worker_process"
    return await asyncio.create_subprocess_exec(sys.executable, "-m", program, url, str(folder), job, *more)


async def check(house: House, job: str, expected: dict[str, Any]) -> None:
    """Everything arrived once and whole, everything is gone from the source, nothing stays in the spool."""
    view = await house.jobs.get(SCHOOL, PERSON, job)
    assert view is not None
    assert (view.state, view.counts.found, view.counts.copied) == (JobState.DONE, 13, 13)
    tree = house.right.tree()["Year"]
    plan = tree["Inner"].pop("Plan.docx")
    assert (plan.count(b"export "), plan[-6 * UNIT :]) == (1, body("plan", 6 * UNIT)), "two exports were spliced"
    assert tree == expected
    assert list(house.right.tree()) == ["Year"], "no twin of the folder"
    assert house.left.tree() == {}
    async with house.database.read() as tx:
        assert await house.vault.held(tx, Scope(SCHOOL, PERSON)) == []


async def begin(url: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """Order the move, as a process that then ends."""
    async with Database(url) as database, open_house(database, folder) as house:
        top, expected = fill(house.left)
        return await house.transfers.create(house.order("move", top)), expected


@pytest.mark.both
@pytest.mark.slow
@pytest.mark.parametrize("seed", soak.jobs())
async def test_kill_9_again_and_again_loses_and_doubles_nothing(database_url: str, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    job, expected = await begin(database_url, tmp_path)
    for _ in range(soak.DEATHS):
        worker = await start(database_url, tmp_path, job, str(dice.randint(8, 60)))
        assert await worker.wait() == -signal.SIGKILL, "it ended before it was killed"
    last = await start(database_url, tmp_path, job)
    assert await last.wait() == 0
    async with Database(database_url) as database, open_house(database, tmp_path) as house:
        await check(house, job, expected)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
async def test_another_machine_goes_on_and_a_late_riser_does_no_harm(
    request: pytest.FixtureRequest, tmp_path: Path, how: str
) -> None:
    server = await Server.get(request.config)
    url = server.url(await server.make(SCHEMA))
    job, expected = await begin(url, tmp_path)
    first = await start(url, tmp_path, job, "40", how)
    await stopped(first)
    second = await start(url, tmp_path, job)
    assert await asyncio.wait_for(second.wait(), 120) == 0
    if how == "SIGSTOP":
        os.kill(first.pid, signal.SIGCONT)
        assert await asyncio.wait_for(first.wait(), 120) == 0
    async with Database(url) as database, open_house(database, tmp_path) as house:
        await check(house, job, expected)


async def stopped(worker: Process) -> None:
    """Wait until the process is dead or stands still."""
    status = Path(f"/proc/{worker.pid}/stat")
    async with asyncio.timeout(120):
        with suppress(FileNotFoundError, ProcessLookupError):  # gone, and already waited for
            while worker.returncode is None and status.read_text().rpartition(")")[2].split()[0] not in "TZ":
                await asyncio.sleep(0.02)
