"""A worker in a process of its own, which may be told to kill or stop itself at a chosen step of its drives.

python -m tests.gateway.transfers.worker_process DATABASE FOLDER JOB [STEPS [SIGNAL]]; exits 0 once the job ended.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import gateway.db.tables_work  # noqa: F401 - puts its tables on the metadata
from gateway.db.engine import Database
from tests.gateway.jobs.support import SHORT
from tests.gateway.transfers.filedrive import Trip
from tests.gateway.transfers.support import open_house


async def main(url: str, folder: str, job: str, steps: str = "", how: str = "SIGKILL") -> None:
    """Work until the job has ended."""
    trip = Trip(int(steps) if steps else None, signal.Signals[how])
    async with (
        Database(url) as database,
        open_house(database, Path(folder), trip=trip) as house,
        house.working(timing=SHORT),
    ):
        await house.ended(job, within=120)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
